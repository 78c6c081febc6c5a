"""The long comparison of both raters (`./run raters`) knows which code it compared."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
ASKED = """
import sys
sys.path[:0] = ["tools", "tests/laws", "src"]
import raters, two_raters, case_raters, random_language, random_towns
known = set(map(str, raters.compared_files()))
used = [m.__file__ for n, m in sys.modules.items() if n.startswith("gridtally") and m.__file__]
print(*sorted(set(used) - known), sep="\\n")
"""


def test_all_code_of_both_raters_is_in_the_digest():
    """Every module that a comparison loads: a change to one begins the count anew."""
    done = subprocess.run(
        [sys.executable, "-c", ASKED], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
