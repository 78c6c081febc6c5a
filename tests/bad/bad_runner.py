"""In a process of its own: commands one after the other, within limits of memory and time.

Reads `{"limits": {...}, "steps": [[word, ...], ...]}` from stdin; prints what each step said, how
much processor time it took [ms], and how far the memory rose above that of the imports [MiB].
"""

import contextlib
import io
import json
import resource
import sys


def peak():
    """The most memory so far. [MiB]"""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def spent():
    """Processor time so far. [ms]"""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return int((used.ru_utime + used.ru_stime) * 1000)


def step(words):
    """One command: exit code, stdout, stderr, time."""
    from gridtally import cli

    out, err = io.StringIO(), io.StringIO()
    sys.argv, code, begin = ["gridtally", *words], None, spent()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            cli.main()
        except SystemExit as end:
            code = end.code
    return {"code": code, "out": out.getvalue(), "err": err.getvalue(), "ms": spent() - begin}


def main():
    """All steps, and their costs."""
    asked = json.load(sys.stdin)
    from gridtally import bucket, inbox, pipeline  # noqa: F401  what every command needs

    before = peak()
    resource.setrlimit(resource.RLIMIT_CPU, (asked["cpu_s"], asked["cpu_s"]))
    resource.setrlimit(resource.RLIMIT_DATA, (asked["data_mib"] << 20, asked["data_mib"] << 20))
    said = []
    for words in asked["steps"]:
        done = step(words)
        done["mib"] = max(0, peak() - before)
        said.append(done)
    json.dump(said, sys.stdout)


main()
