"""import and export: folders, JSON lines, interruption, and the way back."""

import gzip
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest

from app.services.transfer.file_kinds import EXPECTED
from tests.cli.conftest import Run
from tests.images.samples import photograph
from tests.service import picture_bytes

RunJson = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def vectors(run_json: RunJson) -> str:
    return run_json("collection", "create", "vectors", "--model", "vectors", "--dim", 8)[0]["id"]


def write_vectors(path: Path, count: int, *, ids: bool = True) -> None:
    rows = np.random.default_rng(1).normal(size=(count, 8))
    with path.open("w") as file:
        for number, row in enumerate(rows):
            record = {"_vector": row.round(6).tolist(), "n": number}
            file.write(json.dumps({"_id": f"r{number}", **record} if ids else record) + "\n")


def counts(printed: list[dict[str, Any]]) -> tuple[int, int, int, int]:
    """What an import tells: inserted, known, failed, left out."""
    (told,) = printed
    return told["inserted"], told["known"], told["failed"], told["left_out"]


def count(url: str, table: str = "records") -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute(f"SELECT count(*) FROM lookalike_internal.{table}").fetchone()
        assert row is not None
        return row[0]


def index_is_valid(url: str) -> bool:
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT bool_or(indisvalid) FROM pg_index WHERE indexrelid::regclass::text LIKE '%hnsw%'"
        ).fetchone()
        return bool(row and row[0])


def test_json_lines(vectors: str, run_json: RunJson, tmp_path: Path, database_url: str) -> None:
    write_vectors(tmp_path / "in.jsonl", 1500)
    assert counts(run_json("import", vectors, "in.jsonl")) == (1500, 0, 0, 0)
    assert count(database_url) == count(database_url, "embeddings") == 1500
    assert index_is_valid(database_url)
    assert counts(run_json("import", vectors, "in.jsonl")) == (0, 1500, 0, 0)


def test_lines_without_ids_are_known_the_second_time(vectors: str, run_json: RunJson, tmp_path: Path) -> None:
    write_vectors(tmp_path / "in.jsonl", 20, ids=False)
    assert run_json("import", vectors, "in.jsonl")[0]["inserted"] == 20
    assert counts(run_json("import", vectors, "in.jsonl")) == (0, 20, 0, 0)


def test_bad_lines_are_named_and_the_others_go_in(vectors: str, run: Run, tmp_path: Path) -> None:
    good = json.dumps({"_id": "good", "_vector": [1] * 8})
    lines = [good, "{", json.dumps({"_id": "short", "_vector": [1]}), "", json.dumps({"_id": "bare"}), good]
    lines.append(json.dumps({"_id": "dotted", "_vector": [1] * 8, "a.b": 1}))
    (tmp_path / "in.jsonl").write_text("\n".join(lines))
    done = run("import", vectors, "in.jsonl", "--json", code=1)
    outcome = json.loads(done.stdout)
    assert counts([outcome]) == (1, 1, 4, 0)
    assert set(outcome["faults"]) == {
        "line 2: not JSON: unexpected end of data (character 2)",
        "line 3: _vector: the collection's vectors have dimension 8, not 1",
        'line 7: a.b: a name with a dot is a path, no attribute is stored under it; send {"a": {"b": …}}',
        "line 5: the record has none of _base64, _url, _file and _vector",
    }
    for fault in outcome["faults"]:
        assert fault in done.stderr


def test_export_and_import_again(
    vectors: str, run: Run, run_json: RunJson, tmp_path: Path, database_url: str
) -> None:
    write_vectors(tmp_path / "in.jsonl", 50)
    run("import", vectors, "in.jsonl")
    assert run_json("export", vectors, "out.jsonl") == [{"exported": 50}]
    other = run_json("collection", "create", "other", "--model", "vectors", "--dim", 8)[0]["id"]
    run("import", other, "out.jsonl")
    run("export", other, "again.jsonl")
    assert (tmp_path / "again.jsonl").read_bytes() == (tmp_path / "out.jsonl").read_bytes()


def test_a_byte_order_mark_is_forgiven(vectors: str, run_json: RunJson, tmp_path: Path) -> None:
    line = json.dumps({"_id": "a", "_vector": [1] * 8})
    (tmp_path / "in.jsonl").write_text("\ufeff" + line + "\n")
    assert run_json("import", vectors, "in.jsonl")[0]["inserted"] == 1


def test_an_export_leaves_devices_and_missing_folders_alone(vectors: str, run: Run, tmp_path: Path) -> None:
    write_vectors(tmp_path / "in.jsonl", 5)
    run("import", vectors, "in.jsonl")
    os.mkfifo(tmp_path / "pipe")
    lines: list[str] = []
    reader = threading.Thread(target=lambda: lines.extend((tmp_path / "pipe").read_text().splitlines()))
    reader.start()
    run("export", vectors, "pipe")
    reader.join(60)
    assert len(lines) == 5
    assert (tmp_path / "pipe").is_fifo()
    assert f"there is no folder {tmp_path}/no/such" in run("export", vectors, "no/such/file", code=1).stderr
    assert not list(tmp_path.glob("*unfinished*"))


def test_an_export_to_standard_output(vectors: str, run: Run, tmp_path: Path) -> None:
    write_vectors(tmp_path / "in.jsonl", 5)
    run("import", vectors, "in.jsonl")
    run("export", vectors, "out.jsonl")
    for summary in ([], ["--json"]):
        done = run("export", vectors, "-", *summary)
        assert done.stdout == (tmp_path / "out.jsonl").read_text()
        assert "exported" in done.stderr
    assert not (tmp_path / "-").exists()


def test_the_real_reason_why_a_file_is_not_read(run: Run, run_json: RunJson, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    files = {"missing.png": "no such file", "folder": "not a regular file", "loop": "loop", "loop/x": "loop"}
    (tmp_path / "in.jsonl").write_text("\n".join(json.dumps({"_id": file, "_file": file}) for file in files))
    collection = run_json("collection", "create", "photos")[0]["id"]
    told = run("import", collection, "in.jsonl", code=1).stderr
    for number, (file, reason) in enumerate(files.items(), 1):
        (line,) = [line for line in told.splitlines() if line.startswith(f"line {number}:")]
        assert file in line
        assert reason in line.lower()
    assert "LOOKALIKE_FILE_ROOTS" not in told


def test_a_name_that_is_not_utf8_fails_alone(run: Run, run_json: RunJson, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "good.png").write_bytes(picture_bytes())
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff.png")).write_bytes(picture_bytes())
    collection = run_json("collection", "create", "photos")[0]["id"]
    assert json.loads(run("import", collection, "photos", "--json", code=1).stdout)["inserted"] == 1


def test_a_folder_of_pictures(run: Run, run_json: RunJson, tmp_path: Path, database_url: str) -> None:
    folder = tmp_path / "photos"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.png").write_bytes(picture_bytes("red"))
    (folder / "sub" / "b.JPG").write_bytes(picture_bytes("blue", format="JPEG"))
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 nothing")
    (folder / "notes.txt").write_text("no picture")
    collection = run_json("collection", "create", "photos")[0]["id"]
    done = run("import", collection, "photos", "--json", code=1)
    outcome = json.loads(done.stdout)
    assert counts([outcome]) == (2, 0, 1, 1)
    assert outcome["faults"][0].startswith("broken.jpg: the JPEG picture is ")
    assert outcome["left_out_for"] == {"not a picture": {"count": 1, "examples": ["notes.txt"]}}
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "SELECT id, attributes, file FROM lookalike_internal.records ORDER BY id"
        ).fetchall()
        spent = connection.execute("SELECT credits_counter FROM lookalike_internal.accounts").fetchone()
    assert rows[1] == ("sub/b.JPG", {"name": "b.JPG", "folder": "sub"}, str(folder / "sub" / "b.JPG"))
    assert spent == (2,)


def test_a_folder_without_damaged_pictures_succeeds(run: Run, run_json: RunJson, tmp_path: Path) -> None:
    """Suffixes say nothing, and what is no picture is no failure."""
    folder, elsewhere = tmp_path / "photos", tmp_path / "elsewhere"
    for name in ("a.jpg_large", "none", "._a.jpg", ".thumbnails/t.png", "__MACOSX/m.png", "@eaDir/e.jpg"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(picture_bytes())
    for number in range(7):
        (folder / f"note {number}.jpg").write_text("no picture")
    elsewhere.mkdir()
    (elsewhere / "b.jpe").write_bytes(picture_bytes(format="JPEG"))
    (folder / "linked").symlink_to(elsewhere)
    (elsewhere / "back").symlink_to(folder)
    collection = run_json("collection", "create", "photos")[0]["id"]
    done = run("import", collection, "photos")
    assert done.stdout.splitlines() == ["3 inserted, 0 known already, 0 failed, 12 left out"]
    for line in (
        "left out 2, hidden: ._a.jpg, .thumbnails",
        "left out 2, made by a system for itself: @eaDir, __MACOSX",
        "left out 7, not a picture: note 0.jpg, note 1.jpg, note 2.jpg, note 3.jpg, note 4.jpg, …",
        "left out 1, a folder that is reached on another way: linked/back",
    ):
        assert line in done.stderr.splitlines()
    # What is known already is not looked into once more.
    (folder / "none").write_text("no picture any more")
    told = run_json("import", collection, "photos")[0]
    assert counts([told]) == (0, 3, 0, 12)
    assert told["left_out_for"]["hidden"] == {"count": 2, "examples": ["._a.jpg", ".thumbnails"]}
    assert told["faults"] == []


def test_a_folder_without_any_picture_says_what_it_has_instead(
    run: Run, run_json: RunJson, tmp_path: Path
) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "notes.txt").write_text("no picture")
    collection = run_json("collection", "create", "photos")[0]["id"]
    done = run("import", collection, "photos", code=1)
    assert "left out 1, not a picture: notes.txt" in done.stderr
    assert "there are no pictures in" in done.stderr


def test_arrays_and_compressed_files(vectors: str, run_json: RunJson, tmp_path: Path, database_url: str) -> None:
    write_vectors(tmp_path / "in.jsonl", 600)
    lines = (tmp_path / "in.jsonl").read_bytes()
    (tmp_path / "in.jsonl.gz").write_bytes(gzip.compress(lines))
    (tmp_path / "in.json").write_bytes(b"[" + b",".join(lines.splitlines()) + b"]")
    assert counts(run_json("import", vectors, "in.jsonl.gz")) == (600, 0, 0, 0)
    assert counts(run_json("import", vectors, "in.json")) == (0, 600, 0, 0)


def test_another_file_is_refused_with_one_sentence(
    vectors: str, run: Run, tmp_path: Path, database_url: str
) -> None:
    (tmp_path / "in.zip").write_bytes(b"PK\x03\x04" + bytes(100_000))
    done = run("import", vectors, "in.zip", code=1)
    assert [line for line in done.stderr.splitlines() if "in.zip" in line] == [
        f"Error: in.zip is a ZIP archive (or an office document); {EXPECTED}"
    ]
    assert done.stdout == ""
    assert index_is_valid(database_url)


def test_a_file_without_records_is_no_failure(vectors: str, run: Run, tmp_path: Path) -> None:
    run("export", vectors, "empty.jsonl")
    done = run("import", vectors, "empty.jsonl")
    assert f"empty.jsonl holds no records; {EXPECTED}" in done.stderr


def test_of_many_faults_the_first_are_told(vectors: str, run: Run, tmp_path: Path) -> None:
    lines = [json.dumps({"_id": "good", "_vector": [1] * 8}), *["{}"] * 25]
    (tmp_path / "in.jsonl").write_text("\n".join(lines))
    done = run("import", vectors, "in.jsonl", "--json", code=1)
    assert counts([json.loads(done.stdout)]) == (1, 0, 25, 0)
    assert len(json.loads(done.stdout)["faults"]) == done.stderr.count("the record has none of") == 20
    assert "… and 5 more that failed" in done.stderr


def test_plain_pictures_come_back_without_hashes_that_say_nothing(
    run: Run, run_json: RunJson, tmp_path: Path, database_url: str
) -> None:
    """Plain pictures all have the same hash. Imported elsewhere, it must not make them duplicates."""
    (tmp_path / "photos").mkdir()
    for number in range(3):
        (tmp_path / "photos" / f"{number}.png").write_bytes(picture_bytes((90 * number, 50, 200)))
    photograph().save(tmp_path / "photos" / "cat.png")
    first, second = (run_json("collection", "create", name)[0]["id"] for name in ("first", "second"))
    run("import", first, "photos")
    run("export", first, "out.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [line["_id"] for line in lines if "_phash" in line] == ["cat.png"]
    run("import", second, "out.jsonl")
    run("export", second, "again.jsonl")
    assert (tmp_path / "again.jsonl").read_bytes() == (tmp_path / "out.jsonl").read_bytes()
    with psycopg.connect(database_url) as connection:
        hashed = "SELECT DISTINCT id FROM lookalike_internal.records WHERE phash_bands IS NOT NULL"
        assert connection.execute(hashed).fetchall() == [("cat.png",)]


def test_an_import_that_is_killed_is_resumed(
    vectors: str, run: Run, run_json: RunJson, tmp_path: Path, database_url: str
) -> None:
    write_vectors(tmp_path / "in.jsonl", 8_000)
    importer = subprocess.Popen(
        [sys.executable, "-m", "app", "import", vectors, str(tmp_path / "in.jsonl")],
        env=dict(os.environ),
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).resolve().parents[2],
    )
    deadline = time.monotonic() + 60
    while count(database_url) == 0 and time.monotonic() < deadline:
        time.sleep(0.02)
    # From here on it neither ends nor goes on.
    os.kill(importer.pid, signal.SIGSTOP)
    # A second import of the same collection would get in the way of the first one's index.
    assert "another import" in run("import", vectors, "in.jsonl", code=1).stderr
    os.kill(importer.pid, signal.SIGKILL)
    importer.wait()
    already = count(database_url)
    assert 0 < already < 8_000
    assert count(database_url, "embeddings") == already
    assert not index_is_valid(database_url)
    outcome = run_json("import", vectors, "in.jsonl")[0]
    assert counts([outcome]) == (8_000 - outcome["known"], outcome["known"], 0, 0)
    assert count(database_url) == 8_000
    assert index_is_valid(database_url)


def test_capacity_and_credits_hold(run: Run, run_json: RunJson, tmp_path: Path, database_url: str) -> None:
    write_vectors(tmp_path / "in.jsonl", 20)
    small = run_json("collection", "create", "small", "--model", "vectors", "--dim", 8, "--capacity", 10)[0]["id"]
    assert "at most 10" in run("import", small, "in.jsonl", code=1).stderr
    assert count(database_url) == 0
    run("account", "create", "poor@example.com", "--credits", 0)
    poor = run_json("collection", "create", "poor", "--account", "poor@example.com")[0]["id"]
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.png").write_bytes(picture_bytes())
    assert "credits" in run("import", poor, "photos", code=1).stderr
    assert count(database_url) == 0
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT count(*) FROM pg_class WHERE relname LIKE 'embeddings_%hnsw%'").fetchone()
    assert row == (2,), "an import that ends early leaves its index behind"
