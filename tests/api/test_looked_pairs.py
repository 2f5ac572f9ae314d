"""allNearDupPairs where records have thumbnails: what a look at each candidate by itself says; and verdicts."""

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import psycopg
import pytest
from PIL import Image, ImageEnhance

from app.db.records import insert_records
from app.db.verdicts import judge_pairs
from app.domain import near_duplicate
from app.domain.fingerprint import Fingerprints
from app.domain.near_duplicate import BUNDLED_CALIBRATION, Calibration, Look, reach_of
from app.domain.pair_distance import reach_of_radius
from app.domain.picture import Picture, compare
from app.domain.portrait import portrait
from app.domain.record import NewRecord
from app.domain.verdict import Verdict
from app.images.thumbnail import make_thumbnail, pixel_hash, read_thumbnail
from app.pairs.look_reach import with_look_reach
from app.services.duplicates import judging, runs
from app.services.duplicates import pairs as pages
from app.services.duplicates.groups import duplicate_groups
from app.services.duplicates.runs import DuplicateRun, find_duplicates
from tests.hamming import hamming
from tests.images.samples import photograph
from tests.service import Service

DIMENSION = 24
Judged = dict[tuple[str, str], tuple[float, str]]
Stored = Callable[..., DuplicateRun]


@dataclass(frozen=True)
class Item:
    """A record, and its picture."""

    record: NewRecord
    picture: Picture


def originals(count: int) -> list[Image.Image]:
    """Crops of photographs, many of which overlap."""
    rng = np.random.default_rng(11)
    wholes = [photograph(name, None) for name in ("chelsea.png", "astronaut.png", "coffee.png", "china.jpg")]
    made = []
    for number in range(count):
        whole = wholes[number % len(wholes)]
        width = int(rng.integers(100, 200))
        height = round(width * rng.choice([0.75, 0.8, 1.0]))
        left, top = int(rng.integers(0, whole.width - width)), int(rng.integers(0, whole.height - height))
        made.append(whole.crop((left, top, left + width, top + height)))
    return made


def copy_of(picture: Image.Image, kind: int) -> Image.Image:
    if kind == 0:
        stream = io.BytesIO()
        picture.save(stream, "JPEG", quality=60)
        return Image.open(stream).convert("RGB")
    if kind == 1:
        return picture.resize((picture.width * 3 // 4, picture.height * 3 // 4))
    if kind == 2:
        return ImageEnhance.Brightness(picture).enhance(0.9)
    if kind == 3:
        return picture.copy()
    trim = picture.width // 40
    return picture.crop((trim, trim, picture.width - trim, picture.height - trim))


def items(count: int, *, looked: float = 1.0) -> dict[str, Item]:
    """``count`` crops and a copy of every third, by id; embeddings and hashes are near for some of all kinds."""
    return dict(_items(count, looked))


@cache
def _items(count: int, looked: float) -> dict[str, Item]:
    rng = np.random.default_rng(12)
    pictures = originals(count)
    copies = [copy_of(picture, number % 5) for number, picture in enumerate(pictures[::3])]
    centres = rng.normal(size=(12, DIMENSION))
    vectors = centres[rng.integers(0, 12, count)] + rng.normal(size=(count, DIMENSION)) * 0.28
    vectors = np.concatenate([vectors, vectors[::3] + rng.normal(size=(len(copies), DIMENSION)) * 0.1])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    hashes = rng.integers(0, 2, (count, 256), dtype=np.uint8)
    flips = rng.random((len(copies), 256)) < rng.uniform(0, 0.3, (len(copies), 1))
    hashes = np.concatenate([hashes, hashes[::3] ^ flips])
    made = {}
    for number, picture in enumerate([*pictures, *copies]):
        has_thumbnail = rng.random() < looked
        thumbnail = make_thumbnail(picture) if has_thumbnail else None
        # Of the copies that are none, some are the same file, some another one of the same pixels.
        another = number >= count and (number - count) // 5 % 2 == 1
        content = hashlib.sha256(picture.tobytes() + (b"again" if another else b"")).digest()
        record = NewRecord(
            id=f"r{rng.permutation(10)[0]}{number}",
            attributes={},
            url=None,
            file=None,
            embedding=vectors[number].astype(np.float32),
            phash=np.packbits(hashes[number]).tobytes(),
            phash_quality=None,
            content_hash=content,
            pixel_hash=pixel_hash(picture),
            thumbnail=thumbnail,
        )
        seen = None if thumbnail is None else portrait(read_thumbnail(thumbnail.image), picture.size)
        made[record.id] = Item(record, Picture(content, record.pixel_hash, seen))
    return made


def insert(service: Service, added: dict[str, Item]) -> None:
    assert service.collection is not None
    with service.runtime.database.transaction() as connection:
        insert_records(connection, service.collection, [item.record for item in added.values()])


def expected(known: dict[str, Item], radius: float, calibration: Calibration | None, look: Look) -> Judged:
    """Every pair by itself, as ``nearDuplicates`` judges: those with two thumbnails by a look."""
    reach = reach_of(radius, calibration)
    judged: Judged = {}
    ids = sorted(known)
    halves = np.stack([known[id].record.embedding for id in ids]).astype(np.float16).astype(float)
    for place, one in enumerate(ids):
        mine = known[one]
        others, fingerprints = [], []
        visuals = (100 * np.linalg.norm(halves[place + 1 :] - halves[place], axis=1)).tolist()
        for other, visual in zip(ids[place + 1 :], visuals, strict=True):
            item = known[other]
            assert mine.record.phash is not None
            assert item.record.phash is not None
            bits = hamming(mine.record.phash, item.record.phash)
            both = mine.picture.portrait is not None and item.picture.portrait is not None
            if look.holds(visual, bits) if both else reach.holds(visual, bits):
                others.append((other, item.picture if both else Picture()))
                fingerprints.append((visual, bits))
        found = compare(mine.picture, [picture for _, picture in others], fingerprints, calibration)
        for (other, _), (distance, signal) in zip(others, found, strict=True):
            if distance <= radius:
                judged[one, other] = distance, signal.value
    return judged


def answered(service: Service, **body: Any) -> Judged:
    answer = service.call("allNearDupPairs", **body)
    assert answer["status"]["code"] == 200, answer
    assert answer["answer_distances"] == sorted(answer["answer_distances"])
    return {
        (a["_id"], b["_id"]): (distance, signal)
        for (a, b), distance, signal in zip(
            answer["answer_records"], answer["answer_distances"], answer["answer_signals"], strict=True
        )
    }


def assert_same(found: Judged, wanted: Judged) -> None:
    assert found.keys() == wanted.keys()
    assert {pair: signal for pair, (_, signal) in found.items()} == {
        pair: signal for pair, (_, signal) in wanted.items()
    }
    # Another batch, or other threads, round in another order, and a registration magnifies that.
    assert [found[pair][0] for pair in wanted] == pytest.approx([one for one, _ in wanted.values()], rel=0.05)


def look_of(known: dict[str, Item], radius: float, service: Service) -> Look:
    """What the model's calibration or, without, the collection says."""
    assert service.collection is not None
    records = [item.record for item in known.values()]
    prints = Fingerprints(
        np.arange(len(records)),
        np.stack([record.embedding for record in records]).astype(np.float16),
        np.zeros((len(records), 4), np.uint64),
        np.ones(len(records), bool),
        np.array([record.thumbnail is not None for record in records]),
    )
    reach = with_look_reach(reach_of_radius(radius, service.collection.model), prints)
    return Look(reach.look_visual, reach.look_bits)


@pytest.fixture
def stored(service: Service, monkeypatch: pytest.MonkeyPatch) -> Stored:
    """Makes answers come from the table, and runs the comparison that fills it."""

    def run(radius: float = 5.0) -> DuplicateRun:
        monkeypatch.setattr(pages, "ON_THE_SPOT", 1)
        assert service.collection is not None
        return find_duplicates(service.runtime, service.collection, radius=radius, report=lambda done, total: None)

    return run


@pytest.fixture(params=[None, BUNDLED_CALIBRATION], ids=["uncalibrated", "calibrated"])
def calibration(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Calibration | None:
    """What is known of the model's distances."""
    if request.param is not None:
        monkeypatch.setitem(near_duplicate._CALIBRATIONS, "vectors", request.param)
    return request.param  # type: ignore[no-any-return]


@pytest.mark.parametrize("looked", [0.0, 0.8, 1.0])
def test_the_pairs_are_those_of_brute_force(
    service: Service,
    stored: Stored,
    calibration: Calibration | None,
    monkeypatch: pytest.MonkeyPatch,
    looked: float,
) -> None:
    # Several batches and chunks of them.
    monkeypatch.setattr(judging, "_JUDGED_AT_ONCE", 500)
    monkeypatch.setattr(judging, "_PAIRS_AT_ONCE", 50)
    monkeypatch.setattr(judging, "_REMEMBERED", 30)
    service.use_vectors(DIMENSION)
    known = items(225, looked=looked)
    insert(service, known)
    wanted = expected(known, 5.0, calibration, look_of(known, 5.0, service))
    signals = {signal for _, signal in wanted.values()}
    assert len(wanted) > 30
    assert looked < 1 or signals >= {"same_file", "same_pixels", "copy", "crop"}
    assert looked > 0 or not signals & {"same_file", "same_pixels", "copy", "crop"}
    assert_same(answered(service), wanted)
    assert stored().found == len(wanted)
    assert_same(answered(service), wanted)


def test_beyond_the_default_radius_everything_is_looked_at(service: Service, stored: Stored) -> None:
    service.use_vectors(DIMENSION)
    known = items(40)
    insert(service, known)
    wanted = expected(known, 55.0, None, look_of(known, 55.0, service))
    assert any(distance > 20 for distance, _ in wanted.values())
    assert_same(answered(service, radius=55.0), wanted)
    stored(55.0)
    assert_same(answered(service, radius=55.0), wanted)


def test_a_second_run_looks_at_what_has_come_since(
    service: Service, stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(near_duplicate._CALIBRATIONS, "vectors", BUNDLED_CALIBRATION)
    service.use_vectors(DIMENSION)
    known = items(120)
    first = dict(list(known.items())[:100])
    insert(service, first)
    stored()
    insert(service, {id: item for id, item in known.items() if id not in first})
    assert stored().compared == len(known) - 100
    assert_same(answered(service), expected(known, 5.0, BUNDLED_CALIBRATION, look_of(known, 5.0, service)))


def test_records_that_go_while_they_are_looked_at(
    service: Service, stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.use_vectors(DIMENSION)
    known = items(60)
    insert(service, known)
    pair = next(iter(answered(service)))
    search = runs.PairSearch.run

    def run(self: runs.PairSearch) -> Any:
        yield from search(self)
        service.call("delete", records=[{"_id": pair[0]}])

    monkeypatch.setattr(runs.PairSearch, "run", run)
    stored()
    left = answered(service)
    assert left
    assert all(pair[0] not in other for other in left)


@pytest.mark.parametrize("from_table", [False, True])
def test_pairs_that_were_judged_different(
    service: Service, stored: Stored, database_url: str, from_table: bool
) -> None:
    service.use_vectors(DIMENSION)
    known = items(60)
    insert(service, known)
    if from_table:
        stored()
    everything = answered(service)
    pair = list(everything)[1]
    assert service.collection is not None

    def groups() -> set[tuple[str, str]]:
        assert service.collection is not None
        found = duplicate_groups(service.runtime, service.collection)
        return {(one.a, one.b) for group in found for one in group.pairs}

    judge(service, pair, "different")
    assert answered(service).keys() == everything.keys() - {pair}
    assert answered(service, include_dismissed=True) == everything
    assert len(answered(service, k=len(everything) - 1)) == len(everything) - 1
    assert list(answered(service, **{"from": 1})) == [one for one in everything if one != pair][1:]
    if from_table:
        assert groups() == everything.keys() - {pair}
    # Another picture has not been judged.
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "UPDATE lookalike_internal.records SET content_hash = sha256('another') WHERE id = %s", [pair[0]]
        )
    assert pair in answered(service)
    if from_table:
        assert groups() == everything.keys()


def judge(service: Service, pair: tuple[str, str], verdict: str | None) -> None:
    assert service.collection is not None
    with service.runtime.database.transaction() as connection:
        judge_pairs(connection, service.collection, pair, verdict and Verdict(verdict))
