"""The page of a record, and the log with its undo."""

from typing import Any

import pytest

from app.domain.attribute_text import ValueKind, kind_of, text_of, value_of
from tests.console.visitor import Visitor
from tests.service import Service, picture_base64

UGLY = '"><script>alert(1)</script><img src=x onerror=alert(1)>javascript:alert(1)\u202e'


@pytest.fixture
def shop(service: Service) -> Visitor:
    """Somebody who is signed in, with pictures: a, its copy b, and c."""
    service.use(model="efficientnet-lite0")
    service.call(
        "insert",
        records=[
            {"_id": "a", "_base64": picture_base64("red"), "price": 3, "tags": ["x", "y"]},
            {"_id": "b", "_base64": picture_base64("red")},
            {"_id": "c", "_base64": picture_base64("blue")},
        ],
    )
    return Visitor(service)


def attributes(visitor: Visitor, id: str) -> dict[str, Any]:
    (record,) = visitor.service.call("get", records=[{"_id": id}], fields_to_return=["*"])["answer_records"]
    return {name: value for name, value in record.items() if name != "_id"}


def action_of(visitor: Visitor) -> str:
    """The id of the last action."""
    with visitor.service.runtime.database.session() as connection:
        row = connection.execute("SELECT max(id) FROM lookalike_internal.actions").fetchone()
    return str(row[0])


def test_it_shows_the_record_and_what_is_near(shop: Visitor) -> None:
    page = shop.get("record", id="a").text
    assert "64 × 48 pixels" in page
    assert "<bdi>price</bdi>" in page
    assert "SHA-256" in page
    assert "record?id=b" in page
    assert "search?more=c" in page
    near = shop.get("record/duplicates", id="a", partial=True).text
    assert "same file" in near
    assert "record?id=b" in near
    assert "record?id=c" not in near
    assert "same file" in shop.get("record", id="a", duplicates=1).text


@pytest.mark.parametrize("id", ["nobody", "", "x" * 600, "\0", "é/?&"])
def test_an_id_that_is_not_known_is_not_found(shop: Visitor, id: str) -> None:
    assert "There is no record" in shop.get("record", id=id, code=404).text
    part = shop.get("record", id=id, code=404, partial=True).text
    assert "no such record" in part
    assert "<html" not in part


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("TEXT", " 12\r\nx", " 12\nx"),
        ("NUMBER", "12", 12),
        ("NUMBER", " -1.5e3 ", -1500.0),
        ("BOOLEAN", "Yes", True),
        ("LIST", "a\r\n\r\n b \r\n", ["a", "b"]),
        ("JSON", '{"a": [1, null]}', {"a": [1, None]}),
    ],
)
def test_an_attribute_is_put_with_its_kind(shop: Visitor, kind: str, text: str, value: object) -> None:
    shop.post("record/attribute", id="a", name="new", new="1", kind=kind, value=text, do="save", code=303)
    assert attributes(shop, "a") == {"price": 3, "tags": ["x", "y"], "new": value}
    assert type(attributes(shop, "a")["new"]) is type(value)


@pytest.mark.parametrize(
    ("name", "kind", "text", "told"),
    [
        ("n", "NUMBER", "twelve", "A number is written like"),
        ("n", "NUMBER", "NaN", "A number is written like"),
        ("n", "NUMBER", "true", "A number is written like"),
        ("n", "BOOLEAN", "perhaps", "either yes or no"),
        ("n", "JSON", "{", "This is not JSON"),
        ("a.b", "TEXT", "x", "dot"),
        ("_own", "TEXT", "x", "service&#39;s own"),
        ("_url", "TEXT", "x", "service&#39;s own"),
        ("", "TEXT", "x", "needs a name"),
        ("price", "TEXT", "x", "has an attribute of this name already"),
    ],
)
def test_what_cannot_be_saved_is_told_beside_what_was_typed(
    shop: Visitor, name: str, kind: str, text: str, told: str
) -> None:
    fields = {"id": "a", "name": name, "kind": kind, "value": text, "new": "1", "do": "save"}
    for partial in (True, False):
        answer = shop.post("record/attribute", partial=partial, code=400, **fields).text
        assert told in answer
        assert f">{text}</textarea>" in answer
        assert ("<html" in answer) is not partial
    assert attributes(shop, "a") == {"price": 3, "tags": ["x", "y"]}


@pytest.mark.parametrize(
    "value",
    ["", "x", "1\n2", True, False, 0, -1.5, 10**18, None, [], ["a", "b"], ["a", ""], [" a"], ["a\nb"], [1], {},
     {"a": {"b": []}}],
)  # fmt: skip
def test_saving_a_value_as_it_stands_in_its_form_changes_nothing(value: object) -> None:
    made = value_of(kind_of(value), text_of(value))
    assert made == value
    assert type(made) is type(value)


def test_an_edit_says_what_it_did_and_is_undone(shop: Visitor) -> None:
    answer = shop.post(
        "record/attribute", partial=True, id="a", name="price", kind="NUMBER", value="4", do="save"
    ).text
    assert "Changed <bdi>price</bdi>." in answer
    assert attributes(shop, "a")["price"] == 4
    back = shop.post("actions/undo", action=action_of(shop), back="a", code=303)
    page = shop.client.get(back.location).text
    assert "Undone." in page
    assert attributes(shop, "a")["price"] == 3
    shop.post("record/attribute", id="a", name="tags", kind="LIST", value="", do="remove", code=303)
    assert attributes(shop, "a") == {"price": 3}


def test_an_undo_tells_what_it_left_alone(shop: Visitor) -> None:
    shop.post("record/attribute", id="a", name="price", kind="NUMBER", value="4", do="save", code=303)
    shop.service.call("update", records=[{"_id": "a", "price": 5}])
    back = shop.post("actions/undo", action=action_of(shop), code=303)
    assert "left as changed since: <bdi>price</bdi>" in shop.client.get(back.location).text
    assert attributes(shop, "a")["price"] == 5


def test_a_deleted_record_comes_back(shop: Visitor) -> None:
    before = attributes(shop, "a")
    answer = shop.post("record/delete", id="a", code=303)
    assert "Removed 1 record." in shop.client.get(answer.location).text
    gone = shop.get("record", id="a", code=404).text
    assert "What was done to it" in gone
    assert shop.get("record", id="b").text.count("record?id=a") == 0
    back = shop.post("actions/undo", action=action_of(shop), back="a", code=303)
    assert "1 record put back" in shop.client.get(back.location).text
    assert attributes(shop, "a") == before
    assert "Put the rest back" not in shop.get("actions").text


def test_an_undo_of_nothing_is_refused(shop: Visitor) -> None:
    assert "no such action" in shop.post("actions/undo", action="99", code=400).text
    assert "a number from" in shop.post("actions/undo", action="x", code=400).text.lower()


def test_a_read_only_token_sees_nothing_that_writes(shop: Visitor) -> None:
    shop.post("record/delete", id="c", code=303)
    reader = Visitor(shop.service, token=shop.service.new_token(read_only=True))
    for page in (reader.get("record", id="a", edit="price", add=1), reader.get("actions")):
        assert "Edit" not in page.text
        assert "Delete" not in page.text.replace("Deleting", "")
        assert 'value="save"' not in page.text
        assert "Undo" not in page.text
    log = reader.get("actions").text
    assert "Removed 1 record" in log
    assert "By the token " in log


def test_two_hundred_attributes_and_ten_thousand(shop: Visitor) -> None:
    shop.service.call("update", records=[{"_id": "a", **{f"key {n:05}": n for n in range(200)}}])
    page = shop.get("record", id="a").text
    assert page.count('aria-label="Edit ') == 202
    shop.service.call("update", records=[{"_id": "b", **{f"key {n:05}": n for n in range(10_000)}}])
    page = shop.get("record", id="b").text
    assert "300 of 10,000 are shown" in page
    assert len(page) < 400_000
    found = shop.get("record", id="b", find="09999", partial=True).text
    assert found.count('aria-label="Edit ') == 1
    assert 'name="value"' in shop.get("record", id="b", edit="key 09999").text


def test_values_from_outside_are_shown_as_text(service: Service) -> None:
    service.use_vectors(2)
    deep: Any = UGLY
    for _ in range(40):
        deep = {UGLY: [deep]}
    service.call(
        "insert",
        records=[
            {"_id": UGLY, "_vector": [1, 0], UGLY: UGLY, "tags": [UGLY, {"no": UGLY}], "deep": deep,
             "link": "javascript:alert(1)", "page": "https://example.org/?a=<b>", "long": UGLY * 20},
            {"_id": "other", "_vector": [1, 0]},
        ],
    )  # fmt: skip
    visitor = Visitor(service)
    visitor.post("record/attribute", id=UGLY, name=UGLY, kind="TEXT", value=UGLY + "!", do="save", code=303)
    pages = [
        visitor.get("record", id=UGLY, edit=UGLY, duplicates=1, done=action_of(visitor), find="<script>").text,
        visitor.get("record", id=UGLY).text,
        visitor.get("record", id="other", duplicates=1).text,
        visitor.get("actions", done=action_of(visitor)).text,
        visitor.get("record", id=UGLY + "x", code=404).text,
    ]
    visitor.post("record/delete", id=UGLY, code=303)
    pages.append(visitor.get("record", id=UGLY, code=404).text)
    for page in pages:
        assert "alert(1)" in page or page is pages[2]
        assert "<script>" not in page
        assert "<img src=x" not in page
        assert 'href="javascript:' not in page
    assert 'href="https://example.org/?a=&lt;b&gt;" rel="noreferrer noopener"' in pages[1]


def test_with_no_undo_a_delete_has_to_be_confirmed(shop: Visitor, monkeypatch) -> None:
    from app.settings import load_settings

    assert "It cannot be undone" not in shop.get("record", id="a").text
    monkeypatch.setattr(shop.service.runtime, "settings", load_settings({"LOOKALIKE_UNDO_DAYS": "0"}))
    assert "It cannot be undone" in shop.get("record", id="a").text
    assert "what is done here is final" in shop.get("actions").text


def test_every_kind_has_a_word() -> None:
    assert len({kind.value for kind in ValueKind}) == len(ValueKind)
