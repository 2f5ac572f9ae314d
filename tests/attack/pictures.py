"""``python -m tests.attack.pictures [N] [--seed SEED]``: N mutated pictures of all formats, 10,000 without it.

They go through the decoders as those of clients do. What has to hold: each is decoded or refused with one
sentence, within the seconds that a picture of its announced size may take; nothing dies but decoders; this process
and all of its decoders have less than 1 GB together, shared pages counted once.
"""

import argparse
import os
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from secrets import randbits

import psutil

from app.domain.errors import PictureRefused
from app.embedding.squaring import squared
from app.images.decoding_pool import DecodingPool, Limits
from app.images.nursery import Nursery
from app.images.orders import Show, TakeFingerprints
from app.settings import load_settings
from tests.attack.mutations import mutated

MOST_BYTES = 1_000_000_000
_DECODERS = 2
_UNDER_WAY = 4 * _DECODERS
_LOOKED_AT_EVERY = 5.0  # seconds
_FINGERPRINTS = TakeFingerprints(thumbnail=True, prepared_by=f"{squared.__module__}:{squared.__name__}")


class Attack:
    """Counts what becomes of the pictures."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        settings = load_settings({})
        self._limits = Limits(settings.max_image_pixels, settings.decode_seconds, settings.decode_memory)
        self.longest_allowed = 10 + 4 * settings.decode_seconds
        self.outcomes: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.most_bytes = 0
        self.longest = 0.0

    def run(self, count: int) -> None:
        """Send so many pictures, a few at a time."""
        pool = DecodingPool(_DECODERS, self._limits, Nursery([squared.__module__]))
        try:
            under_way: dict[Future[object], tuple[bytes, list[float]]] = {}
            looked, began = 0.0, time.monotonic()
            for number, data in enumerate(self._pictures(count)):
                if len(under_way) >= _UNDER_WAY:
                    self._settle(under_way)
                self._submit(pool, data, under_way)
                if time.monotonic() - looked > _LOOKED_AT_EVERY:
                    looked = time.monotonic()
                    self.most_bytes = max(self.most_bytes, _bytes_of_all())
                    rate = number / (looked - began)
                    print(
                        f"\r{number:,} of {count:,}, {rate:.0f}/s, {self.most_bytes >> 20} MiB", end="", flush=True
                    )
            while under_way:
                self._settle(under_way)
            print()
        finally:
            pool.close()

    def _pictures(self, count: int) -> Iterator[bytes]:
        for _ in range(count):
            yield mutated(self._chance)

    def _submit(
        self, pool: DecodingPool, data: bytes, under_way: dict[Future[object], tuple[bytes, list[float]]]
    ) -> None:
        times: list[float] = []

        def read() -> bytes:
            times.append(time.monotonic())
            return data

        order = _FINGERPRINTS if self._chance.random() < 0.3 else Show(32)
        future: Future[object] = pool.submit(read, order)
        future.add_done_callback(lambda _: times.append(time.monotonic()))
        under_way[future] = data, times

    def _settle(self, under_way: dict[Future[object], tuple[bytes, list[float]]]) -> None:
        done, _ = wait(under_way, return_when=FIRST_COMPLETED)
        for future in done:
            data, times = under_way.pop(future)
            # The callback may still be on its way.
            took = times[-1] - times[0]
            self.longest = max(self.longest, took)
            if took > self.longest_allowed:
                self._keep(data, f"took {took:.1f} s")
            error = future.exception()
            if error is None:
                self.outcomes["decoded"] += 1
            elif isinstance(error, PictureRefused):
                self.outcomes[_kind(str(error))] += 1
            else:
                self._keep(data, repr(error)[:2000])

    def _keep(self, data: bytes, reason: str) -> None:
        self.wrong.append(f"{reason}: {data[:40]!r}… ({len(data):,} bytes)")


def _kind(sentence: str) -> str:
    """Sentences without what is particular to one picture."""
    return re.sub(r"[\d,.]+", "N", sentence)[:100]


def _bytes_of_all() -> int:
    total = 0
    me = psutil.Process(os.getpid())
    for process in (me, *me.children(recursive=True)):
        try:
            total += process.memory_full_info().pss
        except psutil.Error:
            continue
    return total


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.attack.pictures")
    parser.add_argument("count", nargs="?", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=randbits(32))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}")
    attack = Attack(arguments.seed)
    attack.run(arguments.count)
    for outcome, times in attack.outcomes.most_common():
        print(f"{times:>9,}  {outcome}")
    print(f"longest {attack.longest:.2f} s, most memory {attack.most_bytes / 1e6:.0f} MB")
    for each in attack.wrong:
        print("WRONG", each)
    if attack.wrong or attack.most_bytes > MOST_BYTES:
        sys.exit(1)


if __name__ == "__main__":
    main()
