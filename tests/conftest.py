"""For all tests: hypothesis sets no deadline, because machines are shared and slow at times.

What compares the raters (`case_raters` and its like) lives with the laws and serves oracles, too.
"""

import sys
from pathlib import Path

from hypothesis import settings

settings.register_profile("gridtally", deadline=None)
settings.load_profile("gridtally")
sys.path.append(str(Path(__file__).parent / "laws"))
