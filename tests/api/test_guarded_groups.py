"""Guarded inserts of pictures that look alike: every different one goes in, and its copy does not."""

import base64
import io
from collections.abc import Sequence
from typing import Any

import pytest
from PIL import Image

from app.domain.near_duplicate import DEFAULT_RADIUS
from tests.domain.drawn_groups import GROUPS, shirt, soft_shadings
from tests.service import Service, ids


def records(prefix: str, pictures: Sequence[Image.Image], format_: str, **options: Any) -> list[dict[str, Any]]:
    made = []
    for number, picture in enumerate(pictures):
        stream = io.BytesIO()
        picture.save(stream, format_, **options)
        made.append({"_id": f"{prefix}{number}", "_base64": base64.b64encode(stream.getvalue()).decode()})
    return made


@pytest.mark.parametrize("group", GROUPS)
def test_all_different_pictures_go_in_and_their_copies_do_not(service: Service, group: str) -> None:
    service.use()
    pictures = GROUPS[group]()
    answer = service.call("nearDupsInsert", records=records("a", pictures, "PNG"))
    assert answer["skipped_records"] == []
    copies = service.call("nearDupsInsert", records=records("copy", pictures, "JPEG", quality=60))
    assert ids(copies) == []
    nearest = [skip["_reason"]["answer_records"][0]["_id"] for skip in copies["skipped_records"]]
    assert nearest == [f"a{number}" for number in range(len(pictures))]
    assert {skip["_reason"]["answer_signals"][0] for skip in copies["skipped_records"]} <= {"copy", "crop"}


def test_soft_shadings_are_found_again(service: Service) -> None:
    service.use()
    pictures = soft_shadings()
    service.call("insert", records=records("a", pictures, "PNG"))
    for number, copy in enumerate(records("copy", pictures, "JPEG", quality=85)):
        found = service.call("nearDuplicates", query_record={"_base64": copy["_base64"]})
        assert ids(found)[0] == f"a{number}"
        assert found["answer_distances"][0] <= DEFAULT_RADIUS


def test_the_other_colours_of_a_product_are_there_for_the_asking(service: Service) -> None:
    service.use()
    colours = [(180, 20, 60), (20, 90, 160), (60, 150, 50), (230, 200, 40)]
    service.call("insert", records=records("shirt", [shirt(colour) for colour in colours], "PNG"))
    query = {"_id": "shirt0"}
    assert ids(service.call("nearDuplicates", query_record=query)) == ["shirt0"]
    variants = service.call("nearDuplicates", query_record=query, signals=["variant"])
    assert sorted(ids(variants)) == ["shirt1", "shirt2", "shirt3"]
    assert set(variants["answer_signals"]) == {"variant"}
