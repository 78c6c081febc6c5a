"""The page on proofs shows a whole file: put together from the page, it verifies."""

import hashlib
import json
import re
from pathlib import Path

from gridtally.proof.record import canonical, record_leaf, short_code
from gridtally.proof.verify import KEYS, verify
from gridtally.rating.reference import rate_case

PAGE = (Path(__file__).parents[2] / "docs" / "proof.md").read_text()
PARTS = {
    name: json.loads(text)
    for name, text in re.findall(r"^```json (\w+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
}
KEY = re.search(r"public key is\n\n```\n(.*)\n```", PAGE)[1]
PROOF = {"schema": 1, "kind": "bill"} | PARTS


def test_the_pages_example_verifies():
    """Every part is on the page, and with the page's key it is whole; the answer is as shown."""
    assert PROOF.keys() == KEYS
    shown = json.loads(re.search(r"The answer:\n\n```json\n(.*?)```", PAGE, re.DOTALL)[1])
    assert verify(PROOF, KEY, rate_case=rate_case) == shown


def test_the_pages_words_about_it():
    """Leaf, short code and the document as written are what the page says."""
    leaf = record_leaf(PROOF["record"]).hex()
    assert leaf == hashlib.sha256(b"\x00" + canonical(PROOF["record"])).hexdigest()
    assert f"`{leaf[:8]}…{leaf[-6:]}`" in PAGE
    assert f"`{short_code(bytes.fromhex(leaf))}`" in PAGE
    (document,) = PROOF["tariffs"].values()
    assert f"```toml\n{document.strip()}\n```" in PAGE
    assert PROOF["checkpoint"].strip() in PAGE


def test_every_key_has_a_row():
    """The table of the file names each key."""
    for key in KEYS:
        assert f"| `{key}` |" in PAGE
