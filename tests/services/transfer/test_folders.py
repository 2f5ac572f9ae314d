"""What of a folder is imported, by content, and what is left out for which reason."""

import os
import struct
from pathlib import Path

import numpy as np
import pytest

from app.services.transfer import folders
from app.services.transfer.folders import count_items, items_of_folder, looked_into
from app.services.transfer.sources import Item
from tests.images.samples import PLAIN, encode, npy, photograph
from tests.service import picture_bytes

PICTURE = picture_bytes()


def fill(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def looked_at(folder: Path) -> list[Item]:
    items = [looked_into(item) for item in items_of_folder(folder)]
    assert count_items(folder) == len(items)
    return items


def imported(folder: Path) -> list[str]:
    return [item.record.id or "" for item in looked_at(folder) if item.record is not None]


def left_out(folder: Path) -> dict[str, str]:
    return {item.label: item.left_out for item in looked_at(folder) if item.left_out}


SUFFIXES = (
    ".jpg",
    ".JPEG",
    ".jpe",
    ".jfif",
    ".jpg_large",
    ".mpo",
    ".png",
    ".apng",
    ".webp",
    ".heic",
    ".HIF",
    ".heif",
    ".bmp",
    ".dib",
    ".tif",
    ".gif",
    ".txt",
    ".json",
    "",
)
NAMES = [f"a{suffix}" for suffix in SUFFIXES]


@pytest.mark.parametrize("format_", PLAIN)
def test_every_accepted_format_comes_in_under_any_name(tmp_path: Path, format_: str) -> None:
    content = PLAIN[format_](photograph())
    assert imported(fill(tmp_path, dict.fromkeys(NAMES, content))) == sorted(NAMES)


def test_a_picture_of_several_frames_comes_in(tmp_path: Path) -> None:
    frames = [photograph(), photograph("coffee.png")]
    mpo = encode(frames[0], "MPO", save_all=True, append_images=frames[1:])
    apng = encode(frames[0], "PNG", save_all=True, append_images=frames[1:])
    assert imported(fill(tmp_path, {"a.mpo": mpo, "b.apng": apng})) == ["a.mpo", "b.apng"]


def test_what_is_no_picture_is_left_out_whatever_it_is_called(tmp_path: Path) -> None:
    iso = struct.pack(">I", 16) + b"ftyp%s\0\0\0\0"
    others = {
        "empty.jpg": (b"", "empty"),
        "page.jpg": (b"<!DOCTYPE html><html></html>", "an HTML page, not a picture"),
        "notes.png": (b"a text", "not a picture"),
        "clip.heic": (iso % b"isom", "a video or another ISO media file, not a picture"),
        "new.jpg": (iso % b"avif", "AVIF pictures are not accepted"),
        "layers.psd": (b"8BPS\0\1", "Photoshop (PSD) pictures are not accepted"),
        "vectors.npy": (npy(np.zeros((4, 3))), "a NumPy array of something else"),
        "camera.NEF": (PLAIN["TIFF"](photograph()), folders.RAW),
    }
    fill(tmp_path, {name: content for name, (content, _) in others.items()})
    assert left_out(tmp_path) == {name: reason for name, (_, reason) in others.items()}
    assert imported(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("._a.jpg", folders.HIDDEN),
        (".hidden/a.jpg", folders.HIDDEN),
        (".thumbnails/a.jpg", folders.HIDDEN),
        (".Trash-1000/files/a.jpg", folders.HIDDEN),
        ("__MACOSX/a.jpg", folders.SYSTEM),
        ("@eaDir/a.jpg/SYNOPHOTO_THUMB_M.jpg", folders.SYSTEM),
        ("#recycle/a.jpg", folders.SYSTEM),
        ("$RECYCLE.BIN/a.jpg", folders.SYSTEM),
        ("System Volume Information/a.jpg", folders.SYSTEM),
        ("lost+found/a.jpg", folders.SYSTEM),
        ("Thumbs.db", folders.SYSTEM),
    ],
)
@pytest.mark.parametrize("above", ["", "sub/"])
def test_what_systems_make_for_themselves_is_left_out(tmp_path: Path, above: str, name: str, reason: str) -> None:
    fill(tmp_path, {above + name: PICTURE, "a.jpg": PICTURE})
    assert imported(tmp_path) == ["a.jpg"]
    assert left_out(tmp_path) == {above + name.partition("/")[0]: reason}


def test_a_hidden_folder_that_is_named_itself_is_imported(tmp_path: Path) -> None:
    assert imported(fill(tmp_path / ".pictures", {"a.jpg": PICTURE})) == ["a.jpg"]


def test_folders_and_files_behind_links_belong_to_it(tmp_path: Path) -> None:
    fill(tmp_path / "elsewhere", {"sub/b.jpg": PICTURE, "c.jpg": PICTURE})
    folder = fill(tmp_path / "photos", {"z.jpg": PICTURE})
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    (folder / "one.jpg").symlink_to(tmp_path / "elsewhere/c.jpg")
    assert imported(folder) == ["one.jpg", "z.jpg", "linked/c.jpg", "linked/sub/b.jpg"]


def test_no_folder_is_entered_twice_and_real_places_win(tmp_path: Path) -> None:
    folder = fill(tmp_path / "photos", {"real/a.jpg": PICTURE, "real/deep/b.jpg": PICTURE})
    (folder / "a link before it").symlink_to(folder / "real")
    (folder / "real/deep/up").symlink_to(folder)
    (folder / "outside").symlink_to(tmp_path)
    fill(tmp_path, {"c.jpg": PICTURE})
    (tmp_path / "to itself").symlink_to(tmp_path)
    (folder / "nowhere").symlink_to("missing")
    (folder / "circle").symlink_to("circle")
    assert imported(folder) == ["real/a.jpg", "real/deep/b.jpg", "outside/c.jpg"]
    assert left_out(folder) == {
        "nowhere": folders.BROKEN_LINK,
        "circle": folders.BROKEN_LINK,
        "a link before it": folders.REACHED,
        "real/deep/up": folders.REACHED,
        "outside/photos": folders.REACHED,
        "outside/to itself": folders.REACHED,
    }


def test_pipes_are_left_out_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    assert left_out(tmp_path) == {"pipe.jpg": folders.SPECIAL}


def test_what_disappears_or_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    fill(tmp_path, {"a.jpg": PICTURE, "sub/b.jpg": PICTURE})
    (gone, below) = items_of_folder(tmp_path)
    (tmp_path / "a.jpg").unlink()
    assert looked_into(gone).fault == "it cannot be read: No such file or directory"
    assert looked_into(below).record is not None
    walk = items_of_folder(fill(tmp_path, {"a.jpg": PICTURE}))
    assert next(walk).label == "a.jpg"
    (tmp_path / "sub/b.jpg").unlink()
    (tmp_path / "sub").rmdir()
    (folder,) = walk
    assert (folder.label, folder.fault) == ("sub", "the folder cannot be read: No such file or directory")


def test_an_unstorable_name_is_a_fault_of_pictures_alone(tmp_path: Path) -> None:
    for name, content in ((b"\xff.png", PICTURE), (b"\xfe.txt", b"text")):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_bytes(content)
    text, picture = looked_at(tmp_path)
    assert (text.label, text.left_out, text.fault) == ("\\xfe.txt", "not a picture", "")
    assert picture.label == "\\xff.png"
    assert picture.fault.startswith("_id: ")
