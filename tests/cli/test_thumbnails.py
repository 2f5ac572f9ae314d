"""thumbnails: what is missing is made from files that can still be read; and exports with thumbnails."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from PIL import Image

from tests.cli.conftest import Run
from tests.images.samples import encode, photograph
from tests.service import Service, ids

RunJson = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def collection(run_json: RunJson) -> str:
    return str(run_json("collection", "create", "photos")[0]["id"])


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder with three photographs."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("chelsea", "coffee", "astronaut"):
        (folder / f"{name}.jpg").write_bytes(encode(photograph(f"{name}.png", (200, 200)), "JPEG"))
    return folder


def stored(database_url: str) -> dict[str, bytes]:
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "SELECT r.id, t.image FROM lookalike_internal.thumbnails t JOIN"
            " lookalike_internal.records r USING (collection_id, key)"
        ).fetchall()
    return {id: bytes(image) for id, image in rows}


def test_missing_ones_are_made(
    run: Run,
    run_json: RunJson,
    cli_environment: pytest.MonkeyPatch,
    collection: str,
    pictures: Path,
    database_url: str,
) -> None:
    run("import", collection, "photos")
    expected = stored(database_url)
    hashes = "SELECT id, pixel_hash FROM lookalike_internal.records ORDER BY id"
    with psycopg.connect(database_url) as connection:
        digests = connection.execute(hashes).fetchall()
        connection.execute("DELETE FROM lookalike_internal.thumbnails")
        connection.execute("UPDATE lookalike_internal.records SET pixel_hash = NULL")
    (pictures / "coffee.jpg").rename(pictures / "gone.jpg")
    (pictures / "astronaut.jpg").write_bytes((pictures / "chelsea.jpg").read_bytes())
    done = run("thumbnails", collection, "--json")
    assert json.loads(done.stdout) == {"made": 1, "unreadable": 1, "changed": 1}
    assert "coffee.jpg: the file" in done.stderr
    assert "astronaut.jpg: it is another picture by now" in done.stderr
    assert stored(database_url) == {"chelsea.jpg": expected["chelsea.jpg"]}
    # What could not be read is tried again, what is made is not.
    (pictures / "gone.jpg").rename(pictures / "coffee.jpg")
    assert run_json("thumbnails", collection) == [{"made": 1, "unreadable": 0, "changed": 1}]
    (pictures / "astronaut.jpg").write_bytes(encode(photograph("astronaut.png", (200, 200)), "JPEG"))
    assert run_json("thumbnails", collection) == [{"made": 1, "unreadable": 0, "changed": 0}]
    assert run_json("thumbnails", collection) == [{"made": 0, "unreadable": 0, "changed": 0}]
    assert stored(database_url) == expected
    with psycopg.connect(database_url) as connection:
        assert connection.execute(hashes).fetchall() == digests
    cli_environment.setenv("LOOKALIKE_THUMBNAILS", "0")
    assert "LOOKALIKE_THUMBNAILS=0" in run("thumbnails", collection, code=1).stderr


def test_more_than_a_batch_and_both_places(run: Run, run_json: RunJson, tmp_path: Path, database_url: str) -> None:
    """Beside vectors of one's own nothing is known of the pictures; a dead _url leaves the _file."""
    collection = run_json("collection", "create", "own", "--model", "vectors", "--dim", 2)[0]["id"]
    lines = []
    for n in range(70):
        (tmp_path / f"{n}.png").write_bytes(encode(Image.new("RGB", (8, 8), (n, 0, 0)), "PNG"))
        source = {"_file": str(tmp_path / f"{n}.png")} if n % 10 else {}
        dead = {"_url": "http://127.0.0.1:1/x.png"} if n % 7 == 0 else {}
        lines.append(json.dumps({"_id": f"r{n:02}", "_vector": [1, n], **source, **dead}))
    (tmp_path / "in.jsonl").write_text("\n".join(lines))
    run("import", collection, "in.jsonl")
    assert run_json("thumbnails", collection) == [{"made": 63, "unreadable": 1, "changed": 0}]
    assert len(stored(database_url)) == 63


@pytest.mark.usefixtures("pictures")
def test_a_service_that_runs_sees_them_at_once(
    run: Run, collection: str, service: Service, database_url: str
) -> None:
    run("import", collection, "photos")
    with psycopg.connect(database_url) as connection:
        connection.execute("DELETE FROM lookalike_internal.thumbnails")
    copy = base64.b64encode(encode(photograph("coffee.png", (200, 200)), "JPEG", quality=50)).decode()
    with psycopg.connect(database_url) as connection:
        (id,) = connection.execute("SELECT id FROM lookalike_internal.collections").fetchone() or ()
    headers = {"collection_id": str(id)}

    def signals() -> list[str]:
        body = json.dumps({"query_record": {"_base64": copy}}).encode()
        answer = service.send("POST", "/similarity/photos/v2/nearDuplicates", body, **headers)
        assert ids(answer) == ["coffee.jpg"]
        return list(answer["answer_signals"])

    assert signals() == ["both"]
    run("thumbnails", collection)
    assert signals() == ["copy"]


@pytest.mark.usefixtures("pictures")
def test_an_export_takes_them_along(
    run: Run, run_json: RunJson, collection: str, tmp_path: Path, service: Service, database_url: str
) -> None:
    run("import", collection, "photos")
    run("export", collection, "plain.jsonl")
    assert "_thumbnail" not in (tmp_path / "plain.jsonl").read_text()
    run("export", collection, "out.jsonl", "--thumbnails")
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert {line["_id"]: base64.b64decode(line["_thumbnail"]) for line in lines} == stored(database_url)
    for picture in (tmp_path / "photos").iterdir():
        picture.unlink()
    other = run_json("collection", "create", "elsewhere")[0]["id"]
    (done,) = run_json("import", other, "out.jsonl")
    assert (done["inserted"], done["known"], done["failed"]) == (3, 0, 0)
    run("export", other, "again.jsonl", "--thumbnails")
    assert (tmp_path / "again.jsonl").read_bytes() == (tmp_path / "out.jsonl").read_bytes()
    copy = base64.b64encode(encode(photograph("coffee.png", (200, 200)), "WEBP", quality=60)).decode()
    answer = service.send(
        "POST",
        "/similarity/photos/v2/nearDuplicates",
        json.dumps({"query_record": {"_base64": copy}}).encode(),
        collection_id=other,
    )
    assert (ids(answer), answer["answer_signals"]) == (["coffee.jpg"], ["copy"])
