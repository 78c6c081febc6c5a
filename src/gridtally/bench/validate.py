"""The door for measuring, step 3: the checks of clean readings beside the decode of their files."""

from __future__ import annotations

from collections.abc import Callable

from gridtally.bucket import Job
from gridtally.metering.blocks import dense
from gridtally.metering.checks_channels import channels
from gridtally.metering.checks_versions import replaced
from gridtally.metering.profiles import profiles
from gridtally.metering.validate import judge
from gridtally.terms import Channel

__all__ = ["work_of"]


def work_of(job: Job, *, zone: str, start_utc: int, end_utc: int) -> Callable[[], int]:
    """A bucket's readings laid on their grid; to be called: every check of them, and profiles.

    It gives the number of findings.
    """
    blocks = job.blocks()
    points = sorted(set(job.spans["metering_point"].to_pylist()))
    grid, _ = dense(
        blocks, points=points, channel=Channel.IMPORT, start_utc=start_utc, end_utc=end_utc,
        resolution_s=blocks["resolution_s"][0].as_py(),
    )  # fmt: skip
    fuses = job.points.sort_by("metering_point")["fuse_ukw"].combine_chunks()

    def work() -> int:
        judged = judge(grid, zone=zone, thresholds=job.thresholds, fuse_ukw=fuses)
        crossed = channels([judged], spans=job.spans, points=job.points)
        again = replaced(blocks, thresholds=job.thresholds, kinds=job.kinds)
        profiles([grid], job.spans)
        return sum(len(found) for found in (judged.findings, crossed, again))

    return work
