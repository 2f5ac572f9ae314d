"""The life of a token: it ends by itself, makes way for another, and tells when it was used."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import psycopg
import pytest

from app.domain.errors import InvalidRequest
from app.domain.lifetime import parse_duration, parse_expiry
from app.services.operating.accounts import create_token, list_tokens, revoke_token, rotate_token
from app.services.runtime import Runtime
from app.services.usage import UsageCounter
from tests.service import Service

DAY = timedelta(days=1)
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def status(service: Service, token: str, method: str = "getRecordCount") -> tuple[int, str | None]:
    service.token = token
    answer = service.call(method)
    return answer["status"]["code"], answer.get("error_description")


def let_pass(url: str, id: UUID, time: timedelta) -> None:
    """As if the token had been made so much earlier."""
    with psycopg.connect(url) as connection:
        connection.execute(
            "UPDATE lookalike_internal.tokens SET created_at = created_at - %(time)s,"
            " expires_at = expires_at - %(time)s WHERE id = %(id)s",
            {"time": time, "id": id},
        )


class TestExpiry:
    def test_an_expired_token_is_told_so(self, service: Service, database_url: str) -> None:
        service.use_vectors()
        made = create_token(
            service.runtime, account=None, collection_ids=[], read_only=False, expires_at=datetime.now(UTC) + DAY
        )
        assert status(service, made.secret) == (200, None)
        let_pass(database_url, made.id, DAY)
        service.runtime.accesses.clear()
        assert status(service, made.secret) == (401, "the token has expired")
        # Whoever guesses learns nothing.
        assert status(service, made.secret[:-1] + "x") == (401, "the token is not valid")
        (found,) = [each for each in list_tokens(service.runtime, None) if each.id == made.id]
        assert (found.expired, found.is_valid) == (True, False)

    @pytest.mark.parametrize(
        ("text", "moment"),
        [
            ("90s", NOW + timedelta(seconds=90)),
            ("15m", NOW + timedelta(minutes=15)),
            ("12 h", NOW + timedelta(hours=12)),
            ("30d", NOW + 30 * DAY),
            (" 2w ", NOW + 14 * DAY),
            ("2030-01-31", datetime(2030, 1, 31, tzinfo=UTC)),
            ("2026-03-02T08:00+02:00", datetime(2026, 3, 2, 6, tzinfo=UTC)),
        ],
    )
    def test_is_a_time_or_a_date(self, text: str, moment: datetime) -> None:
        assert parse_expiry(text, NOW) == moment

    @pytest.mark.parametrize(
        "text",
        ["", "soon", "30", "-1d", "0d", "1.5d", "2026-03-01", "2026-02-30", "9999-01-01", "999999999w"],
    )
    def test_is_nothing_else(self, text: str) -> None:
        with pytest.raises(InvalidRequest, match="expires"):
            parse_expiry(text, NOW, "expires")

    def test_durations_may_be_none_at_all(self) -> None:
        assert parse_duration("0") == parse_duration("0d") == timedelta()
        with pytest.raises(InvalidRequest):
            parse_duration("1")


class TestRotation:
    def test_old_and_new_are_valid_together_for_a_while(self, service: Service, database_url: str) -> None:
        own, other = service.use_vectors(), service.use_vectors()
        old = create_token(
            service.runtime, account=None, collection_ids=[own.id], read_only=True, name="shop",
            expires_at=datetime.now(UTC) + 30 * DAY,
        )  # fmt: skip
        new = rotate_token(service.runtime, str(old.id), keep=DAY)
        assert new.replaced is not None
        assert new.replaced.replaced_id == old.id
        assert abs(new.replaced.until - datetime.now(UTC) - DAY) < timedelta(minutes=1)
        for collection, code in ((own, 200), (other, 404)):
            service.collection = collection
            assert status(service, old.secret)[0] == status(service, new.secret)[0] == code
        service.collection = own
        assert status(service, new.secret, "delete")[0] in (402, 403)
        tokens = {each.id: each for each in list_tokens(service.runtime, None)}
        assert tokens[old.id].replaced_by == new.id
        assert tokens[new.id].name == "shop"
        lifetime = (tokens[new.id].expires_at or NOW) - tokens[new.id].created_at
        assert abs(lifetime - 30 * DAY) < timedelta(minutes=1)
        let_pass(database_url, old.id, DAY)
        service.runtime.accesses.clear()
        assert status(service, old.secret) == (401, "the token has expired")
        assert status(service, new.secret)[0] == 200

    def test_at_once(self, service: Service) -> None:
        service.use_vectors()
        old = service.token
        new = rotate_token(service.runtime, old, keep=timedelta())
        assert status(service, old)[0] == 401
        assert status(service, new.secret)[0] == 200

    def test_once_only_and_only_of_what_is_valid(self, service: Service) -> None:
        first = create_token(service.runtime, account=None, collection_ids=[], read_only=False)
        rotate_token(service.runtime, str(first.id), keep=DAY)
        revoked = create_token(service.runtime, account=None, collection_ids=[], read_only=False)
        revoke_token(service.runtime, str(revoked.id))
        before = len(list_tokens(service.runtime, None))
        for token in (str(first.id), str(revoked.id), str(uuid4()), "nobody"):
            with pytest.raises(InvalidRequest, match="no such token that is valid"):
                rotate_token(service.runtime, token, keep=DAY)
        assert len(list_tokens(service.runtime, None)) == before

    def test_does_not_let_a_token_live_longer(self, service: Service) -> None:
        made = create_token(
            service.runtime, account=None, collection_ids=[], read_only=False,
            expires_at=datetime.now(UTC) + timedelta(hours=1),
        )  # fmt: skip
        new = rotate_token(service.runtime, made.secret, keep=7 * DAY)
        assert new.replaced is not None
        assert new.replaced.until < datetime.now(UTC) + timedelta(hours=2)


@pytest.mark.parametrize("name", ["x" * 201, "a\nb", "a\0b"])
def test_names_are_text_for_people(service: Service, name: str) -> None:
    with pytest.raises(InvalidRequest, match="printable"):
        create_token(service.runtime, account=None, collection_ids=[], read_only=False, name=name)


class TestUse:
    def test_is_noted_once_a_minute_over_all_processes(
        self, runtime: Runtime, service: Service, database_url: str
    ) -> None:
        service.use_vectors()

        def used() -> list[datetime]:
            with psycopg.connect(database_url) as connection:
                rows = connection.execute("SELECT used_at FROM lookalike_internal.token_uses").fetchall()
            return [row[0] for row in rows]

        service.call("getRecordCount")
        assert used() == []
        runtime.usage.flush()
        (first,) = used()
        assert abs(first - datetime.now(UTC)) < timedelta(minutes=1)
        (token,) = list_tokens(runtime, None)
        assert token.used_at == first
        for counter in (runtime.usage, UsageCounter(runtime.database)):
            counter.note_token(token.id)
            counter.flush()
            counter.close()
        assert used() == [first]
        with psycopg.connect(database_url) as connection:
            connection.execute("UPDATE lookalike_internal.token_uses SET used_at = used_at - interval '1 minute'")
        later = UsageCounter(runtime.database)
        later.note_token(token.id)
        later.note_token(uuid4())
        later.close()
        (again,) = used()
        assert again >= first
