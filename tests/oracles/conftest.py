"""For the oracles: `./run oracles` asks for them, and then one that is not there is a failure.

Elsewhere (`./run test`) a missing folder or engine is a skip that says what is missing. A skip that
begins with `out of scope:` is about a case, not about absence, and stays one.
"""

import os

import pytest

MUST = "GRIDTALLY_ORACLES_MUST"
OUT_OF_SCOPE = "out of scope:"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """What is skipped because nothing is there to compare with failed, where it must be there."""
    report = yield
    if os.environ.get(MUST) and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2].removeprefix("Skipped: ")
        if not reason.startswith(OUT_OF_SCOPE):
            report.outcome = "failed"
            report.longrepr = (
                f"Nothing to compare with: {reason}. "
                "GRIDTALLY_ORACLES names the folder of oracles; `./run test` goes on without."
            )
    return report
