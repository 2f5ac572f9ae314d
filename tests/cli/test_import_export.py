"""import and export: folders, JSON lines, interruption, and the way back."""

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

from tests.cli.conftest import Run
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


def count(url: str, table: str = "records") -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute(f"SELECT count(*) FROM lookalike.{table}").fetchone()
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
    assert run_json("import", vectors, "in.jsonl") == [{"inserted": 1500, "known": 0, "failed": 0}]
    assert count(database_url) == count(database_url, "embeddings") == 1500
    assert index_is_valid(database_url)
    assert run_json("import", vectors, "in.jsonl") == [{"inserted": 0, "known": 1500, "failed": 0}]


def test_lines_without_ids_are_known_the_second_time(vectors: str, run_json: RunJson, tmp_path: Path) -> None:
    write_vectors(tmp_path / "in.jsonl", 20, ids=False)
    assert run_json("import", vectors, "in.jsonl")[0]["inserted"] == 20
    assert run_json("import", vectors, "in.jsonl")[0] == {"inserted": 0, "known": 20, "failed": 0}


def test_bad_lines_are_named_and_the_others_go_in(vectors: str, run: Run, tmp_path: Path) -> None:
    good = json.dumps({"_id": "good", "_vector": [1] * 8})
    lines = [good, "{", json.dumps({"_id": "short", "_vector": [1]}), "", json.dumps({"_id": "bare"}), good]
    lines.append(json.dumps({"_id": "dotted", "_vector": [1] * 8, "a.b": 1}))
    (tmp_path / "in.jsonl").write_text("\n".join(lines))
    done = run("import", vectors, "in.jsonl", "--json", code=1)
    assert json.loads(done.stdout) == {"inserted": 1, "known": 1, "failed": 4}
    for line in ("line 2", "line 3", "line 5", "line 7.a.b"):
        assert done.stderr.count(line) == 1


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
    reader.join(10)
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
    assert json.loads(done.stdout) == {"inserted": 2, "known": 0, "failed": 1}
    assert "broken.jpg" in done.stderr
    with psycopg.connect(database_url) as connection:
        rows = connection.execute("SELECT id, attributes, file FROM lookalike.records ORDER BY id").fetchall()
        spent = connection.execute("SELECT credits_counter FROM lookalike.accounts").fetchone()
    assert rows[1] == ("sub/b.JPG", {"name": "b.JPG", "folder": "sub"}, str(folder / "sub" / "b.JPG"))
    assert spent == (2,)


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
    # A second import of the same collection would get in the way of the first one's index.
    assert "another import" in run("import", vectors, "in.jsonl", code=1).stderr
    os.kill(importer.pid, signal.SIGKILL)
    importer.wait()
    already = count(database_url)
    assert 0 < already < 8_000
    assert count(database_url, "embeddings") == already
    assert not index_is_valid(database_url)
    outcome = run_json("import", vectors, "in.jsonl")[0]
    assert outcome == {"inserted": 8_000 - outcome["known"], "known": outcome["known"], "failed": 0}
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
