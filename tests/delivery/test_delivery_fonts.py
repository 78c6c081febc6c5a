"""The letters that we can print: no bill shows a box."""

import base64
import hashlib
import re
import struct
import tomllib
from html import unescape
from importlib.resources import files

import pytest
from delivery_bills import NAMES, paper, screen

from gridtally.delivery import fonts, pdf
from gridtally.delivery.clean import STAND_IN, Cleaner

PACKAGE = files("gridtally.delivery")


def gb2312(rows):
    found = set()
    for lead in rows:
        for trail in range(0xA1, 0xFF):
            try:
                found.add(ord(bytes((lead, trail)).decode("gb2312")))
            except UnicodeDecodeError:
                continue
    return found


def test_the_fonts_cover_what_is_promised():
    """GB 2312 whole, Latin of Europe and Vietnam, Greek, Cyrillic, rare letters of names."""
    ours = fonts.printable()
    assert len(gb2312(range(0xB0, 0xF8))) == 6763
    assert gb2312(range(0xB0, 0xF8)) <= ours
    assert gb2312(range(0xB0, 0xD8)) <= fonts.font("han-bold").letters.keys()
    for text in (
        "ÀÿŁőşțßŒ",
        "ẢỹƯđ",
        "ΆΩώ",
        "ЂЯёї",
        "€£¥₹–—…“”‘’−×√≤≥½",
        "镕堃喆玥昇",
        "臺灣龍",
        "〓",
    ):
        assert set(map(ord, text)) <= ours, text


def test_every_word_of_ours_can_be_printed():
    """No text of words.toml, in either language, has a letter that the fonts lack."""
    words = tomllib.loads((PACKAGE / "words.toml").read_text(encoding="utf-8"))
    assert all(set(pair) == {"en", "zh"} for pair in words.values())
    used = {ord(letter) for pair in words.values() for text in pair.values() for letter in text}
    assert used <= fonts.printable()


def letters(markup):
    return set(map(ord, unescape(re.sub(r"<[^>]*>", "", markup)))) - {0x0A}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_web_page_brings_every_letter_that_it_shows(name, language):
    """Each visible letter is in one of the fonts that the page carries, the bold ones in bold."""
    html = screen(name, language)
    carried = {}
    for family, weight, data in re.findall(
        r'font-family:"([^"]+)";font-weight:(\d+);src:url\("data:font/ttf;base64,([^"]+)"', html
    ):
        carried[family, weight] = fonts.Font.open(base64.b64decode(data)).letters.keys()
    body = html[html.index("<body>") :]
    regular = carried["Gridtally Sans", "400"] | carried.get(("Gridtally Han", "400"), set())
    assert letters(body) <= regular
    strong = letters("".join(re.findall(r"<(?:h[12]|strong)[ >].*?</(?:h[12]|strong)>", body)))
    bold = carried["Gridtally Sans", "600"] | carried.get(("Gridtally Han Strong", "600"), set())
    assert strong - bold <= fonts.printable() - fonts.font("han-bold").letters.keys()


def test_typst_knows_only_our_fonts():
    """Neither the machine's nor its own: another machine could set another letter."""
    assert set(pdf._fonts().families()) == {
        "Gridtally Sans",
        "Gridtally Han",
        "Gridtally Han Strong",
    }


def test_paper_embeds_only_our_fonts():
    """The fonts of the machine are never used."""
    for name in ("factory-en", "factory-zh"):
        used = set(re.findall(rb"/FontName/[A-Z]{6}\+([A-Za-z-]+)", paper(name)))
        assert used
        assert all(font.startswith((b"GridtallySans", b"GridtallyHan")) for font in used), used


@pytest.mark.parametrize("name", fonts.NAMES)
def test_a_subset_keeps_outlines_and_widths(name):
    """Also of letters that are composed of others; letters that the font lacks are left out."""
    whole = fonts.font(name)
    wanted = [*sorted(whole.letters)[::37], 0x1F600]
    part = fonts.Font.open(whole.subset(wanted))
    assert part.letters.keys() == set(wanted) - {0x1F600}
    for letter, glyph in part.letters.items():
        old = whole._outline(whole.letters[letter])
        assert part._width(glyph) == whole._width(whole.letters[letter])
        assert part._outline(glyph)[:10] == old[:10]
        if old and struct.unpack_from(">h", old)[0] >= 0:
            assert part._outline(glyph) == old


def test_a_subset_has_the_tables_that_a_browser_asks_for():
    """OpenType's required tables, in order, with right checksums and bounds."""
    data = fonts.font("latin-regular").subset(map(ord, "Ångström €123"))
    count = struct.unpack_from(">H", data, 4)[0]
    tags = []
    for i in range(count):
        tag, total, offset, length = struct.unpack_from(">4sIII", data, 12 + 16 * i)
        padded = data[offset : offset + length] + bytes(-length % 4)
        assert sum(struct.unpack(f">{len(padded) // 4}I", padded)) & 0xFFFFFFFF == total
        assert offset % 4 == 0
        assert offset + length <= len(data)
        tags.append(tag.decode())
    assert tags == sorted(tags)
    assert set(tags) >= {
        "cmap",
        "glyf",
        "head",
        "hhea",
        "hmtx",
        "loca",
        "maxp",
        "name",
        "post",
        "OS/2",
    }


def test_the_digest_is_over_the_four_files():
    """A changed byte of a font changes the digest that every bill carries."""
    parts = [hashlib.sha256(fonts.font_bytes(name)).digest() for name in fonts.NAMES]
    assert fonts.font_digest() == f"sha256:{hashlib.sha256(b''.join(parts)).hexdigest()}"


def test_the_licence_comes_with_the_fonts():
    """OFL 1.1: the text, the owners, and names that the licence does not reserve."""
    text = (PACKAGE / "fonts" / "OFL.txt").read_text(encoding="utf-8")
    assert "SIL OPEN FONT LICENSE Version 1.1" in text
    assert text.count("Adobe") >= 2
    for name in fonts.NAMES:
        records = fonts.font(name).tables["name"].decode("utf-16-be", "ignore")
        assert "Gridtally" in records
        assert "Source Sans" not in records


def test_the_fonts_stay_small():
    """They travel with every installation."""
    assert sum(len(fonts.font_bytes(name)) for name in fonts.NAMES) < 6_000_000


def test_letters_are_composed_before_they_are_looked_for():
    """A letter sent as base and accent is the same letter."""
    cleaner = Cleaner("b", "a")
    assert cleaner.clean({"name": "Jose\u0301 Nguye\u0302\u0303n"}) == {"name": "José Nguyễn"}
    assert cleaner.findings == []


def test_a_letter_that_no_font_has_becomes_the_stand_in():
    """Also a lone surrogate, which is no letter at all."""
    cleaner = Cleaner("b", "a")
    assert cleaner.clean({"name": "x\ud800ץ"}) == {"name": f"x{STAND_IN}{STAND_IN}"}
    assert cleaner.missing
