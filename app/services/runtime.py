"""What a process holds on to: settings, the database, the models, the queues of writers, the counts
of calls and their limits, the processes that decode pictures, and work in the background.
"""

from collections.abc import Hashable
from threading import Lock
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from app.db.database import Database
from app.db.review import ReviewState
from app.db.server import Versions
from app.domain.account import Access
from app.domain.estimate import Estimate
from app.domain.facet import Facets
from app.domain.picture import Picture
from app.domain.rate_limit import Rates
from app.domain.readiness import Readiness
from app.embedding.registry import ModelRegistry
from app.embedding.squaring import squared
from app.images.decoding_pool import DecodingPool, Limits
from app.images.fetch import PictureFetcher
from app.images.nursery import Nursery
from app.machine import available_cores
from app.pairs.pair_groups import PairGraph, PairGroups
from app.services.admission import Admission
from app.services.background import Background
from app.services.gates import Gates
from app.services.rate_limits import RateLimiter
from app.services.recent import Recent
from app.services.turns import Turns
from app.services.usage import UsageCounter
from app.settings import Settings

_FETCHED_AT_A_TIME = 24
# Threads: more than begin at a time, as those that know how little will come let others begin.
_DECODED_AHEAD = 2
# Pictures for each decoder: one at work, and the next one in its reach.
_REMEMBERED_PICTURES = 400
# Some 55 kB each.
_REMEMBERED_GRAPHS = 4
# Some 30 bytes for each pair.


class Runtime:
    """Made once per process; a context manager. Nothing is connected, loaded or started before it is needed."""

    def __init__(self, settings: Settings, url: str) -> None:
        self.settings = settings
        self.database = Database(url, pool_size=settings.pool_size, statement_timeout=settings.statement_timeout)
        self.usage = UsageCounter(self.database)
        self.rates = RateLimiter(self.database)
        self.default_rates = Rates(
            settings.calls_per_minute or None,
            settings.pictures_per_minute or None,
            settings.bytes_per_minute or None,
        )
        self.models = ModelRegistry(settings.torch_threads)
        self.fetcher = PictureFetcher(
            settings.url_allow,
            settings.url_timeout,
            settings.max_image_bytes,
            _FETCHED_AT_A_TIME,
            ports=settings.url_ports,
        )
        # Of what is fetched nobody knows how large it will be, but for the limit.
        self.fetch_turns = Turns(settings.fetched_bytes, weight=settings.max_image_bytes)
        self.decode_turns = Turns(_DECODED_AHEAD * available_cores())
        self.admission = Admission(settings.threads, each=settings.account_calls)
        self.background = Background()
        self.parsing = Lock()
        self.gates = Gates(settings.statement_timeout)
        self.accesses: Recent[Hashable, Access] = Recent(seconds=settings.access_seconds)
        self.versions: Recent[str, Versions] = Recent(seconds=3600)
        self.estimates: Recent[Hashable, Estimate] = Recent(seconds=30)
        self.unreadable: Recent[str, bool] = Recent(seconds=60)
        self.pictures: Recent[Hashable, Picture] = Recent(seconds=3600, size=_REMEMBERED_PICTURES)
        self.pair_graphs: Recent[Hashable, tuple[ReviewState, PairGraph]] = Recent(
            seconds=300, size=_REMEMBERED_GRAPHS
        )
        self.pair_groups: Recent[Hashable, PairGroups] = Recent(seconds=300, size=_REMEMBERED_GRAPHS)
        self.query_vectors: Recent[Hashable, NDArray[np.float32]] = Recent(seconds=3600)
        self.readiness: Recent[None, Readiness] = Recent(seconds=1)
        self.expected_models: frozenset[str] | None = None
        """The models of existing collections, which are to be loaded; None until that was found out."""
        self.facets: Recent[Hashable, Facets] = Recent(seconds=30, size=100)
        limits = Limits(settings.max_image_pixels, settings.decode_seconds, settings.decode_memory)
        self.decoders = DecodingPool(available_cores(), limits, Nursery([squared.__module__]))

    @property
    def queues(self) -> dict[str, int]:
        """How many wait for the models, and of the writers at the gates of collections."""
        return {"models": self.models.waiting, "writers": self.gates.waiting}

    def open(self) -> Self:
        """Connect to the database."""
        self.database.open()
        return self

    def close(self) -> None:
        """Give everything back."""
        self.background.close()
        self.decoders.close()
        self.usage.close()
        self.rates.close()
        self.fetcher.close()
        self.models.close()
        self.database.close()

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
