"""Decoding in processes of their own: the same results, and what happens to one is one refused picture."""

import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from functools import partial
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from app.domain.errors import PictureRefused
from app.domain.query_picture import Box
from app.embedding.squaring import squared
from app.images import decoding_pool
from app.images.decode import decode_picture
from app.images.decoding_pool import DecodingPool, Limits
from app.images.nursery import Nursery
from app.images.orders import (
    CheckThumbnail,
    CutOut,
    Fingerprints,
    MakeThumbnail,
    Order,
    Show,
    Shrink,
    TakeFingerprints,
)
from app.images.phash import perceptual_hash
from app.images.query_picture import cut_out, shrink
from app.images.thumbnail import make_thumbnail, pixel_hash
from app.images.webp import webp_of
from tests.images.samples import PLAIN, encode, photograph, png

ROOT = Path(__file__).resolve().parents[2]
SQUARED = f"{squared.__module__}:{squared.__name__}"
LIMITS = Limits(max_pixels=52_000_000, seconds=20, memory=1 << 30)
WAIT = 60.0

JPEG = PLAIN["JPEG"](photograph())
NEVER_DONE = JPEG[:-2] + b"\xff" * 25_000_000 + JPEG[-2:]
"""libjpeg comes back to the same bytes again and again: 5 s and more."""


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    nursery = Nursery([squared.__module__])
    yield nursery
    nursery.close()


@pytest.fixture
def new_pool(nursery: Nursery) -> Iterator[Callable[[Limits], DecodingPool]]:
    """Pools with one decoder."""
    pools: list[DecodingPool] = []

    class Shared(Nursery):
        def __init__(self) -> None:
            pass

        start, fork, end = nursery.start, nursery.fork, nursery.end
        confinement = None

        def close(self) -> None:
            pass

    def new(limits: Limits = LIMITS) -> DecodingPool:
        pools.append(DecodingPool(1, limits, Shared()))
        return pools[-1]

    yield new
    for pool in pools:
        pool.close()


def made(pool: DecodingPool, data: bytes, order: Order[object]) -> object:
    return pool.submit(lambda: data, order).result(WAIT)


def refusal(pool: DecodingPool, data: bytes) -> str:
    with pytest.raises(PictureRefused) as refused:
        made(pool, data, MakeThumbnail())
    return str(refused.value)


def works(pool: DecodingPool) -> bool:
    return made(pool, JPEG, Show(50)) == webp_of(photograph_of(JPEG), longest=50)


def photograph_of(data: bytes) -> Image.Image:
    return decode_picture(data, max_pixels=LIMITS.max_pixels)


def decoders() -> set[int]:
    """Of all nurseries that this process has."""
    return {
        child.pid
        for nursery in psutil.Process().children()
        for child in nursery.children()
        if child.status() != psutil.STATUS_ZOMBIE
    }


def begun(pool: DecodingPool, data: bytes) -> tuple[Future[object], int]:
    """A picture on its way, and the process that decodes it."""
    before = decoders()
    future = pool.submit(lambda: data, MakeThumbnail())
    for _ in range(6000):
        for pid in decoders() - before:
            if psutil.Process(pid).cpu_times().user > 0.05:
                return future, pid
        time.sleep(0.01)
    raise AssertionError("no decoder is at work")


@pytest.mark.parametrize("name", PLAIN)
def test_the_results_are_those_of_this_process(name: str, new_pool: Callable[..., DecodingPool]) -> None:
    pool, data = new_pool(), PLAIN[name](photograph(size=(300, 200)))
    picture, box = photograph_of(data), Box(0.25, 0.25, 0.5, 0.5)
    thumbnail = make_thumbnail(picture, data)
    for prepared_by in (SQUARED, None):
        taken = made(pool, data, TakeFingerprints(thumbnail=True, prepared_by=prepared_by))
        assert isinstance(taken, Fingerprints)
        assert (taken.phash, taken.pixel_hash, taken.thumbnail) == (
            perceptual_hash(picture),
            pixel_hash(picture),
            thumbnail,
        )
        if prepared_by is None:
            assert taken.picture is not None
            assert (taken.picture.mode, taken.picture.size) == ("RGB", picture.size)
            assert taken.picture.tobytes() == picture.tobytes()
        else:
            assert taken.input is not None
            assert np.array_equal(taken.input, squared(picture))
    assert made(pool, data, MakeThumbnail()) == (thumbnail, pixel_hash(picture))
    assert made(pool, data, Show(40)) == webp_of(picture, longest=40)
    assert made(pool, data, CutOut((box.x, box.y, box.width, box.height))) == cut_out(picture, box)
    assert made(pool, data, Shrink()) == shrink(picture)


def test_a_clients_thumbnail_is_checked_by_a_decoder(new_pool: Callable[..., DecodingPool]) -> None:
    pool, small = new_pool(), make_thumbnail(photograph())
    assert made(pool, small.image, CheckThumbnail()) == small
    for data in (JPEG, b"", b"RIFF", encode(photograph(size=(400, 300)), "WEBP")):
        with pytest.raises(PictureRefused, match="_thumbnail: "):
            made(pool, data, CheckThumbnail())


def test_refusals_keep_their_sentences(new_pool: Callable[..., DecodingPool]) -> None:
    pool = new_pool()
    assert refusal(pool, b"") == "the picture is empty (0 bytes)"
    assert "truncated" in refusal(pool, JPEG[: len(JPEG) // 2])
    assert "50000 × 20000" in refusal(pool, png(50_000, 20_000, 8, 2, b""))

    def unreadable() -> bytes:
        raise PictureRefused("there is no such file")

    with pytest.raises(PictureRefused, match="there is no such file"):
        pool.submit(unreadable, Shrink()).result(WAIT)


def test_what_nobody_expected_is_one_refused_picture(new_pool: Callable[..., DecodingPool]) -> None:
    pool = new_pool()
    with pytest.raises(PictureRefused, match="its decoder failed"):
        made(pool, JPEG, TakeFingerprints(thumbnail=False, prepared_by="builtins:len"))
    assert works(pool)


def test_a_picture_that_takes_too_long_is_refused(new_pool: Callable[..., DecodingPool]) -> None:
    pool = new_pool(Limits(max_pixels=10**6, seconds=0.5, memory=1 << 30))
    assert refusal(pool, NEVER_DONE) == "the picture takes more than 0.5 s to decode"
    assert works(pool)


def test_a_decoder_that_stands_still_is_ended(
    new_pool: Callable[..., DecodingPool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding_pool, "_MORE_PATIENCE", 1.0)
    pool = new_pool(Limits(max_pixels=10**6, seconds=0.5, memory=1 << 30))
    future, pid = begun(pool, NEVER_DONE)
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(PictureRefused, match=r"takes more than 0\.5 s"):
        future.result(WAIT)
    assert pid not in decoders()
    assert works(pool)


def test_a_picture_that_wants_too_much_memory_is_refused(new_pool: Callable[..., DecodingPool]) -> None:
    flat = encode(Image.new("LA", (7_000, 7_000)), "PNG", compress_level=1)
    pool = new_pool(Limits(max_pixels=52_000_000, seconds=20, memory=32 << 20))
    assert "memory" in refusal(pool, flat)
    assert works(pool)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_decoder_that_dies_is_one_refused_picture(
    number: signal.Signals, new_pool: Callable[..., DecodingPool]
) -> None:
    pool = new_pool()
    future, pid = begun(pool, NEVER_DONE)
    os.kill(pid, number)
    with pytest.raises(PictureRefused, match="its decoder died of it"):
        future.result(WAIT)
    assert works(pool)


def test_a_decoder_that_died_idle_is_no_refused_picture(new_pool: Callable[..., DecodingPool]) -> None:
    pool, before = new_pool(), decoders()
    assert works(pool)
    (pid,) = decoders() - before
    os.kill(pid, signal.SIGKILL)
    while pid in decoders():
        time.sleep(0.01)
    assert works(pool)


def test_a_cancelled_picture_ends_its_decoder(new_pool: Callable[..., DecodingPool]) -> None:
    pool = new_pool()
    future, pid = begun(pool, NEVER_DONE)
    waiting = pool.submit(lambda: NEVER_DONE, MakeThumbnail())
    assert waiting.cancel()
    assert future.cancel()
    with pytest.raises(CancelledError):
        future.result(WAIT)
    assert works(pool)
    assert pid not in decoders()


def test_a_pool_that_is_closed_waits_for_nothing(new_pool: Callable[..., DecodingPool]) -> None:
    pool = new_pool()
    future, _ = begun(pool, NEVER_DONE)
    waiting = pool.submit(lambda: NEVER_DONE, MakeThumbnail())
    pool.close()
    with pytest.raises(PictureRefused):
        future.result(WAIT)
    assert waiting.cancelled()


def test_a_nursery_that_dies_is_started_anew() -> None:
    before = {process.pid for process in psutil.Process().children()}
    pool = DecodingPool(1, LIMITS, Nursery())
    try:
        assert works(pool)
        (nursery,) = [process for process in psutil.Process().children() if process.pid not in before]
        children = nursery.children()
        nursery.kill()
        _, alive = psutil.wait_procs(children, 10)
        assert not alive
        assert works(pool)
    finally:
        pool.close()


ORPHANS = """
import os, sys, psutil
from app.images.decoding_pool import DecodingPool, Limits
from app.images.nursery import Nursery
from app.images.orders import Show
pool = DecodingPool(1, Limits(10**6, 600, 1 << 30), Nursery())
pool.submit(lambda: open(sys.argv[1], "rb").read(), Show(9)).result()
pool.submit(lambda: open(sys.argv[2], "rb").read(), Show(9))
print(*[child.pid for child in psutil.Process().children(recursive=True)], flush=True)
sys.stdin.read()
"""


def test_no_decoder_outlives_the_process_that_it_works_for(tmp_path: Path) -> None:
    (tmp_path / "quick").write_bytes(JPEG)
    (tmp_path / "never").write_bytes(NEVER_DONE)
    with subprocess.Popen(
        [sys.executable, "-c", ORPHANS, tmp_path / "quick", tmp_path / "never"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as service:
        assert service.stdout is not None
        processes = [psutil.Process(int(pid)) for pid in service.stdout.readline().split()]
        assert len(processes) == 2
        service.kill()
        _, alive = psutil.wait_procs(processes, 10)
        assert not alive


def test_a_header_that_tells_of_fewer_pixels(new_pool: Callable[..., DecodingPool]) -> None:
    """The first picture of a GIF may be larger than its screen: it is decoded once it is granted its pixels."""
    gif = bytearray(encode(Image.new("P", (2_000, 1_500)), "GIF"))
    gif[6:10] = struct.pack("<HH", 10, 10)
    thumbnail, _ = new_pool().submit(partial(bytes, gif), MakeThumbnail()).result(WAIT)
    assert (thumbnail.width, thumbnail.height) == (2_000, 1_500)
