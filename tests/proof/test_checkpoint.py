"""Signed heads: the C2SP formats, strictly read; the log's name and key are pinned."""

import base64
import os
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st
from proof_cases import KEY, ORIGIN, OTHER

from gridtally.errors import Conflict, InvalidDocument, NotFound, UnsafeSettings
from gridtally.proof import keys
from gridtally.proof.checkpoint import Checkpoint, open_note, parse, read, sign, sign_note
from gridtally.proof.keys import LogKey, PublicKey, read_key, write_key

# The vector of golang.org/x/mod/sumdb/note, on which C2SP signed-note is based.
NEUMANN = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NEUMANN_PRIVATE = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
NOTE = (
    f"{TEXT}\n— PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
HEAD = Checkpoint(ORIGIN, 7, bytes(range(32)))
SIGNED = sign(HEAD, KEY)


def test_the_known_note():
    """A note of another implementation opens; the same key makes the same note."""
    assert open_note(NOTE, PublicKey.parse(NEUMANN)) == TEXT
    private = LogKey.parse(NEUMANN_PRIVATE)
    assert sign_note(TEXT, private) == NOTE
    assert str(private.public) == NEUMANN


def test_the_specifications_checkpoint():
    """The example of tlog-checkpoint reads: origin, size, root."""
    body = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    head = parse(body)
    assert (head.origin, head.size) == ("example.com/behind-the-sofa", 20852163)
    assert head.body() == body


def test_a_head_is_read_back():
    """What is signed is read back with the public key, and looks as the specification shows."""
    assert read(SIGNED, KEY.public) == HEAD
    root = base64.b64encode(HEAD.root).decode()
    assert SIGNED.startswith(f"{ORIGIN}\n7\n{root}\n\n— {ORIGIN} ")
    assert SIGNED.endswith("=\n")


def test_cosignatures_are_tolerated():
    """Lines of others, before and after, are not looked at; without ours nothing counts."""
    other = base64.b64encode(b"1234" + bytes(72)).decode()
    body, ours = SIGNED.split("\n\n")
    witness = f"— witness.example/w1 {other}\n"
    assert read(f"{body}\n\n{witness}{ours}{witness}", KEY.public) == HEAD
    with pytest.raises(ValueError, match="no signature by"):
        read(f"{body}\n\n{witness}", KEY.public)


def test_an_unknown_key():
    """Signed by another key of the same name: refused."""
    with pytest.raises(ValueError, match="no signature by"):
        read(SIGNED, OTHER.public)


def test_another_logs_name():
    """The key's name is the log's: a head of another origin is refused, though well signed."""
    note = sign_note(Checkpoint("other.example", 7, bytes(32)).body(), KEY)
    with pytest.raises(ValueError, match="is of the log"):
        read(note, KEY.public)


def test_a_false_signature_beside_a_true_one():
    """A second signature in our name that is not ours makes the whole note doubtful."""
    forged = base64.b64encode(KEY.public.id + bytes(64)).decode()
    with pytest.raises(ValueError, match="does not fit"):
        read(f"{SIGNED}— {ORIGIN} {forged}\n", KEY.public)


@given(st.integers(0, len(SIGNED) - 1), st.characters(codec="utf-8"))
def test_any_changed_character_is_found(at, character):
    """Whatever character of a signed head is replaced by whatever other: refused."""
    if SIGNED[at] != character:
        with pytest.raises(ValueError, match=r"."):
            read(SIGNED[:at] + character + SIGNED[at + 1 :], KEY.public)


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t[:-1],
        lambda t: t + "\n",
        lambda t: t.replace("\n\n", "\n"),
        lambda t: t.replace("\n\n—", "\n\n—  "),
        lambda t: t.replace("—", "--"),
        lambda t: t.replace("\n7\n", "\n07\n"),
        lambda t: t.replace("\n7\n", "\n+7\n"),
        lambda t: t.replace("\n7\n", "\n７\n"),
        lambda t: t.replace("\n7\n", "\n7\nextra\n"),
        lambda t: t.replace("\n", "\r\n"),
        lambda t: "\n" + t,
        lambda t: t + "— x\n",
        lambda t: t + "— a b c\n",
        lambda t: t + "— a AAAA\n",
        lambda t: t + "— w AAAAAAB=\n",
        lambda t: t + "— w AAAAAAAA\n" * 70,
        lambda t: "x" * 200_000 + t,
        lambda _: "",
        lambda _: "\n\n",
    ],
)
def test_malformed_notes(change):
    """Every other spelling is refused."""
    with pytest.raises(ValueError, match=r"."):
        read(change(SIGNED), KEY.public)


@pytest.mark.parametrize(
    "body",
    [
        "a\n1\n",
        "a\n1\nAAAA\n",
        "a\n-1\n" + "A" * 43 + "=\n",
        "\n1\n" + "A" * 43 + "=\n",
        "a\n1\n*\n",
    ],
)
def test_malformed_heads(body):
    """Origin, a plain size, 32 bytes."""
    with pytest.raises(ValueError, match=r"."):
        parse(body)


@pytest.mark.parametrize(
    "text",
    [
        "", "name", "name+00000000+AAAA", NEUMANN.replace("c74f", "c74e"), NEUMANN[:-1],
        NEUMANN.replace("Peter", "Pet er"), NEUMANN.replace("+AR", "+BR"), NEUMANN_PRIVATE,
    ],
)  # fmt: skip
def test_malformed_public_keys(text):
    """A public key has one spelling."""
    with pytest.raises(InvalidDocument):
        PublicKey.parse(text)


def test_a_private_key_is_not_quoted(tmp_path):
    """Neither a repr nor a refusal shows the secret."""
    secret = base64.b64encode(b"\x01" + KEY.seed).decode()
    assert secret in KEY.text()
    assert secret not in repr(KEY)
    with pytest.raises(InvalidDocument) as refused:
        LogKey.parse(KEY.text()[:-4])
    assert secret[:20] not in str(refused.value)
    with pytest.raises(InvalidDocument):
        LogKey.parse(str(KEY.public))


def test_key_files(tmp_path):
    """The private file is its owner's alone; both are read back; neither is replaced."""
    key, path = keys.generate(ORIGIN), tmp_path / "log.key"
    public = write_key(key, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_key(path) == key
    assert PublicKey.parse(public.read_text()) == key.public
    with pytest.raises(Conflict):
        write_key(keys.generate(ORIGIN), path)
    assert read_key(path) == key


def test_a_key_file_that_others_can_read(tmp_path):
    """An open key file is refused with what to do; a missing one, too."""
    path = tmp_path / "log.key"
    write_key(KEY, path)
    os.chmod(path, 0o640)
    with pytest.raises(UnsafeSettings, match="chmod 600"):
        read_key(path)
    with pytest.raises(NotFound):
        read_key(tmp_path / "none")


def test_names_of_logs():
    """Spaces and plus signs cannot be in a name; two keys are never the same."""
    for name in ("", "a b", "a+b", "a\nb", "x" * 300):
        with pytest.raises(InvalidDocument):
            keys.generate(name)
    assert keys.generate("a").seed != keys.generate("a").seed
