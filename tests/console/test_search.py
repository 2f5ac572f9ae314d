"""The search as a browser without a script sees it."""

import io
import json
import re
import subprocess
import sys
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from PIL import Image, ImageDraw

from app.services.operating.accounts import find_account
from tests.console.visitor import Visitor
from tests.embedding.checkpoints import save_clip, save_vision_only
from tests.service import Service, ids, picture_base64, picture_bytes

POLYGLOT = "\"><script>alert(1)</script><img src=x onerror=alert(1)>javascript:alert(1)//\u202e{{7*7}}'"

HATS: dict[str, dict[str, Any]] = {
    "cap": {"_vector": [1, 0, 0, 0], "colour": "red", "price": 10, "tags": ["summer"], "sku": "a"},
    "beanie": {"_vector": [0.9, 0.4, 0, 0], "colour": "blue", "price": 12.5, "tags": ["winter"], "sku": "a"},
    "boater": {"_vector": [0.5, 0.8, 0, 0], "colour": "red", "price": 40, "tags": ["summer", "straw"], "sku": "b"},
    "beret": {"_vector": [0, 1, 0, 0], "colour": "black", "price": 30, "made": {"in": "France"}, "sku": "c"},
    "helmet": {"_vector": [-1, 0, 0, 0], "title": "Helmet, used", "sku": "d"},
}


@pytest.fixture
def hats(visitor: Visitor) -> Visitor:
    visitor.service.call("insert", records=[{"_id": id, **hat} for id, hat in HATS.items()])
    return visitor


def shown(html: str) -> list[str]:
    """The names of the records on a page, in order."""
    return [unescape(name) for name in re.findall(r'<article class="tile" aria-label="([^"]*)">', html)]


def links(html: str) -> list[str]:
    """The addresses that a page leads to."""
    return [unescape(href) for href in re.findall(r'href="([^"]*)"', html)]


def code(html: str, name: str) -> str:
    found = re.search(rf'<code id="code-{name}">(.*?)</code>', html, re.DOTALL)
    assert found is not None
    return unescape(found[1])


def filter_in(address: str) -> Any:
    return json.loads(parse_qs(urlsplit(address).query)["filter"][0])


def test_without_a_query_the_newest_come_first(hats: Visitor) -> None:
    hats.service.insert_vectors({"turban": [0, 0, 1, 0]})
    names = shown(hats.get("search").text)
    assert names[0] == "turban"
    assert set(names) == {"cap", "beanie", "boater", "beret", "Helmet, used", "turban"}


def test_an_empty_collection_says_what_to_do(visitor: Visitor) -> None:
    html = visitor.get("search").text
    assert "No records yet" in html
    assert visitor.service.collection is not None
    assert f"lookalike import {visitor.service.collection.id} " in html


def test_more_like_a_record(hats: Visitor) -> None:
    html = hats.get("search", more="cap").text
    assert shown(html) == ["cap", "beanie", "boater", "beret", "Helmet, used"]
    assert "exact" in html
    unknown = hats.get("search", code=400, more="bonnet").text
    assert "There is no record with the _id" in unescape(unknown) or "bonnet" in unknown


def test_more_of_this_and_less_of_that(hats: Visitor) -> None:
    html = hats.get("search", more=["cap", "beanie"], less="boater").text
    expected = hats.service.call(
        "visualKNNMulti",
        query_records=[{"_id": "cap"}, {"_id": "beanie"}, {"_id": "boater", "_weight": -0.5}],
    )
    assert [name.replace("Helmet, used", "helmet") for name in shown(html)] == ids(expected)
    assert '"_weight": -0.5' in code(html, "curl")


def test_tiles_lead_to_more_and_less(hats: Visitor) -> None:
    html = hats.get("search", more="cap", filter='{"price":{"$gt":1}}').text
    queries = [parse_qs(urlsplit(link).query) for link in links(html)]
    alone = {"more": ["boater"], "filter": ['{"price":{"$gt":1}}']}
    assert alone in queries
    assert {**alone, "more": ["cap", "boater"]} in queries
    assert {**alone, "more": ["cap"], "less": ["boater"]} in queries


def test_a_cut_off(hats: Visitor) -> None:
    assert shown(hats.get("search", more="cap", within=50).text) == ["cap", "beanie"]
    assert "Nothing lies within" in hats.get("search", more="cap", within=-1).text


def test_products(hats: Visitor) -> None:
    assert shown(hats.get("search", more="cap", product="sku").text) == ["cap", "boater", "beret", "Helmet, used"]
    own = hats.service.use_vectors(2, product_field="sku")
    hats.service.insert_vectors({"x": [1, 0], "y": [1, 0.1]}, sku="s")
    assert hats.service.collection == own
    assert shown(hats.get("search", more="x").text) == ["x"]
    assert shown(hats.get("search", more="x", product="").text) == ["x", "y"]


def test_the_weight_of_tags(hats: Visitor) -> None:
    html = hats.get("search", more="boater", tags=1).text
    assert shown(html)[:2] == ["boater", "cap"]
    assert '"tags_weight": 1' in code(html, "curl")
    assert "Tags count" in html


def test_pages_join(service: Service) -> None:
    service.use_vectors(2)
    service.insert_vectors({f"r{n:03}": [1, n / 50] for n in range(130)})
    visitor = Visitor(service)
    for query in ({"more": "r000"}, {}):
        seen: list[str] = []
        address = visitor.address("search", **query)
        while True:
            html = visitor.client.get(address).text
            seen += shown(html)
            after = re.search(r'<a rel="next" href="([^"]*)"', html)
            if after is None:
                break
            address = unescape(after[1])
        assert len(seen) == len(set(seen)) == 130
        assert seen == sorted(seen, reverse=not query)
        far = visitor.client.get(f"{visitor.address('search', **{'more': '', **query})}&page=9")
        assert "There is no page 9" in far.text


def test_the_filter_is_built_by_clicks(hats: Visitor) -> None:
    html = hats.get("search", more="cap").text
    picked = [link for link in links(html) if "filter=" in link]
    assert {"colour": {"$in": ["red"]}} in [filter_in(link) for link in picked]
    assert {"made.in": {"$in": ["France"]}} in [filter_in(link) for link in picked]
    assert {"price": {"$exists": False}} in [filter_in(link) for link in picked]
    red = next(link for link in picked if filter_in(link) == {"colour": {"$in": ["red"]}})
    html = hats.client.get(red).text
    assert shown(html) == ["cap", "boater"]
    both = [filter_in(link) for link in links(html) if "filter=" in link]
    assert {"colour": {"$in": ["red", "blue"]}} in both
    assert any("filter=" not in link and "more=cap" in link for link in links(html))


def test_bounds(hats: Visitor) -> None:
    old = json.dumps({"price": {"$gte": 1}, "colour": {"$ne": "black"}})
    answer = hats.get("search", code=303, more="cap", filter=old, bounds="price", low="11", high="40.0")
    assert filter_in(answer.location) == {"price": {"$gte": 11, "$lte": 40}, "colour": {"$ne": "black"}}
    assert shown(hats.client.get(answer.location).text) == ["beanie", "boater"]
    answer = hats.get(
        "search", code=303, more="cap", filter='{"price":{"$gte":1}}', bounds="price", low="", high=""
    )
    assert "filter" not in answer.location
    hats.get("search", code=400, bounds="price", low="cheap")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"price": {"$gtr": 1}}', "filter.price.$gtr"),
        ('{"$and": [{"a": 1}, {"b": {"$in": 3}}]}', "filter.$and[1].b.$in"),
        ("{", "not valid JSON"),
        ("[1]", "it has to be a JSON object"),
        ('{"colour": {"$in": 5}}', "filter.colour.$in"),
        ('{"colour": {"$in": null}}', "filter.colour.$in"),
        (f'{{"colour": {"[" * 300}{"]" * 300}}}', "filter.colour"),
    ],
)
def test_a_faulty_filter_is_told_at_its_path_and_stays_to_be_edited(hats: Visitor, text: str, told: str) -> None:
    html = unescape(hats.get("search", code=400, more="cap", filter=text).text)
    assert told in html
    assert f">{text}</textarea>" in html
    assert not shown(html)
    bounded = unescape(hats.get("search", code=400, filter=text, bounds="colour", low="1").text)
    assert told in bounded
    assert f">{text}</textarea>" in bounded


def test_the_curl_line_works_as_it_is(hats: Visitor, tmp_path: Path) -> None:
    """Run by a shell with a curl that only writes down what it is given, which is then sent."""
    nasty = 'it\'s "$HOME" `id` \u202e\\n ü'
    hats.service.insert_vectors({nasty: [0.9, 0.1, 0, 0]}, colour=nasty)
    html = hats.get("search", more=nasty, filter=json.dumps({"colour": {"$in": [nasty, "red"]}})).text
    line = code(html, "curl")
    assert line.isascii()
    fake = tmp_path / "curl"
    fake.write_text(
        f"#!{sys.executable}\nimport json, sys\njson.dump(sys.argv[1:], open({str(tmp_path / 'seen')!r}, 'w'))\n"
    )
    fake.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "TOKEN": hats.service.token}
    subprocess.run(["sh", "-c", line], check=True, env=environment)
    seen = json.loads((tmp_path / "seen").read_text())
    address = next(each for each in seen if each.startswith("http"))
    headers = dict(seen[at + 1].split(": ", 1) for at, each in enumerate(seen) if each == "-H")
    body = seen[seen.index("-d") + 1]
    answer = hats.service.client.post(urlsplit(address).path, data=body, headers=headers).json
    assert answer is not None
    assert ids(answer) == shown(html) == [nasty, "cap", "boater"]


def test_the_python_program_works_as_it_is(hats: Visitor) -> None:
    nasty = 'it\'s """{}" \u202e\\ ü\n'
    hats.service.insert_vectors({nasty: [0.9, 0.1, 0, 0]}, colour=nasty)
    html = hats.get(
        "search", more=[nasty, "cap"], less="beret", filter=json.dumps({"colour": {"$in": [nasty, "red"]}})
    ).text
    program = code(html, "python")
    assert program.isascii()
    values: dict[str, Any] = {}
    exec(program[program.index("body =") : program.index("answer =")], values)
    assert ids(hats.service.call("visualKNNMulti", **values["body"])) == shown(html)


def test_the_sql_admits_what_the_filter_admits(hats: Visitor) -> None:
    nasty = "it's \\ % {x} \u202e"
    hats.service.insert_vectors({"odd": [0, 0, 1, 0]}, colour=nasty)
    html = hats.get("search", filter=json.dumps({"colour": {"$in": [nasty, "red"]}})).text
    with hats.service.runtime.database.session() as connection:
        rows = connection.execute(code(html, "sql").encode()).fetchall()
    assert [row[0] for row in rows] == ["boater", "cap", "odd"]


def test_texts_of_strangers_are_shown_as_text(visitor: Visitor) -> None:
    visitor.service.call(
        "insert",
        records=[
            {"_id": POLYGLOT, "_vector": [1, 0, 0, 0], POLYGLOT.replace(".", ""): POLYGLOT, "tags": [POLYGLOT]},
            {"_id": "b", "_vector": [1, 0.1, 0, 0], "name": POLYGLOT, "link": "javascript:alert(1)"},
        ],
    )
    own = json.dumps({POLYGLOT.replace(".", ""): {"$in": [POLYGLOT]}})
    pages = [
        visitor.get("search").text,
        visitor.get("search", more=POLYGLOT, filter=own, facet=POLYGLOT).text,
        visitor.get("search", less=POLYGLOT, code=200).text,
        visitor.get("search", code=400, more=POLYGLOT, filter=POLYGLOT, product="tags").text,
        visitor.get("search", code=400, more="none such", text=POLYGLOT, picture=POLYGLOT).text,
    ]
    for html in pages:
        assert "<script>alert" not in html
        assert "onerror=alert" not in html.replace("onerror=alert(1)&gt;", "")
        assert not re.search(r'(href|src)="\s*javascript:', html)
    assert POLYGLOT in unescape(pages[0])


def test_two_hundred_attributes(service: Service) -> None:
    service.use_vectors(2)
    many = {f"key {n}": f"value {n}" for n in range(200)}
    service.insert_vectors({"a": [1, 0], "b": [0, 1]}, **many)
    visitor = Visitor(service)
    html = visitor.get("search").text
    assert html.count('class="facet"') == 8
    assert "Another of 200 attributes" in html
    assert 'data-facet="key 99"' in visitor.get("search", facet="key 99").text
    assert len(html) < 200_000


# Pictures


def drawing(colour: str = "teal") -> Image.Image:
    """A disc on the left, stripes on the right."""
    picture = Image.new("RGB", (320, 160), "white")
    pen = ImageDraw.Draw(picture)
    pen.ellipse((20, 20, 140, 140), fill=colour)
    for x in range(180, 300, 20):
        pen.rectangle((x, 10, x + 9, 150), fill="black")
    return picture


def as_file(picture: Image.Image, format: str = "PNG") -> bytes:
    stream = io.BytesIO()
    picture.save(stream, format)
    return stream.getvalue()


@pytest.fixture
def pictured(service: Service) -> Visitor:
    """A collection with pictures, of an account that counts."""
    import base64

    service.use("pictured")
    halves = {"disc": drawing().crop((0, 0, 160, 160)), "stripes": drawing().crop((160, 0, 320, 160))}
    records = [{"_id": id, "_base64": base64.b64encode(as_file(each)).decode()} for id, each in halves.items()]
    records.append({"_id": "plain", "_base64": picture_base64("orange")})
    assert service.call("insert", records=records)["status"]["code"] == 210
    return Visitor(service)


def send(visitor: Visitor, data: bytes, **fields: Any) -> Any:
    return visitor.client.post(
        visitor.address("search/picture"),
        data={"csrf": visitor.csrf, "file": (io.BytesIO(data), "../../x.png"), **fields},
    )


def test_a_picture_is_kept_and_searched_with(pictured: Visitor) -> None:
    answer = send(
        pictured, as_file(drawing().crop((0, 0, 160, 160))), filter='{"_id":{"$ne":"plain"}}', more="stripes"
    )
    assert answer.status_code == 303
    query = parse_qs(urlsplit(answer.location).query)
    assert query.keys() == {"picture", "filter"}
    html = pictured.client.get(answer.location).text
    assert shown(html) == ["disc", "stripes"]
    # Small pictures are kept without loss.
    assert re.search(r'data-distance="0\.[0-4]', html) or 'data-distance="0"' in html
    kept = pictured.client.get(pictured.address("search/picture", key=query["picture"][0]))
    assert (kept.mimetype, kept.status_code) == ("image/webp", 200)
    assert pictured.client.get(pictured.address("search/picture", key="0" * 64)).status_code == 404
    # The call has the vector: it costs nothing, and means the same.
    curl = code(html, "curl")
    body = json.loads(re.findall(r"-d '(.*)'", curl)[0])
    assert ids(pictured.service.call("visualKNN", **body)) == ["disc", "stripes"]


def test_a_part_of_a_picture(pictured: Visitor) -> None:
    address = send(pictured, as_file(drawing())).location
    left = pictured.client.get(f"{address}&left=0&top=0&width=50&height=100")
    assert left.status_code == 303
    assert parse_qs(urlsplit(left.location).query)["box"] == ["0,0,0.5,1"]
    html = pictured.client.get(left.location).text
    assert shown(html)[0] == "disc"
    assert '<rect class="box" x="0.0" y="0.0" width="50.0" height="100"' in html.replace(
        'height="100.0"', 'height="100"'
    )
    assert shown(pictured.client.get(f"{address}&box=0.5,0,0.5,1").text)[0] == "stripes"
    assert pictured.client.get(f"{address}&box=2,0,0.5,1").status_code == 400
    assert pictured.client.get(f"{address}&box=nan,0,1,1").status_code == 400


def test_a_part_of_a_record(service: Service, tmp_path: Path) -> None:
    service.use("parts")
    (tmp_path / "both.png").write_bytes(as_file(drawing()))
    records = [
        {"_id": "both", "_file": str(tmp_path / "both.png")},
        {"_id": "disc", "_base64": picture_base64("teal")},
        {"_id": "small", "_base64": picture_base64("teal")},
    ]
    service.call("insert", records=records)
    visitor = Visitor(service)
    html = visitor.get("search", more="both", box="0.1,0.2,0.25,0.5").text
    assert shown(html)[0] in ("disc", "small")
    assert "cut from the original" in html
    (tmp_path / "both.png").unlink()
    assert "only the thumbnail" in visitor.get("search", more="small", box="0,0,0.5,1").text


def test_a_credit_for_a_picture_is_charged_once(service: Service) -> None:
    account = service.new_account("few@example.org", credits=3)
    token = service.new_token(account=account)
    service.token = token
    service.use("few", account=account)
    visitor = Visitor(service, token=token)
    service.call("insert", records=[{"_id": "a", "_base64": picture_base64()}])

    def spent() -> int:
        return find_account(service.runtime, account).credits_counter

    before = spent()
    address = send(visitor, as_file(drawing())).location
    for more in ("", "&page=1", "&filter=%7B%22a%22:1%7D", ""):
        assert visitor.client.get(address + more).status_code == 200
    assert spent() == before + 1
    visitor.client.get(f"{address}&box=0,0,0.5,1")
    assert spent() == before + 2
    refused = visitor.client.get(f"{address}&box=0,0,0.25,1")
    assert refused.status_code == 400
    assert "Credits exceeded" in refused.text


@pytest.mark.parametrize(
    ("data", "told"),
    [(b"hello", "known picture format"), (picture_bytes()[:100], "truncated"), (b"", "")],
)
def test_a_refused_file_is_told(pictured: Visitor, data: bytes, told: str) -> None:
    answer = send(pictured, data, filter='{"_id":"disc"}')
    assert answer.status_code == 400
    refused = re.search(r"data-refused>([^<]+)<", answer.text)
    assert refused is not None
    assert told in refused[1]
    assert shown(answer.text) == ["disc"]


def test_a_huge_picture_is_refused(pictured: Visitor) -> None:
    """However few bytes it has."""
    answer = send(pictured, as_file(Image.new("1", (20_000, 6_000))))
    assert answer.status_code == 400
    assert "20000 × 6000 pixels" in answer.text


def test_a_picture_is_its_accounts(pictured: Visitor) -> None:
    address = send(pictured, as_file(drawing())).location
    service = pictured.service
    other = service.new_account("other@example.org")
    token = service.new_token(account=other)
    key = parse_qs(urlsplit(address).query)["picture"][0]
    service.token = token
    service.use("theirs", account=other)
    visitor = Visitor(service, token=token)
    assert visitor.client.get(visitor.address("search/picture", key=key)).status_code == 404
    service.call("insert", records=[{"_id": "a", "_base64": picture_base64()}])
    assert "no longer kept" in visitor.get("search", code=400, picture=key).text


@pytest.mark.parametrize("id", ["\0", "x" * 600, "none such"])
@pytest.mark.parametrize("box", ["", "0,0,0.5,0.5"])
def test_ids_that_are_none(pictured: Visitor, id: str, box: str) -> None:
    for name in ("more", "less"):
        assert 'role="alert"' in pictured.get("search", code=400, **{name: id, "box": box}).text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("page", "0"),
        ("page", "x"),
        ("page", "101"),
        ("tags", "2"),
        ("within", "nan"),
        ("product", "_id"),
        ("box", "1"),
    ],
)
def test_parameters_that_are_none(hats: Visitor, name: str, value: str) -> None:
    answer = hats.client.get(f"{hats.address('search', more='cap')}&{name}={value}")
    assert answer.status_code == 400
    assert f"{name.capitalize()}: " in answer.text


def test_a_read_only_token_searches_with_pictures(pictured: Visitor) -> None:
    visitor = Visitor(pictured.service, token=pictured.service.new_token(read_only=True))
    address = send(visitor, as_file(drawing())).location
    assert len(shown(visitor.client.get(address).text)) == 3
    foreign = pictured.client.post(pictured.address("search/picture"), data={"file": (io.BytesIO(b"x"), "x.png")})
    assert foreign.status_code == 403


def test_words_and_a_picture_together(service: Service, tmp_path: Path) -> None:
    service.use("words", model=str(save_clip(tmp_path / "clip")))
    records = [{"_id": colour, "_base64": picture_base64(colour)} for colour in ("red", "green", "blue")]
    service.call("insert", records=records)
    visitor = Visitor(service)
    key = parse_qs(urlsplit(send(visitor, picture_bytes("green")).location).query)["picture"][0]
    html = visitor.get("search", picture=key, text="a hat").text
    body = json.loads(re.findall(r"-d '(.*)'", code(html, "curl"))[0])
    assert len(body["query_records"]) == 2
    assert ids(service.call("visualKNNMulti", **body)) == shown(html)
    alone = visitor.get("search", text="a hat").text
    assert shown(alone) == ids(service.call("textKNN", query_record={"_text_data": "a hat"}))
    assert "_text_data" in code(alone, "curl")


def test_a_model_of_pictures_alone_takes_no_words(service: Service, tmp_path: Path) -> None:
    service.use("vision", model=str(save_vision_only(tmp_path / "vision")))
    service.call("insert", records=[{"_id": "a", "_base64": picture_base64()}])
    visitor = Visitor(service)
    assert 'name="text"' not in visitor.get("search").text
    assert 'role="alert"' in visitor.get("search", code=400, text="a hat").text


def test_words_are_not_offered_where_the_model_takes_none(pictured: Visitor, hats: Visitor) -> None:
    assert 'name="text"' not in pictured.get("search").text
    assert 'type="file"' not in hats.get("search").text


def test_a_word_of_two_attributes_is_one_chip_and_what_is_filtered_by_is_always_one(visitor: Visitor) -> None:
    hats = [{"_id": f"hat-{n}", "_vector": [1, n, 0, 0], "tags": ["red"], "colour": "red"} for n in range(3)]
    visitor.service.call("insert", records=hats)
    assert visitor.get("search").text.count("<bdi>red</bdi></a></li>") == len(hats)
    for name in ("colour", "tags"):
        html = visitor.get("search", filter=json.dumps({name: "red"})).text
        picked = rf'title="{name}: [^"]*" aria-current="true"><bdi>red</bdi>'
        assert len(re.findall(picked, html)) == len(hats)
