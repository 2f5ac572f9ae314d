"""Clients of one collection who know what must be in it: a plain dictionary each, and what is in doubt.

Each client has ids of its own (attribute ``owner``), so that what it knows of them nobody else changes, and
searches of all others run into its records all the time. Whatever was acknowledged is in ``certain``. A write
without an answer, or with a 503 that says that it may have been made, is in ``doubts``: from then on its ids are
left alone, as a server that was stopped may still do it, and in the end it has to be there as a whole or not at
all. Every other 503 means that nothing was done.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests

DIMENSION = 8

Document = dict[str, Any]
Documents = dict[str, Document | None]
"""Records by id; None for one that is not there."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where the service is, and as whom it is called."""

    url: str
    token: str
    collection: str

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Authorization": f"Token {self.token}", "collection-id": self.collection}


@dataclass
class Findings:
    """What all clients saw; for many threads."""

    wrong: list[str] = field(default_factory=list)
    operations: Counter[str] = field(default_factory=Counter)
    codes: Counter[int] = field(default_factory=Counter)
    longest: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, method: str, code: int, seconds: float) -> None:
        """One call; code 0 without an answer."""
        with self._lock:
            self.operations[method] += 1
            self.codes[code] += 1
            self.longest[method] = max(self.longest.get(method, 0.0), seconds)

    def complain(self, sentence: str) -> None:
        """Something that must not be."""
        with self._lock:
            self.wrong.append(sentence)


class Unclear(Exception):
    """A call without an answer, or with one that says that it may or may not have been done."""


class NotDone(Unclear):
    """A call that was answered with 503."""


class Client:
    """One client; for one thread. ``turn`` does one operation drawn at random."""

    def __init__(self, target: Target, number: int, findings: Findings, seed: int, *, timeout: float = 60) -> None:
        self.owner = number
        self.certain: dict[str, Document] = {}
        self.doubts: list[tuple[Documents, Documents]] = []
        self._target = target
        self._findings = findings
        self._timeout = timeout
        self._random = random.Random(f"{seed} {number}")
        self._session = requests.Session()
        self._epoch = 0
        self._made = 0
        self._turns: list[Callable[[], None]] = [
            turn for turn, weight in self._weights().items() for _ in range(weight)
        ]

    def turn(self) -> None:
        """One operation; what the outage of a moment does to it is no fault."""
        try:
            self._random.choice(self._turns)()
        except Unclear:
            time.sleep(0.05)

    def possible(self) -> dict[str, list[Document | None]]:
        """What each id in doubt may be."""
        found: dict[str, list[Document | None]] = {}
        for before, after in self.doubts:
            for id in before | after:
                found[id] = [before.get(id), after.get(id)]
        return found

    def call(self, method: str, *expected: int, **body: Any) -> Document:
        """The answer of a method, whose code is one of those expected; raises ``Unclear``."""
        began, code = time.monotonic(), 0
        try:
            response = self._session.post(
                f"{self._target.url}/similarity/photos/v2/{method}",
                json=body,
                headers=self._target.headers,
                timeout=self._timeout,
            )
            code = response.status_code
            answer: Document = response.json()
        except (requests.RequestException, ValueError) as error:
            # Another connection may reach a process that lives.
            self._session.close()
            raise Unclear from error
        finally:
            self._findings.note(method, code, time.monotonic() - began)
        if code == 503 and "Retry-After" in response.headers:
            raise Unclear if "may have been made" in answer["error_description"] else NotDone
        if answer["status"]["code"] not in expected:
            told = f"{answer['status']} {answer.get('error_description')}"
            self._findings.complain(f"{method} {str(body)[:200]}: {told}")
            raise Unclear
        return answer

    def write(self, method: str, expected: int, after: Documents, **body: Any) -> Document:
        """The same for what changes records to ``after``: they are so afterwards, or in doubt."""
        before: Documents = {id: self.certain.pop(id, None) for id in after}
        try:
            answer = self.call(method, expected, **body)
        except NotDone:
            self.certain.update({id: document for id, document in before.items() if document is not None})
            raise
        except Unclear:
            self.doubts.append((before, after))
            # What matches no id is found by its epoch, and must not meet what is in doubt.
            self._epoch += 1
            raise
        self.certain.update({id: document for id, document in after.items() if document is not None})
        return answer

    def _weights(self) -> dict[Callable[[], None], int]:
        return {
            self.insert: 20, self.get: 18, self.search: 14, self.update: 12, self.delete: 10, self.find: 8,
            self.guarded_insert: 3, self.delete_matching: 2, self.count: 2, self.range: 2, self.rank: 2,
            self.tagged: 2, self.several: 2, self.random: 2, self.near: 2, self.verdict: 1, self.ping: 2,
            self.page: 1, self.indexes: 1, self.text: 1, self.pairs: 1,
        }  # fmt: skip

    def _new(self) -> tuple[Document, Document]:
        """A record as it is sent, and as it is found."""
        self._made += 1
        id = f"{self.owner}-{self._made}"
        known = {"_id": id, "owner": self.owner, "epoch": self._epoch, "n": 0, "tags": [f"t{self._made % 3}"]}
        return {**known, "_vector": [self._random.gauss(0, 1) for _ in range(DIMENSION)]}, known

    def _some(self, most: int) -> list[str]:
        return self._random.sample(sorted(self.certain), min(len(self.certain), self._random.randint(1, most)))

    def _one(self) -> Document:
        return {"_id": self._random.choice(sorted(self.certain))} if self.certain else self._new()[0]

    def _check(self, method: str, answer: Document, *, complete: bool = True) -> None:
        """Records of this client in an answer: all that are certain, none that cannot be."""
        found = {each["_id"]: each for each in answer["answer_records"]}
        if len(found) != len(answer["answer_records"]):
            self._findings.complain(f"{method}: a record comes twice")
        possible = self.possible()
        for id, document in found.items():
            may_be = [self.certain[id]] if id in self.certain else possible.get(id, [])
            if document not in may_be:
                self._findings.complain(f"{method}: {document} should be one of {may_be}")
        if complete and (lost := self.certain.keys() - found.keys()):
            self._findings.complain(f"{method}: {sorted(lost)[:5]} are lost")

    @property
    def _own(self) -> Document:
        return {"filter": {"owner": self.owner}, "fields_to_return": "*"}

    def insert(self) -> None:
        new = [self._new() for _ in range(self._random.randint(1, 5))]
        after: Documents = {known["_id"]: known for _, known in new}
        self.write("insert", 210, after, records=[sent for sent, _ in new])

    def guarded_insert(self) -> None:
        sent, known = self._new()
        # Small enough that nothing is a near duplicate by chance.
        self.write("nearDupsInsert", 210, {known["_id"]: known}, records=[sent], radius=1e-3)

    def get(self) -> None:
        wanted = self._some(5)
        if wanted:
            answer = self.call("get", 205, records=[{"_id": id} for id in wanted])
            if answer["answer_records"] != [self.certain[id] for id in wanted]:
                self._findings.complain(f"get: {answer['answer_records']} are not as they were written")

    def update(self) -> None:
        changed = {id: {**self.certain[id], "n": self._random.randint(1, 9)} for id in self._some(3)}
        if changed:
            sent = [{"_id": id, "n": document["n"]} for id, document in changed.items()]
            self.write("update", 205, dict(changed), records=sent)

    def delete(self) -> None:
        gone = self._some(3)
        if gone:
            self.write("delete", 220, dict.fromkeys(gone), records=[{"_id": id} for id in gone])

    def delete_matching(self) -> None:
        epoch = self._epoch
        gone = [id for id, known in self.certain.items() if known["epoch"] == epoch]
        matching = {"owner": self.owner, "epoch": epoch}
        answer = self.write("deleteByFilter", 220, dict.fromkeys(gone), filter=matching)
        if sorted(each["_id"] for each in answer["answer_records"]) != sorted(gone):
            self._findings.complain(f"deleteByFilter: not the {len(gone)} that there were")

    def search(self) -> None:
        answer = self.call("visualKNN", 200, query_record=self._one(), k=10_000, **self._own)
        self._check("visualKNN", answer)
        if answer["answer_distances"] != sorted(answer["answer_distances"]):
            self._findings.complain("visualKNN: out of order")

    def find(self) -> None:
        self._check("find", self.call("find", 200, limit=10_000, **self._own))

    def random(self) -> None:
        self._check("random", self.call("random", 200, count=3, **self._own), complete=False)

    def range(self) -> None:
        self._check("range", self.call("range", 200, query_record=self._one(), radius=200, **self._own))

    def near(self) -> None:
        body = {"query_record": self._one(), "radius": 5.0, **self._own}
        self._check("nearDuplicates", self.call("nearDuplicates", 200, **body), complete=False)

    def rank(self) -> None:
        named = self._some(4)
        if named:
            records = [{"_id": id} for id in named]
            self.call("visualRankRecords", 200, query_record=self._one(), records=records)

    def tagged(self) -> None:
        body = {"query_record": {**self._one(), "tags": ["t1"]}, "k": 10_000, **self._own}
        self._check("visualTagsKNN", self.call("visualTagsKNN", 200, **body))

    def several(self) -> None:
        method = self._random.choice(["visualKNNMulti", "visualTagsKNNMulti"])
        answer = self.call(method, 200, query_records=[self._one(), self._one()], k=10_000, **self._own)
        self._check(method, answer)

    def count(self) -> None:
        if self.call("getRecordCount", 200)["answer_count"] < len(self.certain):
            self._findings.complain("getRecordCount: fewer than one client's")

    def page(self) -> None:
        self.call("allRecords?size=10&page=1", 200)

    def verdict(self) -> None:
        two = self._some(2)
        if len(two) == 2:
            verdict = self._random.choice(["different", None])
            self.call("nearDupVerdict", 205, records=[{"_id": id} for id in two], verdict=verdict)

    def indexes(self) -> None:
        attribute = f"x{self.owner}"
        method = self._random.choice(["createIndex", "dropIndex", "listIndexes"])
        # None to be dropped is an error of the caller's.
        self.call(method, 200, 402, **({} if method == "listIndexes" else {"attribute": attribute}))

    def pairs(self) -> None:
        self.call("allNearDupPairs", 200, 402, k=10, filter={"owner": self.owner})

    def text(self) -> None:
        self.call("textKNN", 403, query_record={"_text_data": "red"})

    def ping(self) -> None:
        self.call("ping", 200)


def settle(client: Client, stored: Mapping[str, Document]) -> list[str]:
    """What is wrong with a client's records when all is quiet; ``stored`` are those of the whole collection."""
    wrong = []
    own = {id: each for id, each in stored.items() if each["owner"] == client.owner}
    possible = client.possible()
    for id, document in client.certain.items():
        if own.get(id) != document:
            wrong.append(f"{id} is {own.get(id)}, acknowledged was {document}")
    if strange := own.keys() - client.certain.keys() - possible.keys():
        wrong.append(f"nobody wrote {sorted(strange)[:5]}, or they were deleted")
    for before, after in client.doubts:
        is_now = {id: own.get(id) for id in before | after}
        if is_now not in (before, after):
            wrong.append(f"half done: {is_now}, neither {before} nor {after}")
    return wrong
