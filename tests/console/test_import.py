"""Pictures that are sent by a form."""

import io
from typing import Any

from tests.console.test_record import UGLY
from tests.console.visitor import Visitor
from tests.service import Service, ids, picture_bytes


def send(
    visitor: Visitor, files: dict[str, bytes], *, partial: bool = True, paths: bool = True, **fields: Any
) -> str:
    data = {
        "csrf": visitor.csrf,
        "files": [(io.BytesIO(data), path.rpartition("/")[2]) for path, data in files.items()],
        **({"path": list(files)} if paths else {}),
        **fields,
    }
    headers = {"HX-Request": "true"} if partial else {}
    answer = visitor.client.post(visitor.address("import"), data=data, headers=headers)
    assert answer.status_code == fields.get("code", 200), answer.text
    return answer.text


def visitor_of(service: Service, **options: Any) -> Visitor:
    service.use(model="efficientnet-lite0", **options)
    return Visitor(service)


def test_files_become_records_named_by_their_paths(service: Service) -> None:
    visitor = visitor_of(service)
    answer = send(visitor, {"shop/a.png": picture_bytes("red"), "shop/b/a.png": picture_bytes("blue")})
    assert 'data-inserted="2" data-skipped="0"' in answer
    assert sorted(ids(service.call("allRecords"))) == ["shop/a.png", "shop/b/a.png"]
    answer = send(visitor, {"c.png": picture_bytes("green")}, partial=False, paths=False)
    assert '<strong id="inserted">1</strong>' in answer
    assert "c.png" in ids(service.call("allRecords"))


def test_what_is_left_out_has_its_reason(service: Service) -> None:
    visitor = visitor_of(service)
    send(visitor, {"a.png": picture_bytes("red")})
    answer = send(
        visitor,
        {
            "a.png": picture_bytes("red"),
            "notes.txt": b"no picture",
            "": picture_bytes(),
            "cut.png": picture_bytes("green", (640, 480))[:300],
            UGLY: b"<svg onload=alert(1)>",
        },
    )
    assert 'data-inserted="0"' in answer
    assert "a record with this _id exists already" in answer
    assert "records[" not in answer
    assert "<script>" not in answer
    assert answer.count("<li>") == 4


def test_what_has_a_near_duplicate_is_left_out_on_request(service: Service) -> None:
    visitor = visitor_of(service)
    send(visitor, {"a.png": picture_bytes("red")})
    again = {"copy.jpg": picture_bytes("red", format="JPEG"), "new.png": picture_bytes("blue")}
    answer = send(visitor, again, guarded="1")
    assert 'data-inserted="1" data-skipped="1"' in answer
    assert "has a near duplicate here" in answer
    assert "record?id=a.png" in answer


def test_a_full_collection_says_so(service: Service) -> None:
    visitor = visitor_of(service, capacity=1)
    answer = send(visitor, {"a.png": picture_bytes("red"), "b.png": picture_bytes("blue")}, code=409)
    assert "do not fit in" in answer
    assert ids(service.call("allRecords")) == []


def test_a_collection_of_vectors_takes_no_pictures(visitor: Visitor) -> None:
    assert "takes vectors" in visitor.get("import").text
    assert "Import pictures</a>" not in visitor.get("collection").text


def test_nothing_chosen_is_nothing_done(service: Service) -> None:
    visitor = visitor_of(service)
    assert '<strong id="inserted">0</strong>' in send(visitor, {}, partial=False)
