"""For all tests: hypothesis sets no deadline, because machines are shared and slow at times.

Where `CI` is set (`.ci/run` sets it) its examples follow from the source of each test, and are the
same in every run, so that a red run speaks of the change; all other runs look further. What
compares the raters (`case_raters` and its like) lives with the laws and serves oracles, too.
"""

import os
import sys
from pathlib import Path

from hypothesis import settings

settings.register_profile("gridtally", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("gridtally")
sys.path.append(str(Path(__file__).parent / "laws"))
