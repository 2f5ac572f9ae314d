"""Base64 in the spellings that clients send; files only from under the allowed folders."""

import base64
import os
import random
import threading
from contextlib import suppress
from pathlib import Path
from secrets import randbits

import pytest

from app.domain.errors import PictureRefused
from app.images.sources import decode_base64, read_file

DATA = bytes(range(256)) + b"\xfb\xef\xff"
PLAIN = base64.b64encode(DATA).decode()
URL_SAFE = base64.urlsafe_b64encode(DATA).decode()


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        PLAIN.rstrip("="),
        PLAIN + "==",
        "  " + "\r\n".join(PLAIN[at : at + 76] for at in range(0, len(PLAIN), 76)) + "\n",
        URL_SAFE,
        URL_SAFE.rstrip("="),
        f"data:image/png;base64,{PLAIN}",
        f"DATA:image/png;charset=utf-8;BASE64,{PLAIN}",
        f"data:;base64,{PLAIN}",
        f"\n data:application/octet-stream;base64, {PLAIN}",
        "data:image/png;base64," + PLAIN.replace("+", "%2B").replace("/", "%2f").replace("=", "%3D"),
    ],
)
def test_spellings_of_base64(text: str) -> None:
    assert decode_base64(text) == DATA


def test_any_length_with_or_without_padding() -> None:
    chance = random.Random(seed := randbits(32))
    for length in range(1, 60):
        data = chance.randbytes(length)
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            text = encode(data).decode()
            assert decode_base64(text) == data, f"seed {seed}"
            assert decode_base64(text.rstrip("=")) == data, f"seed {seed}"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "null"),
        (17, "a number"),
        (True, "a boolean"),
        ([PLAIN], "an array"),
        ({"data": PLAIN}, "an object"),
        ("", "empty"),
        (" \n", "empty"),
        ("data:image/png;base64,", "empty"),
        ("QUJD+-", "mixes"),
        ("QUJD_/", "mixes"),
        ("QUJDR", "cut off"),
        ("QUJD!", "'!'"),
        ("QU=JD", "'='"),
        ("b'QUJD'", '"\'"'),
        ("QUJD\0", "not base64"),
        ("QUJ\u00e9", "not base64"),
        ("QUJ\ud800", "not base64"),
        ("https://example.com/a.jpg", "':'"),
        ("data:image/png,QUJD", "data: URI is not base64"),
        ("data:image/svg+xml;utf8,<svg/>", "data: URI is not base64"),
    ],
)
def test_other_texts_are_refused_with_the_reason(text: object, reason: str) -> None:
    with pytest.raises(PictureRefused, match="base64") as refused:
        decode_base64(text)
    assert reason in str(refused.value)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "allowed"
    (folder / "inner").mkdir(parents=True)
    (folder / "a.jpg").write_bytes(b"a")
    (folder / "inner" / "b.jpg").write_bytes(b"b")
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    (tmp_path / "allowed-not").mkdir()
    (tmp_path / "allowed-not" / "c.jpg").write_bytes(b"c")
    return folder


def read(path: object, *roots: Path) -> bytes:
    return read_file(str(path), roots, max_bytes=100)


def refusal(path: object, *roots: Path) -> str:
    with pytest.raises(PictureRefused) as refused:
        read(path, *roots)
    return str(refused.value)


def test_absolute_and_relative_paths(root: Path) -> None:
    assert read(root / "a.jpg", root) == b"a"
    assert read("a.jpg", root) == b"a"
    assert read("inner/../inner/./b.jpg", root) == b"b"


def test_a_relative_path_is_tried_under_each_root(root: Path) -> None:
    assert read("b.jpg", root, root / "inner") == b"b"
    assert read(root / "inner" / "b.jpg", root.parent / "allowed-not", root) == b"b"


def test_without_roots_files_are_switched_off(root: Path) -> None:
    answer = refusal(root / "a.jpg")
    assert answer == (
        "_file is switched off on this server: LOOKALIKE_FILE_ROOTS has to name the folders it may read"
    )


def test_a_refusal_names_the_setting(root: Path) -> None:
    assert "LOOKALIKE_FILE_ROOTS" in refusal("missing.jpg", root)


def test_where_all_files_are_allowed_the_reason_is_the_systems(root: Path) -> None:
    assert refusal(root / "missing.jpg", Path("/")).endswith("cannot be read: no such file or directory")
    assert refusal(root / "a.jpg" / "b", Path("/")).endswith("cannot be read: not a directory")
    assert "not a regular file" in refusal(root, Path("/"))


def test_outside_and_missing_get_the_same_answer(root: Path) -> None:
    (root / "escape.jpg").symlink_to(root.parent / "secret.jpg")
    (root / "dangling.jpg").symlink_to(root.parent / "nowhere.jpg")
    (root / "up").symlink_to(root.parent)
    (root / "loop").symlink_to(root / "loop")
    paths = [
        "missing.jpg",
        "inner/missing.jpg",
        "../secret.jpg",
        "../missing.jpg",
        root.parent / "secret.jpg",
        root.parent / "missing.jpg",
        root.parent / "allowed-not" / "c.jpg",
        "../allowed-not/c.jpg",
        "/etc/passwd",
        "/proc/self/environ",
        "escape.jpg",
        "dangling.jpg",
        "up/secret.jpg",
        "loop",
        "a.jpg/b.jpg",
        "",
        "x" * 5000,
        "nul\0.jpg",
        "surrogate\ud800.jpg",
    ]
    answers = set()
    for path in paths:
        answer = refusal(path, root)
        assert str(root) not in answer.replace(repr(str(path)), "")
        answers.add(answer.split("'")[0] + "…" + answer.split("'")[-1])
    assert len(answers) == 1


def test_links_that_stay_inside_are_followed(root: Path) -> None:
    (root / "link.jpg").symlink_to("inner/b.jpg")
    (root / "folder").symlink_to(root / "inner")
    assert read("link.jpg", root) == b"b"
    assert read("folder/b.jpg", root) == b"b"


def test_a_root_that_is_itself_a_link(root: Path) -> None:
    link = root.parent / "link"
    link.symlink_to(root)
    assert read(link / "a.jpg", link) == b"a"
    assert read(root / "a.jpg", link) == b"a"


def test_only_regular_files_and_without_waiting(root: Path) -> None:
    os.mkfifo(root / "pipe.jpg")
    assert "not a regular file" in refusal("pipe.jpg", root)
    assert "not a regular file" in refusal("inner", root)
    (root / "null").symlink_to("/dev/null")
    assert "not a regular file" in refusal("/dev/null", Path("/dev"))


def test_the_size_limit_is_exact(root: Path) -> None:
    (root / "full.jpg").write_bytes(b"x" * 100)
    (root / "large.jpg").write_bytes(b"x" * 101)
    assert len(read("full.jpg", root)) == 100
    assert "larger than the accepted 100 bytes" in refusal("large.jpg", root)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="this system does not list open descriptors")
def test_no_descriptor_is_left_open(root: Path) -> None:
    def open_descriptors() -> int:
        return sum(1 for _ in Path("/proc/self/fd").iterdir())

    os.mkfifo(root / "pipe.jpg")
    before = open_descriptors()
    for path in ("a.jpg", "inner/b.jpg", "pipe.jpg", "inner", "missing/x.jpg", "../secret.jpg"):
        with suppress(PictureRefused):
            read(path, root)
    assert open_descriptors() == before


def test_a_link_that_is_swapped_in_does_not_lead_out(root: Path) -> None:
    """One thread keeps exchanging a file for a link that leads outside; no read may ever see what lies there."""
    outside, honest, target = root.parent / "secret.jpg", root / "a.jpg", root / "swapped.jpg"
    stop = threading.Event()

    def swap() -> None:
        spare = root / "spare"
        while not stop.is_set():
            for source in (outside, honest):
                spare.unlink(missing_ok=True)
                if source is honest:
                    os.link(honest, spare)
                else:
                    spare.symlink_to(outside)
                spare.replace(target)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        for _ in range(2000):
            try:
                assert read("swapped.jpg", root) == b"a"
            except PictureRefused:
                continue
    finally:
        stop.set()
        thread.join()
