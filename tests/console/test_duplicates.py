"""The review of duplicates as a browser without a script sees it."""

import re
from typing import Any

import pytest

from tests.console.visitor import Visitor
from tests.near_copies import POLYGLOT, Copy, compare, review_of
from tests.service import Service, ids

SHOP = [
    Copy("mug-large", 0, 0.0, (4000, 3000), "JPEG", 3_100_000, {"name": "Mug", "tags": ["gift"]}),
    Copy("mug-small", 0, 0.5, (800, 600), "PNG", 900_000, {"name": "Mug", "price": 9, "tags": ["red", "gift"]}),
    Copy("mug-web", 0, 1.0, (800, 600), "WEBP", 40_000, {"name": "A mug", "colour": "red"}),
    Copy("lamp-a", 1, 0.0, (640, 480), "JPEG", 50_000),
    Copy("lamp-b", 1, 0.4, (640, 480), "JPEG", 60_000),
    Copy("chair-a", 2, 0.0),
    Copy("chair-b", 2, 3.0),
    Copy("alone", 3),
]


@pytest.fixture
def shop(service: Service) -> Visitor:
    review_of(service, SHOP)
    return Visitor(service)


def fields_of(html: str, **others: Any) -> dict[str, Any]:
    """The fields of the form that decides, as a browser would send them, with others in their place."""
    form = html.partition('<form id="decide"')[2].partition("</form>")[0]
    fields: dict[str, Any] = {}
    for tag in re.findall(r"<input [^>]*>", form):
        name, value = (re.search(rf'{each}="([^"]*)"', tag) for each in ("name", "value"))
        assert name is not None
        if "checkbox" not in tag or " checked" in tag:
            fields.setdefault(name[1], []).append(value[1] if value else "")
    return {**fields, **others}


def decide(visitor: Visitor, html: str, code: int = 303, **others: Any) -> str:
    """Send the form; the page that comes then."""
    answer = visitor.post("duplicates/decide", code=code, **fields_of(html, **others))
    return visitor.client.get(answer.location).text if code == 303 else answer.text


def undo(visitor: Visitor, html: str) -> str:
    action = re.search(r'name="action" value="(\d+)"', html)
    assert action is not None
    answer = visitor.post("duplicates/undo", code=303, action=action[1], radius="5")
    return visitor.client.get(answer.location).text


def remaining(service: Service) -> list[str]:
    return ids(service.call("allRecords"))


def counter(html: str) -> str:
    told = re.search(r"<p class=\"counter\".*?</p>", html, re.DOTALL)
    return " ".join(re.sub("<[^>]+>", "", told[0]).split()) if told else "none"


def marked(html: str) -> list[str]:
    return re.findall(r'name="go" value="([^"]*)" checked', html)


def test_groups_come_by_size_and_then_by_their_least_id(shop: Visitor) -> None:
    page = shop.get("duplicates").text
    assert counter(page) == "group 1 of 3 · 3 pictures"
    assert [name for name in ("mug-large", "mug-small", "mug-web", "lamp-a", "alone") if name in page] == [
        "mug-large", "mug-small", "mug-web",
    ]  # fmt: skip
    second = shop.get("duplicates", number=2).text
    assert counter(second) == "group 2 of 3 · 2 pictures"
    assert "chair-a" in second
    assert counter(shop.get("duplicates", group="lamp-b").text) == "group 3 of 3 · 2 pictures"


def test_a_picture_says_what_it_is_and_only_what_differs(shop: Visitor) -> None:
    page = shop.get("duplicates").text
    for told in ("4000 × 3000", "800 × 600", "JPEG", "WEBP", "3.1 MB", "40 kB", "same picture", "colour", "price"):
        assert told in page, told
    lamps = shop.get("duplicates", group="lamp-a").text
    assert "<dt>" not in lamps.partition('<ul class="tiles')[2].partition("</ul>")[0]


def test_the_rules_propose_and_say_why(shop: Visitor) -> None:
    page = shop.get("duplicates").text
    assert marked(page) == ["mug-small", "mug-web"]
    assert "4000 × 3000 is the largest" in page
    assert "800 × 600, smaller than 4000 × 3000" in page
    assert marked(shop.get("duplicates", group="lamp-a").text) == ["lamp-a"]


def test_what_is_marked_goes_and_the_next_group_comes(shop: Visitor) -> None:
    after = decide(shop, shop.get("duplicates").text)
    assert counter(after) == "group 1 of 2 · 2 pictures"
    assert remaining(shop.service) == ["alone", "chair-a", "chair-b", "lamp-a", "lamp-b", "mug-large"]
    assert "Undo: 2 pictures removed" in after
    undone = undo(shop, after)
    assert counter(undone) == "group 1 of 3 · 3 pictures"
    assert len(remaining(shop.service)) == 8


def test_attributes_and_tags_are_taken_over_on_request(shop: Visitor) -> None:
    page = shop.get("duplicates").text
    assert "What would be taken over" in page
    assert "These values are lost" in page
    after = decide(shop, page, merges="1")
    kept = shop.service.call("get", records=[{"_id": "mug-large"}], fields_to_return=["*"])["answer_records"][0]
    assert kept == {
        "_id": "mug-large", "name": "Mug", "price": 9, "colour": "red", "tags": ["gift", "red"],
    }  # fmt: skip
    undo(shop, after)
    again = shop.service.call("get", records=[{"_id": "mug-large"}], fields_to_return=["*"])["answer_records"][0]
    assert again == {"_id": "mug-large", "name": "Mug", "tags": ["gift"]}


def test_the_last_picture_of_a_group_goes_only_when_that_is_said_again(shop: Visitor) -> None:
    everything = ["mug-large", "mug-small", "mug-web"]
    question = decide(shop, shop.get("duplicates").text, code=200, go=everything)
    assert "Nothing of this group would be left" in question
    assert len(remaining(shop.service)) == 8
    inputs = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', question)
    fields: dict[str, Any] = {}
    for name, value in inputs:
        fields.setdefault(name, []).append(value)
    shop.post("duplicates/decide", code=303, **fields)
    assert remaining(shop.service) == ["alone", "chair-a", "chair-b", "lamp-a", "lamp-b"]


def test_nothing_marked_is_no_decision(shop: Visitor) -> None:
    assert "No picture is marked to go" in decide(shop, shop.get("duplicates").text, code=200, go=[])


def test_pictures_judged_different_are_not_shown_again_until_that_is_undone(shop: Visitor) -> None:
    after = decide(shop, shop.get("duplicates", group="lamp-a").text, decision="different")
    assert counter(after) == "group 2 of 2 · 2 pictures"
    assert "1 pair is different" in after
    compare(shop.service)
    assert counter(shop.get("duplicates", number=1).text) == "group 1 of 2 · 3 pictures"
    assert counter(undo(shop, after)) == "group 3 of 3 · 2 pictures"


def test_one_picture_can_be_none_of_the_group(shop: Visitor) -> None:
    after = decide(shop, shop.get("duplicates").text, decision="different", only="mug-web")
    assert "2 pairs are different" in after
    assert counter(shop.get("duplicates", group="mug-small").text) == "group 3 of 3 · 2 pictures"


def test_a_group_kept_whole_comes_back_when_a_picture_joins_it(shop: Visitor) -> None:
    after = decide(shop, shop.get("duplicates", group="lamp-a").text, decision="keep")
    assert counter(after) == "group 2 of 2 · 2 pictures"
    compare(shop.service)
    assert counter(shop.get("duplicates", number=1).text) == "group 1 of 2 · 3 pictures"
    vector = [0.0] * 8
    vector[2] = 1.0
    shop.service.insert_vectors({"lamp-c": vector})
    compare(shop.service)
    assert counter(shop.get("duplicates", group="lamp-c").text) == "group 1 of 3 · 3 pictures"


def test_a_group_kept_whole_comes_back_by_undo(shop: Visitor) -> None:
    after = decide(shop, shop.get("duplicates", group="lamp-a").text, decision="keep")
    assert "Undo: a group of 2 was kept" in after
    assert counter(undo(shop, after)) == "group 3 of 3 · 2 pictures"


def test_a_group_that_has_changed_meanwhile_is_shown_again_and_nothing_goes(shop: Visitor) -> None:
    page = shop.get("duplicates").text
    vector = [0.0] * 8
    vector[0] = 1.0
    shop.service.insert_vectors({"mug-new": vector})
    compare(shop.service)
    answer = decide(shop, page, code=200)
    assert "This group has changed since you looked at it" in answer
    assert counter(answer) == "group 1 of 3 · 4 pictures"
    assert len(remaining(shop.service)) == 9


def test_records_deleted_elsewhere_leave_the_group_at_once(shop: Visitor) -> None:
    shop.get("duplicates")
    shop.service.call("delete", records=[{"_id": "mug-web"}, {"_id": "chair-a"}])
    assert "mug-web" not in shop.get("duplicates", group="mug-large").text
    assert counter(shop.get("duplicates", number=2).text).endswith("2 pictures")
    assert "chair" not in shop.get("duplicates", number=2).text


def test_the_place_is_kept_over_a_sign_out(shop: Visitor) -> None:
    assert "lamp-a" in shop.get("duplicates", group="lamp-a").text
    shop.client.post("/console/sign-out", data={"csrf": shop.csrf})
    shop.sign_in(shop.service.token)
    assert counter(shop.get("duplicates").text) == "group 3 of 3 · 2 pictures"


def test_the_place_of_a_group_that_is_gone_is_the_next_one(shop: Visitor) -> None:
    shop.get("duplicates", group="chair-a")
    shop.service.call("delete", records=[{"_id": "chair-a"}, {"_id": "chair-b"}])
    shop.service.runtime.pair_graphs.clear()
    assert "lamp-a" in shop.get("duplicates").text


def test_a_smaller_radius_has_fewer_groups(shop: Visitor) -> None:
    assert counter(shop.get("duplicates", radius=2).text) == "group 1 of 2 · 3 pictures"
    page = shop.get("duplicates", step=24).text
    assert counter(page) == "group 1 of 2 · 3 pictures"
    pairs = re.search(r'data-pairs="([\d ]+)"', page)
    assert pairs is not None
    within = [int(each) for each in pairs[1].split()]
    assert (len(within), within[24], within[-1]) == (61, 4, 5)
    assert "Nothing to review" not in page


def test_without_a_run_it_says_so_and_compares_on_the_spot(service: Service) -> None:
    service.use_vectors(2)
    visitor = Visitor(service)
    assert "The collection is empty" in visitor.get("duplicates").text
    service.insert_vectors({"a": [1, 0], "b": [1, 0], "c": [0, 1]})
    assert "have not been compared" in visitor.get("duplicates").text
    answer = visitor.post("duplicates/run", code=303, radius="5")
    assert counter(visitor.client.get(answer.location).text) == "group 1 of 1 · 2 pictures"


def test_pairs_of_another_rule_are_not_shown(shop: Visitor) -> None:
    with shop.service.runtime.database.transaction() as connection:
        connection.execute("UPDATE lookalike_internal.near_duplicate_runs SET rule = ''")
    assert "no longer holds" in shop.get("duplicates").text


def test_the_rules_are_saved_for_the_collection_in_their_order(shop: Visitor) -> None:
    rules = {"kind": ["format", "attribute"], "value": ["webp", "red"], "name": ["", "colour"]}
    shop.post("duplicates/rules", code=303, change="save", **rules)
    page = shop.get("duplicates").text
    assert marked(page) == ["mug-large", "mug-small"]
    assert "WEBP comes first" in page
    shop.post("duplicates/rules", code=303, change="up 1", **rules)
    assert "colour is red" in shop.get("duplicates").text
    shop.post("duplicates/rules", code=303, change=f"drop {'9' * 5000}", **rules)
    assert marked(shop.get("duplicates").text) == ["mug-large", "mug-small"]
    shop.post("duplicates/rules", code=303, change="drop 0", **rules)
    assert "colour is red" in shop.get("duplicates").text
    shop.post("duplicates/rules", code=400, change="save", kind="attribute", value="x", name="")
    shop.post("duplicates/rules", code=400, change="save", kind="nonsense", value="", name="")


def test_a_group_is_asked_for_by_what_can_be_no_id(shop: Visitor) -> None:
    html = shop.get("duplicates").text
    assert counter(shop.get("duplicates", group="\0", size=2).text) == "group 1 of 3 · 3 pictures"
    assert "has changed since you looked" in decide(shop, html, code=200, group="\0")
    basis = re.search(r'name="basis" value="(\w+)"', shop.get("duplicates/everywhere", radius=5).text)
    assert basis is not None
    shop.post("duplicates/everywhere", code=400, radius=5, basis=basis[1], before="a\0")
    assert len(remaining(shop.service)) == 8


@pytest.mark.parametrize("decision", ["keep", "different", "remove"])
def test_a_group_is_decided_that_a_client_has_deleted(shop: Visitor, decision: str) -> None:
    html = shop.get("duplicates").text
    shop.service.call("delete", records=[{"_id": id} for id in ("mug-large", "mug-small", "mug-web")])
    answer = shop.post(
        "duplicates/decide", code=303 if decision == "different" else 200, **fields_of(html, decision=decision)
    )
    if decision == "keep":
        assert "have been deleted since" in answer.text
    assert len(remaining(shop.service)) == 5


def test_all_groups_by_the_rules_are_previewed_and_then_done(shop: Visitor) -> None:
    page = shop.get("duplicates/everywhere", radius=5).text
    assert "Apply to all 3 groups: 4 pictures go" in page
    assert "no group loses its last picture" in page
    assert len(remaining(shop.service)) == 8
    basis = re.search(r'name="basis" value="(\w+)"', page)
    assert basis is not None
    done = shop.post("duplicates/everywhere", radius="5", basis=basis[1]).text
    assert "Done." in done
    assert remaining(shop.service) == ["alone", "chair-a", "lamp-b", "mug-large"]
    assert counter(undo(shop, shop.get("duplicates").text)).startswith("group")
    assert len(remaining(shop.service)) == 8


def test_all_groups_are_left_alone_when_rules_have_changed_since_the_preview(shop: Visitor) -> None:
    basis = re.search(r'name="basis" value="(\w+)"', shop.get("duplicates/everywhere", radius=5).text)
    assert basis is not None
    shop.post("duplicates/rules", code=303, change="save", kind="oldest", value="", name="")
    assert "look at it again" in shop.post("duplicates/everywhere", code=400, radius="5", basis=basis[1]).text
    assert len(remaining(shop.service)) == 8


def test_the_history_tells_what_was_done_and_undoes_it(shop: Visitor) -> None:
    undo(shop, decide(shop, shop.get("duplicates").text))
    decide(shop, shop.get("duplicates", group="lamp-a").text, decision="keep")
    log = shop.get("actions").text
    for told in ("Removed 2 records", "Undone", "Kept 2 records", "lamp-a"):
        assert told in log, told
    action = re.search(r'name="action" value="(\d+)"', log)
    assert action is not None
    shop.post("actions/undo", code=303, action=action[1])
    assert counter(shop.get("duplicates", group="lamp-a").text) == "group 3 of 3 · 2 pictures"


def test_what_another_token_did_is_undone_in_the_history_only(shop: Visitor) -> None:
    after = decide(shop, shop.get("duplicates").text)
    assert "Undo: 2 pictures removed" in after
    other = Visitor(shop.service, token=shop.service.new_token())
    assert "Undo:" not in other.get("duplicates").text
    assert "Removed 2 records" in other.get("actions").text


def test_a_read_only_token_sees_groups_and_nothing_to_press(shop: Visitor) -> None:
    reader = Visitor(shop.service, token=shop.service.new_token(read_only=True))
    for page in (reader.get("duplicates").text, reader.get("duplicates/everywhere").text):
        assert "mug-large" in page
        assert 'method="post"' not in page.replace('<form class="account" method="post"', "").replace(
            '<form id="decide" method="post"', ""
        )
        assert 'name="go"' not in page
        assert "Undo" not in page
        assert "Compare anew" not in page


def test_what_strangers_wrote_is_shown_as_text(service: Service) -> None:
    many = {f"{POLYGLOT} {number}": POLYGLOT for number in range(200)}
    review_of(
        service,
        [
            Copy(POLYGLOT, 0, 0, (10, 10), "JPEG", 10, {"tags": [POLYGLOT], **many}),
            Copy(
                "قطة بيضاء",
                0,
                0.1,
                (10, 10),
                "JPEG",
                10,
                {"url": "javascript:alert(1)", "page": "https://x.example"},
            ),
            Copy("third", 0, 0.2, (10, 10), "JPEG", 10, {POLYGLOT: 1, "tags": POLYGLOT}),
        ],
    )
    visitor = Visitor(service)
    visitor.post(
        "duplicates/rules", code=303, change="save", kind=["attribute", "id_prefix"], value=[POLYGLOT] * 2,
        name=[POLYGLOT] * 2,
    )  # fmt: skip
    pages = [
        visitor.get("duplicates").text,
        visitor.get("duplicates", partial=True).text,
        visitor.get("duplicates/everywhere", merges=1).text,
    ]
    question = visitor.post(
        "duplicates/decide", **fields_of(pages[0], group="third", go=[POLYGLOT, "third", "قطة بيضاء"])
    )
    pages.append(question.text)
    visitor.post("duplicates/decide", code=303, **fields_of(pages[0], group="third", go=[POLYGLOT]))
    for page in pages:
        assert "&lt;script&gt;alert(1)" in page
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert 'href="javascript' not in page
    assert '<a href="https://x.example" rel="noreferrer noopener">' in pages[0]
    assert "196 more differ" in pages[0]


def test_verdicts_of_clients_count_at_once(shop: Visitor) -> None:
    shop.get("duplicates")
    shop.service.call("nearDupVerdict", records=[{"_id": "lamp-a"}, {"_id": "lamp-b"}], verdict="different")
    assert counter(shop.get("duplicates").text) == "group 1 of 2 · 3 pictures"


def test_a_large_group_is_shown_in_parts(service: Service) -> None:
    review_of(service, [Copy(f"{number:03}", 0, number / 1000, (10, 10)) for number in range(150)], radius=2.0)
    visitor = Visitor(service)
    page = visitor.get("duplicates").text
    assert page.count('name="go"') == 60
    assert "Show more of the 90 others" in page
    more = visitor.get("duplicates", group="000", offset=60, part="more", partial=True).text
    assert more.count('name="go"') == 60
    assert "<h1>" not in more
    assert "Show more of the 30 others" in more
    # Those that were not shown stay unless it is said.
    after = decide(visitor, page)
    assert counter(after) == "group 1 of 1 · 91 pictures"
    decide(visitor, after, rest="go")
    assert remaining(service) == ["000"]
