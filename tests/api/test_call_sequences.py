"""Random sequences of calls against a plain dictionary, which says what each has to answer (hypothesis).

Longer ones with concurrent clients, under kills and faults, are ``python -m tests.attack.operations``.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from tests.service import Service, ids, reasons

ID = st.sampled_from([f"r{n}" for n in range(8)])
IDS = st.lists(ID, min_size=1, max_size=5)
NUMBER = st.integers(0, 3)
VECTOR = st.lists(st.integers(-3, 3), min_size=3, max_size=3).filter(any)


class Calls(RuleBasedStateMachine):
    """One collection, and what it holds: attribute ``n`` and the vector of each record by its id."""

    service: Service

    def __init__(self) -> None:
        super().__init__()
        self.service.use_vectors(3)
        self.numbers: dict[str, int] = {}
        self.vectors: dict[str, list[int]] = {}

    def call(self, method: str, *codes: int, **body: Any) -> dict[str, Any]:
        answer = self.service.call(method, **body)
        assert answer["status"]["code"] in codes, answer
        return answer

    def forget(self, gone: list[str]) -> None:
        for id in gone:
            del self.numbers[id], self.vectors[id]

    @rule(records=st.lists(st.tuples(ID, NUMBER, VECTOR), min_size=1, max_size=5))
    def insert(self, records: list[tuple[str, int, list[int]]]) -> None:
        sent = [{"_id": id, "n": n, "_vector": vector} for id, n, vector in records]
        answer = self.call("insert", 210, 211, 411, records=sent)
        expected = []
        for id, n, vector in records:
            if id not in self.numbers:
                self.numbers[id], self.vectors[id] = n, vector
                expected.append(id)
        assert ids(answer) == expected
        assert len(reasons(answer)) == len(records) - len(expected)

    @rule(named=IDS, n=NUMBER)
    def update(self, named: list[str], n: int) -> None:
        answer = self.call("update", 205, 206, 404, records=[{"_id": id, "n": n} for id in named])
        assert ids(answer) == [id for id in named if id in self.numbers]
        self.numbers.update({id: n for id in named if id in self.numbers})

    @rule(named=IDS)
    def delete(self, named: list[str]) -> None:
        answer = self.call("delete", 220, 206, 404, records=[{"_id": id} for id in named])
        there = [id for id in dict.fromkeys(named) if id in self.numbers]
        assert ids(answer) == there
        self.forget(there)

    @rule(n=NUMBER)
    def delete_matching(self, n: int) -> None:
        there = sorted(id for id, number in self.numbers.items() if number == n)
        assert ids(self.call("deleteByFilter", 220, filter={"n": n})) == there
        self.forget(there)

    @rule(named=IDS)
    def get(self, named: list[str]) -> None:
        answer = self.call("get", 205, 206, 404, records=[{"_id": id} for id in named], fields_to_return=["n"])
        expected = [{"_id": id, "n": self.numbers[id]} for id in named if id in self.numbers]
        assert answer["answer_records"] == expected

    @rule(n=NUMBER)
    def find(self, n: int) -> None:
        expected = sorted(id for id, number in self.numbers.items() if number >= n)
        assert ids(self.call("find", 200, filter={"n": {"$gte": n}})) == expected
        assert self.call("getRecordCount", 200)["answer_count"] == len(self.numbers)

    @rule(vector=VECTOR, n=NUMBER)
    def search(self, vector: list[int], n: int) -> None:
        answer = self.call("visualKNN", 200, query_record={"_vector": vector}, k=8, filter={"n": n})
        assert sorted(ids(answer)) == sorted(id for id, number in self.numbers.items() if number == n)
        found = dict(zip(ids(answer), answer["answer_distances"], strict=True))
        assert list(found.values()) == sorted(found.values())
        for id, distance in found.items():
            assert distance == pytest.approx(_distance(vector, self.vectors[id]), abs=0.2)


def _distance(a: list[int], b: list[int]) -> float:
    product = sum(x * y for x, y in zip(a, b, strict=True))
    cosine = product / (sum(x * x for x in a) * sum(y * y for y in b)) ** 0.5
    return float(100 * (2 - 2 * min(1.0, cosine)) ** 0.5)


@pytest.fixture(scope="module")
def calls(shared_service: Service) -> Iterator[type[Calls]]:
    Calls.service = shared_service
    yield Calls
    del Calls.service


def test_any_sequence_of_calls_is_answered_as_a_dictionary_would(calls: type[Calls]) -> None:
    bounds = settings(
        max_examples=5, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(calls, settings=bounds)
