"""The command for measuring: each stage in a process of its own, beside its floor.

`./run bench [STAGE] [--points N] [--json]`. Seconds of a shared machine mean little; the ratio to
the floor does. Every stage runs in a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import json
import multiprocessing
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from gridtally.bench.data import generate, no_files
from gridtally.bench.estimates import shown, stage_estimates, use
from gridtally.bench.peers import stage_pysam, stage_sql
from gridtally.bench.rate import generate_mix, generate_whole, stage_rate, stage_series
from gridtally.bench.steps import stage_audit, stage_bill, stage_second, stage_validate
from gridtally.bench.what_if import generate_year, stage_what_if
from gridtally.errors import UsageError

STAGES: dict[str, tuple[Callable[..., dict[str, Any]], tuple[int, ...]]] = {
    "bill": (stage_bill, (50_000, 200_000)),
    "rate": (stage_rate, (50_000, 200_000)),
    "series": (stage_series, (25_000,)),
    "pysam": (stage_pysam, (5_000,)),
    "sql": (stage_sql, (12_500,)),
    "validate": (stage_validate, (25_000,)),
    "audit": (stage_audit, (20_000,)),
    "second": (stage_second, (500,)),
    "estimates": (stage_estimates, (3,)),
    "what-if": (stage_what_if, (200_000,)),
}
"""Stage -> what it does, and the sizes that it runs at."""
DATA: dict[str, Callable[..., Any]] = {
    "rate": generate_mix, "series": generate_whole, "pysam": no_files, "sql": no_files,
    "estimates": no_files, "what-if": generate_year,
}  # fmt: skip
"""Stage -> its own readings; the others share a month of readings."""


def _alone(stage: str, points: int) -> dict[str, Any]:
    """A stage in a process of its own, and its data made in another: its peak is its own."""
    with tempfile.TemporaryDirectory(prefix="gridtally-bench-") as folder:
        entries = _elsewhere(DATA.get(stage, generate), Path(folder), points)
        row: dict[str, Any] = _elsewhere(STAGES[stage][0], Path(folder), entries, points)
        return row


def _elsewhere(work: Callable[..., Any], *arguments: object) -> Any:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments)


@click.command()
@click.argument("stages", nargs=-1, metavar="[STAGE]…")
@click.option("--points", type=int, help="Another size than the stage's own.")
@click.option("--data", help="A folder of real readings, for estimates; or GRIDTALLY_HOMES.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def main(stages: tuple[str, ...], points: int | None, data: str | None, as_json: bool) -> None:
    """Measure stages beside floors: bill, rate, series, pysam, sql, validate, audit, second,
    estimates, what-if.
    """
    try:
        use(data)
    except UsageError as err:
        raise click.UsageError(str(err)) from err
    rows = []
    unknown = [name for name in stages if name not in STAGES]
    if unknown:
        raise click.UsageError(f"There is no stage {unknown[0]}. Stages: {', '.join(STAGES)}.")
    for stage in stages or tuple(STAGES):
        for size in (points,) if points else STAGES[stage][1]:
            click.echo(f"{stage}, {size:,} …", err=True)
            rows.append(row := _alone(stage, size))
            if not as_json:
                click.echo(
                    f"{row['name']:<32} {row['seconds']:>8.2f} s   floor "
                    f"{row['floor_seconds']:>7.2f} s   ratio {row['ratio']:>6.2f}   "
                    f"peak {row['peak_mib']:,} MiB{shown(row)}"
                )
    if as_json:
        click.echo(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
