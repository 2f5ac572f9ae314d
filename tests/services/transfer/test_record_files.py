"""A file of records: every form that is read, and one sentence for everything else."""

import bz2
import gzip
import io
import json
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.domain.errors import InvalidRequest
from app.services.transfer.file_kinds import EXPECTED
from app.services.transfer.record_files import items_of_file
from app.services.transfer.sources import Item
from tests.images.samples import PLAIN, npy, photograph

RECORDS = [{"_id": f"r{number}", "_vector": [1, number], "text": 'é "\\[{'} for number in range(5)]
LINES = "".join(json.dumps(record) + "\n" for record in RECORDS).encode()
ARRAY = json.dumps(RECORDS).encode()


def items(folder: Path, content: bytes, **options: Any) -> list[Item]:
    file = folder / "in.file"
    file.write_bytes(content)
    read: list[int] = []
    found = list(items_of_file(file, 2, read.append, **options))
    assert sum(read) <= len(content)
    return found


def ids(found: list[Item]) -> list[str | None]:
    assert all(not item.fault for item in found)
    return [item.record.id if item.record else None for item in found]


def faults(found: list[Item]) -> dict[str, str]:
    return {item.label: item.fault for item in found if item.fault}


READ: dict[str, Callable[[bytes], bytes]] = {
    "as it is": lambda text: text,
    "with a byte order mark": lambda text: b"\xef\xbb\xbf" + text,
    "after empty lines": lambda text: b"\n \r\n" + text,
    "compressed": gzip.compress,
    "compressed in two parts": lambda text: gzip.compress(text[:50]) + gzip.compress(text[50:]),
    "compressed, with a byte order mark": lambda text: gzip.compress(b"\xef\xbb\xbf" + text),
}


@pytest.mark.parametrize("form", READ)
@pytest.mark.parametrize(
    "text",
    [LINES, LINES.replace(b"\n", b"\r\n"), LINES.rstrip(), ARRAY, json.dumps(RECORDS, indent=1).encode()],
    ids=["lines", "lines with CR LF", "no end of the last line", "array", "indented array"],
)
def test_lines_and_arrays_are_read(tmp_path: Path, text: bytes, form: str) -> None:
    assert ids(items(tmp_path, READ[form](text))) == [record["_id"] for record in RECORDS]


def zipped() -> bytes:
    with zipfile.ZipFile(stream := io.BytesIO(), "w") as archive:
        archive.writestr("in.jsonl", LINES)
    return stream.getvalue()


def tarred() -> bytes:
    with tarfile.open(fileobj=(stream := io.BytesIO()), mode="w") as archive:
        archive.addfile(member := tarfile.TarInfo("in.jsonl"), io.BytesIO(LINES[: member.size]))
    return stream.getvalue()


OTHERS: dict[str, tuple[bytes, str]] = {
    **{
        name: (
            PLAIN[name](photograph()),
            f"a picture ({name}), and pictures are imported by the folder that they lie in",
        )
        for name in PLAIN
        if "NumPy" not in name
    },
    "NumPy": (npy(np.zeros((4, 2))), "a NumPy array"),
    "zip": (zipped(), "a ZIP archive (or an office document)"),
    "tar": (tarred(), "a TAR archive"),
    "tar.gz": (gzip.compress(tarred()), "a TAR archive"),
    "gz.gz": (gzip.compress(gzip.compress(LINES)), "compressed twice"),
    "bz2": (bz2.compress(LINES), "compressed with bzip2"),
    "xz": (lzma.compress(LINES), "compressed with xz"),
    "PDF": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "a PDF document"),
    "UTF-16": (LINES.decode().encode("utf-16"), "text in UTF-16"),
    "UTF-16 without mark": (LINES.decode().encode("utf-16-le"), "text in UTF-16"),
    "UTF-16, big-endian": (LINES.decode().encode("utf-16-be"), "text in UTF-16"),
    "UTF-32": (LINES.decode().encode("utf-32"), "text in UTF-32"),
    "CR": (LINES.replace(b"\n", b"\r"), "text whose lines end with a carriage return alone"),
    "binary": (bytes(range(256)) * 300, "a binary file"),
    "page": (b"\n<!DOCTYPE html><html>\n</html>", "an HTML or XML document"),
    "table": (b"id,price\n1,2\n3,4\n" * 100, "text, but none of its first lines is a JSON object"),
    "a word": (b"hello", "text, but none of its first lines is a JSON object"),
    "indented": (json.dumps(RECORDS[0], indent=1).encode(), "JSON, but not with a whole object on a line"),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_what_else_a_file_is_is_one_sentence(tmp_path: Path, kind: str) -> None:
    content, found = OTHERS[kind]
    with pytest.raises(InvalidRequest) as raised:
        items(tmp_path, content)
    assert str(raised.value) == f"in.file is {found}; {EXPECTED}"


@pytest.mark.parametrize("content", [b"", b" \n\n", b"\xef\xbb\xbf", b"[]", gzip.compress(b"", mtime=0)])
def test_files_without_records_yield_none(tmp_path: Path, content: bytes) -> None:
    assert items(tmp_path, content) == []


def test_broken_records_are_faults_of_their_own(tmp_path: Path) -> None:
    broken = [b'{"_id": 7}', b'{"_vector": [1]}', b'{"a": 1,}', b"7"]
    expected = {
        2: "_id: an _id has to be a non-empty string",
        3: "_vector: the collection's vectors have dimension 2, not 1",
        4: "not JSON: trailing comma is not allowed (character 8)",
        5: "a record has to be a JSON object",
    }
    first = LINES.split(b"\n")[0]
    assert faults(items(tmp_path, b"\n".join([first, *broken]))) == {f"line {n}": expected[n] for n in expected}
    del expected[5]
    array = b"[" + b",".join([first, *broken[:3]]) + b"]"
    assert faults(items(tmp_path, array)) == {f"record {n}": expected[n] for n in expected}


def test_a_record_that_is_too_long_is_passed_over_in_lines(tmp_path: Path) -> None:
    long = json.dumps({"_id": "long", "text": "x" * 200_000}).encode()
    found = items(tmp_path, LINES + long + b"\n" + LINES, longest=1000)
    assert [item.label for item in found if item.record] == [f"line {n}" for n in (1, 2, 3, 4, 5, 7, 8, 9, 10, 11)]
    assert faults(found) == {"line 6": "it has more than 1,000 bytes"}
    assert faults(items(tmp_path, b"[" + long * 3 + b"]", longest=1000)) == {
        "in.file": "record 1 has more than 1,000 bytes"
    }


@pytest.mark.parametrize("text", [LINES * 1000, b"[" + LINES.rstrip().replace(b"\n", b",") + b"]"])
def test_what_is_cut_off_yields_what_is_whole(tmp_path: Path, text: bytes) -> None:
    whole = gzip.compress(text)
    (*good, last) = items(tmp_path, whole[:-10])
    assert all(item.record for item in good)
    assert last.label == "in.file"
    assert "cut off" in last.fault
    damaged = bytearray(whole)
    damaged[len(whole) // 2] ^= 0xFF
    assert items(tmp_path, bytes(damaged))[-1].fault


def test_an_array_that_breaks_off_yields_what_is_whole(tmp_path: Path) -> None:
    (*good, last) = items(tmp_path, ARRAY[:-10])
    assert ids(good) == ["r0", "r1", "r2", "r3"]
    assert (last.label, last.fault) == ("in.file", "the file is cut off within record 5")


@pytest.mark.parametrize("text", [b'{"a": 1}\n{"a": 1}\n', b'[{"a": 1}, {"a": 1}]'])
def test_records_without_ids_get_the_same_ones_again(tmp_path: Path, text: bytes) -> None:
    first = ids(items(tmp_path, text))
    assert len(set(first)) == 2
    assert ids(items(tmp_path, text)) == ids(items(tmp_path, gzip.compress(text))) == first


def test_files_of_records_start_at_the_file(tmp_path: Path) -> None:
    (item,) = items(tmp_path, b'[{"_file": "sub/a.jpg"}]')
    assert item.record is not None
    assert item.record.file == str(tmp_path / "sub/a.jpg")
