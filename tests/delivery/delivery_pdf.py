"""Reads back what a PDF of ours shows: its pages and their text. Enough for typst's files."""

from __future__ import annotations

import re
import zlib

_OBJECT = re.compile(
    rb"\b(\d+) 0 obj\s(.*?)(?:stream\r?\n(.*?)\r?\nendstream\s*)?endobj", re.DOTALL
)
_FONT = re.compile(rb"/(f\d+) [\d.]+ Tf")
_HEX = re.compile(rb"<([0-9A-F]+)>")
_PLAIN = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
_CHAR = re.compile(rb"<([0-9A-F]{4})> <([0-9A-F]+)>")


def objects(data: bytes) -> dict[int, tuple[bytes, bytes]]:
    """Number -> dictionary and decoded stream."""
    found = {}
    for number, head, stream in _OBJECT.findall(data):
        packed = b"/FlateDecode" in head
        found[int(number)] = (head, zlib.decompressobj().decompress(stream) if packed else stream)
    return found


def pages(data: bytes) -> list[str]:
    """The text of each page, a piece of text per line, spaces as they are."""
    every = objects(data)
    return [
        _text(every, head) for head, _ in every.values() if re.search(rb"/Type\s*/Page\b", head)
    ]


def _text(every: dict[int, tuple[bytes, bytes]], head: bytes) -> str:
    resources = every[_reference(head, rb"Resources")][0]
    names = re.search(rb"/Font<<(.*?)>>", resources)
    fonts = {
        name: _letters(every[_reference(every[int(number)][0], rb"ToUnicode")][1])
        for name, number in re.findall(rb"/(f\d+) (\d+) 0 R", names[1] if names else b"")
    }
    pieces: list[str] = []
    for name, glyphs in _shown(every[_reference(head, rb"Contents")][1]):
        codes = (glyphs[i : i + 2] for i in range(0, len(glyphs), 2))
        pieces.append("".join(fonts[name].get(code, "\ufffd") for code in codes))
    return "\n".join(pieces)


def _shown(content: bytes) -> list[tuple[bytes, bytes]]:
    """(font, glyphs) of each string that is shown, an array of strings counting as one."""
    found, name, at, array = [], b"", 0, False
    while at < len(content):
        if match := _FONT.match(content, at):
            name, at = match[1], match.end()
        elif content.startswith(b"/ActualText", at):  # for readers aloud, not what is shown
            at = content.index(b">>", at)
        elif content[at : at + 1] == b"(" or (hexed := _HEX.match(content, at)):
            if content[at : at + 1] == b"(":
                text, at = _string(content, at + 1)
            else:
                text, at = bytes.fromhex(hexed[1].decode()), hexed.end()
            if array:
                found[-1] = (name, found[-1][1] + text)
            else:
                found.append((name, text))
        else:
            if content[at : at + 1] in b"[]":
                array = content[at : at + 1] == b"["
                if array:
                    found.append((name, b""))
            at += 1
    return [piece for piece in found if piece[1]]


def _string(content: bytes, at: int) -> tuple[bytes, int]:
    """A literal string: parentheses may nest, a backslash escapes."""
    out, depth = b"", 1
    while True:
        letter = content[at : at + 1]
        at += 1
        if letter == b"\\":
            octal = re.match(rb"[0-7]{1,3}", content[at : at + 3])
            if octal:
                out += bytes([int(octal[0], 8)])
                at += len(octal[0])
            else:
                out += _PLAIN.get(content[at : at + 1], content[at : at + 1])
                at += 1
            continue
        depth += {b"(": 1, b")": -1}.get(letter, 0)
        if depth == 0:
            return out, at
        out += letter


def _reference(head: bytes, key: bytes) -> int:
    return int(re.search(rb"/" + key + rb" (\d+) 0 R", head)[1])


def _letters(cmap: bytes) -> dict[bytes, str]:
    return {
        bytes.fromhex(code.decode()): bytes.fromhex(text.decode()).decode("utf-16-be")
        for code, text in _CHAR.findall(cmap)
    }
