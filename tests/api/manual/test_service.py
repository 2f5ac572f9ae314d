"""What needs no collection: ping and an account's details; and how wrong calls are answered."""

from typing import Any

import pytest

from app import __version__
from tests.api.manual.conftest import UUID, NewCollection, Post, Written, whole
from tests.service import Service


@pytest.fixture(scope="module")
def post(new_collection: NewCollection) -> Post:
    """To a collection without records."""
    return new_collection()


class TestPing:
    class TestWithoutATokenOrACollection:
        def test_tells_the_version(self, shared_service: Service) -> None:
            headers = {"Authorization": None, "collection-id": None}
            assert whole(shared_service.send("GET", "/similarity/photos/v2/ping", **headers)) == {
                "status": {"code": 200, "text": "OK"},
                "statistics": {},
                "info": Written(rf"Lookalike {__version__}, HNSW indexes of pgvector [\d.]+ in PostgreSQL [\d.]+"),
            }


class TestAccountDetails:
    def details(self, service: Service, token: str) -> dict[str, Any]:
        headers = {"Authorization": f"Token {token}", "collection-id": None}
        return whole(service.send("GET", "/account/v2/details/", **headers))

    def test_tell_whose_token_it_is_and_what_it_has_spent(self, shared_service: Service) -> None:
        email = shared_service.new_account("eva@example.com", credits=500)
        token = shared_service.new_token(account=email)
        assert self.details(shared_service, token) == {
            "status": {"code": 200, "text": "OK"},
            "statistics": {},
            "id": UUID,
            "email": "eva@example.com",
            "first_name": "",
            "last_name": "",
            "phone": None,
            "organization": "",
            "verified": True,
            "credits_counter": 0,
            "credits_limit": 500,
            "default_workspace": UUID,
        }

    def test_are_nobody_s_with_a_wrong_token(self, shared_service: Service) -> None:
        assert self.details(shared_service, "wrong") == {
            "status": {"code": 401, "text": "unauthorized"},
            "statistics": {},
            "error_description": "the token is not valid",
        }


class TestAWrongCall:
    class TestOfAnUnknownMethod:
        def test_is_told_which_there_are(self, post: Post) -> None:
            assert post("visualKnn") == {
                "status": {"code": 404, "text": "path not found"},
                "statistics": {},
                "error_description": Written(
                    "there is no method 'visualKnn'; the methods are ping, .*, visualKNN, .*"
                ),
            }

    class TestWithoutACollection:
        def test_is_told_which_header_is_missing(self, shared_service: Service) -> None:
            headers = {"collection-id": None}
            assert whole(shared_service.send("POST", "/similarity/photos/v2/get", b"{}", **headers)) == {
                "status": {"code": 402, "text": "aborted by error"},
                "statistics": {},
                "error_description": "the header collection-id is missing",
            }

    class TestOfAnotherVerb:
        def test_is_told_the_right_one(self, shared_service: Service) -> None:
            assert whole(shared_service.send("GET", "/similarity/photos/v2/insert")) == {
                "status": {"code": 405, "text": "method not allowed"},
                "statistics": {},
                "error_description": "GET is not allowed here, use POST",
            }
