"""The tokens and the usage of an account, to whoever may see them."""

import re

from app.domain.rate_limit import RateClass, Rates
from app.services.operating.rate_classes import set_rate_class
from tests.console.visitor import Visitor
from tests.service import Service


def page(visitor: Visitor, code: int = 200) -> str:
    answer = visitor.client.get("/console/account")
    assert answer.status_code == code, answer.text
    return answer.text


def post(visitor: Visitor, path: str, code: int = 200, **fields: object) -> str:
    answer = visitor.client.post(f"/console/account/{path}", data={"csrf": visitor.csrf, **fields})
    assert answer.status_code == code, answer.text
    return answer.location or answer.text


def test_a_token_is_made_with_its_scope_and_shown_once(service: Service) -> None:
    own, other = service.use_vectors(), service.use_vectors()
    visitor = Visitor(service)
    made = post(visitor, "tokens", scope="some", collection=str(own.id), read_only="1")
    secret = re.search(r'<code id="secret">([0-9a-f]{40})</code>', made)
    assert secret is not None
    assert secret[1] not in page(visitor)
    assert "reads\n" in page(visitor)
    service.token = secret[1]
    service.collection = own
    assert service.call("random", count=1)["status"]["code"] != 404
    assert service.call("delete", records=[{"_id": "x"}])["status"]["code"] == 403
    service.collection = other
    service.call("random", count=1)
    assert service.http_code == 404


def test_a_scope_has_to_be_one(service: Service) -> None:
    visitor = Visitor(service)
    assert "at least one collection" in post(visitor, "tokens", 400, scope="some")
    assert "names no token" in post(visitor, "tokens", 400, scope="some", collection="x")
    foreign = service.new_account("other@example.org")
    strangers = Visitor(service, token=service.new_token(account=foreign))
    own = service.use_vectors()
    post(strangers, "tokens", 404, scope="some", collection=str(own.id))


def test_a_token_is_revoked_and_ones_own_signs_out(service: Service) -> None:
    visitor = Visitor(service)
    service.use_vectors()
    other = Visitor(service, token=service.new_token())
    tokens = re.findall(r'name="token" value="([^"]+)"', page(visitor))
    mine = re.search(r"<code>([^<]+)</code> <span class=\"badge\">this session", page(visitor))
    assert mine is not None
    (others,) = [token for token in tokens if token != mine[1]]
    post(visitor, "tokens/revoke", 303, token=others)
    assert others not in page(visitor)
    assert other.client.get("/console/account").status_code == 303
    assert "sign-in" in post(visitor, "tokens/revoke", 303, token=mine[1])
    page(visitor, 303)


def test_a_token_is_rotated_and_the_old_one_ends_later(service: Service) -> None:
    visitor = Visitor(service)
    mine = re.search(r'name="old" value="([^"]+)"', page(visitor))
    assert mine is not None
    text = post(visitor, "tokens/rotate", old=mine[1], keep="1h")
    assert "The one in whose place it is ends" in text
    new = re.search(r'<code id="secret">([0-9a-f]{40})</code>', text)
    assert new is not None
    Visitor(service, token=new[1]).client.get("/console/account")
    assert "replaced, ends" in page(visitor)
    assert "not replaced yet" in post(visitor, "tokens/rotate", 400, old=mine[1])
    foreign = service.new_account("other@example.org")
    stranger = Visitor(service, token=service.new_token(account=foreign))
    post(stranger, "tokens/rotate", 400, old=mine[1])
    post(Visitor(service, token=service.new_token(read_only=True)), "tokens/rotate", 403, old=mine[1])
    other = Visitor(service, token=new[1])
    ids = re.findall(r'name="old" value="([^"]+)"', page(other))
    own = re.search(r"<code>([^<]+)</code> <span class=\"badge\">this session", page(other))
    assert own is not None
    assert own[1] in ids
    assert "Your new token" in post(other, "tokens/rotate", old=own[1], keep="0")
    page(other, 303)


def test_a_token_has_a_name_an_end_and_the_class_of_its_maker(service: Service) -> None:
    set_rate_class(service.runtime, RateClass("partner", Rates(calls=1000)))
    visitor = Visitor(service, token=service.new_token(rate_class="partner"))
    post(visitor, "tokens", scope="all", name="<b>nightly</b>", expires="30d")
    text = page(visitor)
    assert "&lt;b&gt;nightly&lt;/b&gt;" in text
    assert text.count("rate class partner") == 2
    assert re.search("ends <time[^>]*>20", text)
    assert "neither a duration" in post(visitor, "tokens", 400, scope="all", expires="soon")
    service.runtime.usage.flush()
    assert re.search("last used <time[^>]*>20", page(visitor))


def test_tokens_of_another_account_are_out_of_reach(service: Service) -> None:
    foreign = service.new_account("other@example.org")
    stranger = Visitor(service, token=service.new_token(account=foreign))
    mine = re.search(r'name="token" value="([^"]+)"', page(Visitor(service)))
    assert mine is not None
    assert mine[1] not in page(stranger)
    assert "no such token" in post(stranger, "tokens/revoke", 400, token=mine[1])
    page(Visitor(service))


def test_a_token_for_some_collections_sees_no_account(service: Service) -> None:
    own = service.use_vectors()
    confined = Visitor(service, token=service.new_token(collection_ids=[own.id]))
    page(confined, 403)
    post(confined, "tokens", 403, scope="all")
    assert "/console/account" not in confined.get("collection").text


def test_a_read_only_token_sees_tokens_but_makes_none(service: Service) -> None:
    service.use_vectors()
    text = page(Visitor(service, token=service.new_token(read_only=True)))
    assert "Make a token" not in text
    assert "Revoke" not in text
    assert "reads and writes" in text
    assert text.count("For good") == 0
    assert page(Visitor(service)).count("For good") == page(Visitor(service)).count(">Revoke</button>") > 0


def test_usage_is_shown_by_month(service: Service) -> None:
    service.use_vectors()
    for _ in range(3):
        service.call("random", count=1)
    service.runtime.usage.flush()
    text = page(Visitor(service))
    assert "<rect" in text
    assert re.search(r'<th scope="row">\w+ \d{4}</th><td>3</td>', text)
