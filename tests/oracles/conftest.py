"""For the oracles that both raters answer: `case_raters` lives with the laws."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "laws"))
