"""Makes the fonts that bills are set in. Run by hand when a font changes; not needed at run time.

    apt-get install fonttools unicode-data
    npm pack source-sans@3.52.0 @expo-google-fonts/noto-sans-sc@0.4.3      # and unpack both
    /usr/bin/python3 tools/subset_fonts.py --latin source-sans/package/TTF \
        --han expo-google-fonts-noto-sans-sc/package

Writes four TrueType files to `src/gridtally/delivery/fonts/`, the same bytes from the same input:
what they hold and why is told in the README there.
Hinting and layout tables are dropped (bills are printed, or shown on fine screens), but the kerning
of the Latin is kept.
The families are renamed: the licence of Source Sans reserves its name for the unchanged font, and
a system font of the same name must never take the place of ours.
"""

from __future__ import annotations

import argparse
import bz2
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

OUT = Path(__file__).parent.parent / "src/gridtally/delivery/fonts"
UNIHAN = Path("/usr/share/unicode/Unihan_OtherMappings.txt.bz2")

LATIN_RANGES = (
    (0x20, 0x7E), (0xA0, 0x24F), (0x259, 0x259), (0x2BC, 0x2BC), (0x2C6, 0x2DD),
    (0x37E, 0x3CE), (0x400, 0x45F), (0x490, 0x491), (0x1E00, 0x1EFF),
    (0x2007, 0x200A), (0x2010, 0x2027), (0x202F, 0x203A), (0x2044, 0x2044), (0x2070, 0x208E),
    (0x20A0, 0x20BF), (0x2113, 0x2113), (0x2116, 0x2116), (0x2122, 0x2122), (0x2126, 0x2126),
    (0x2150, 0x215E), (0x2190, 0x2199), (0x2206, 0x2265), (0x25A0, 0x25CF), (0x2713, 0x2717),
)  # fmt: skip
"""Latin of Europe, Africa and Vietnam, Greek, Cyrillic, punctuation, currencies, fractions."""


def gb2312(*, rows: range = range(0xA1, 0xF8)) -> set[int]:
    """What GB 2312-80 encodes in these rows; 0xB0-0xD7 are its 3,755 commonest ideographs."""
    return _decoded("gb2312", rows, range(0xA1, 0xFF))


def big5_level_1() -> set[int]:
    """The 5,401 commonest traditional ideographs: names from Hong Kong, Taiwan, Singapore."""
    return _decoded("big5", range(0xA4, 0xC7), [*range(0x40, 0x7F), *range(0xA1, 0xFF)])


def _decoded(codec: str, leads: range, trails: list[int] | range) -> set[int]:
    found = set()
    for lead in leads:
        for trail in trails:
            try:
                found.add(ord(bytes((lead, trail)).decode(codec)))
            except UnicodeDecodeError:
                continue
    return found


def general_standard() -> set[int]:
    """The 8,105 characters of the General Standard of 2013: all that a name given since may use."""
    with bz2.open(UNIHAN, "rt", encoding="utf-8") as lines:
        fields = [line.split("\t") for line in lines if "\tkTGH\t" in line]
    return {int(field[0][2:], 16) for field in fields}


def make(source: Path, target: str, *, family: str, weight: int, letters: set[int]) -> set[int]:
    """Write one subset; return the letters that it really has."""
    options = subset.Options()
    options.hinting = False
    options.glyph_names = False
    options.notdef_outline = True
    options.layout_features = ["kern"]
    options.drop_tables += ["GSUB", "GDEF", "BASE", "STAT", "DSIG", "gasp", "vhea", "vmtx"]
    if "Han" in family:
        options.drop_tables += ["GPOS"]
    font = TTFont(source, recalcTimestamp=False)
    letters = letters & set(font.getBestCmap())
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=letters)
    subsetter.subset(font)
    rename(font, family, weight)
    font.save(OUT / target)
    print(f"{target}: {len(letters)} letters, {(OUT / target).stat().st_size:,} bytes")
    return letters


def rename(font: TTFont, family: str, weight: int) -> None:
    """Give the font our family name; keep copyright, licence and its address."""
    names = font["name"]
    kept = {number: names.getDebugName(number) for number in (0, 13, 14)}
    names.names = []
    style = "Regular" if weight == 400 else "Bold"
    texts = {
        **kept,
        1: family, 2: style, 4: f"{family} {style}",
        3: f"{family} {style}; subset for Gridtally", 5: "Version 1.000",
        6: f"{family}-{style}".replace(" ", ""),
    }  # fmt: skip
    for number, text in sorted(texts.items()):
        if text:
            names.setName(text, number, 3, 1, 0x409)
    os2 = font["OS/2"]
    os2.usWeightClass = weight
    os2.fsSelection = (os2.fsSelection & ~0x61) | (0x40 if weight == 400 else 0x20)
    font["head"].macStyle = 0 if weight == 400 else 1


def main() -> None:
    """Make the four files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latin", type=Path, required=True)
    parser.add_argument("--han", type=Path, required=True)
    folder = parser.parse_args()
    wanted = {letter for first, last in LATIN_RANGES for letter in range(first, last + 1)}
    latin: set[int] = set()
    for style, weight, name in (("Regular", 400, "regular"), ("Semibold", 600, "bold")):
        latin = make(
            folder.latin / f"SourceSans3-{style}.ttf", f"latin-{name}.ttf",
            family="Gridtally Sans", weight=weight, letters=wanted,
        )  # fmt: skip
    # Quotation marks, dash, ellipsis and middle dot are wide in Chinese and narrow in Latin.
    shared = {0xB7, 0x2014, 0x2018, 0x2019, 0x201C, 0x201D, 0x2026}
    signs = (gb2312(rows=range(0xA1, 0xAA)) - latin) | shared
    make(
        folder.han / "400Regular/NotoSansSC_400Regular.ttf", "han-regular.ttf",
        family="Gridtally Han", weight=400,
        letters=signs | gb2312(rows=range(0xB0, 0xF8)) | general_standard() | big5_level_1(),
    )  # fmt: skip
    # Not "Bold": typst cuts that word off, and one family with two sets of letters is no fallback.
    make(
        folder.han / "600SemiBold/NotoSansSC_600SemiBold.ttf", "han-bold.ttf",
        family="Gridtally Han Strong", weight=600,
        letters=signs | gb2312(rows=range(0xB0, 0xD8)),
    )  # fmt: skip


if __name__ == "__main__":
    main()
