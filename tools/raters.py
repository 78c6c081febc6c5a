"""Both raters on as many generated bills as wanted: `./run raters [BILLS] [--seed FIRST]`.

Each seed is a town of its own: random tariffs of the whole language, random segments around clock
changes and turns of the year, from dials or from intervals, with carry and with faults. It counts
bills that both rate and that both hold, and tells every disagreement with its seed. What was done
before with the same code is gone on with, see `.raters/`. Exit code 1 when one bill differs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
import time
from collections import Counter
from multiprocessing import get_context
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LAWS = ROOT / "tests" / "laws"
STATE = ROOT / ".raters"
_SHARE, _HEAVY = 20, 4
"""Of so many seeds, one is a set of stories, one a town of intervals of any length, a few have
dials; the others have the intervals of one day, so that many bills are soon made."""


def town_of_seed(seed: int) -> tuple[Counter[str], list[str]]:
    """What both raters said of one seed, and where they differ."""
    sys.path[:0] = [str(LAWS)] * (str(LAWS) not in sys.path)
    import two_raters
    from case_raters import disagreements
    from random_language import a_story
    from random_towns import a_register_town, a_town, from_dials

    from gridtally.errors import InvalidDocument

    seen: Counter[str] = Counter()
    r = random.Random(seed)  # noqa: S311 -- a town, not a secret
    kind = seed % _SHARE
    if kind == 0:
        wrong = []
        for _ in range(20):
            try:
                wrong += [str(found)[:400] for found in disagreements(*a_story(r))]
                seen["stories"] += 1
            except InvalidDocument:
                seen["refused"] += 1
        return seen, wrong
    known = two_raters.differences

    def watch(segment, answer, why, lines, carry):  # type: ignore[no-untyped-def]
        unread = any(code.startswith("metering.register.") for code in why or ())
        seen["unread" if unread else "held" if why else "rated"] += 1
        return known(segment, answer, why, lines, carry)

    two_raters.differences = watch
    try:
        if kind == 1:
            found = list(two_raters.compare(a_town(r, segments=60)))
        elif kind > _HEAVY:
            found = list(two_raters.compare(a_town(r, segments=400, step=3600, days=1)))
        else:
            town, dials = a_register_town(r, segments=120)
            found = list(two_raters.compare(town, **from_dials(town, dials)))
    finally:
        two_raters.differences = known
    return seen, [str(one)[:400] for one in found]


def _one(seed: int) -> tuple[int, Counter[str], list[str]]:
    try:
        return seed, *town_of_seed(seed)
    except Exception as err:  # a crash of either is a disagreement, too
        return seed, Counter(), [f"{type(err).__name__}: {err}"[:400]]


def compared_files() -> list[Path]:
    """Both raters, what feeds them and what both stand on, and the generators."""
    source = ROOT / "src/gridtally"
    folders = (source / "rating", source / "metering", source / "tables", LAWS)
    found = [path for folder in folders for path in folder.rglob("*.py")]
    return sorted([*found, *source.glob("*.py")])


def code_digest() -> str:
    """Which code was compared."""
    seal = hashlib.sha256()
    for path in compared_files():
        seal.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return seal.hexdigest()[:16]


def bills(count: Counter[str]) -> int:
    """Bills that both raters answered: rated, or held."""
    return count["rated"] + count["held"] + count["stories"]


def main() -> int:
    """Go on until so many bills are compared."""
    parser = argparse.ArgumentParser(prog="./run raters", description=__doc__)
    parser.add_argument("bills", nargs="?", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0, help="the first seed; default: go on")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    STATE.mkdir(exist_ok=True)
    file = STATE / f"{code_digest()}.json"
    state = (
        json.loads(file.read_text()) if file.is_file() else {"next": 0, "count": {}, "wrong": []}
    )
    count: Counter[str] = Counter(state["count"])
    wrong: list[str] = state["wrong"]
    first = max(options.seed, state["next"])
    begun, before, shown = time.monotonic(), bills(count), 0.0
    with get_context("fork").Pool(options.processes) as pool:
        for seed, seen, found in pool.imap(_one, range(first, 2**40), chunksize=1):
            count += seen
            wrong += [f"seed {seed}: {text}" for text in found]
            for text in found:
                print(f"seed {seed}: {text}", flush=True)
            done = bills(count)
            if time.monotonic() - shown > 10 or done >= options.bills:
                shown = time.monotonic()
                each = (shown - begun) / max(1, done - before)
                print(f"{done:,} bills, {len(wrong)} differ, {each * 1000:.1f} ms each", flush=True)
                made = {"next": seed + 1, "count": dict(count), "wrong": wrong}
                file.write_text(json.dumps(made))
            if done >= options.bills:
                pool.terminate()
                break
    parts = ", ".join(f"{number:,} {name}" for name, number in sorted(count.items()))
    print(f"{bills(count):,} bills through both raters ({parts}): {len(wrong)} differ.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
