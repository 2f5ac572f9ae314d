"""The closed list of events. Times in seconds, sizes in bytes; ids of accounts and collections as they are stored.

An event holds what an operator may read. Not one has a place for a token, a vector, the bytes of a picture, an
attribute, a filter, or an address with its query string; ``reason`` is one of few words, never a text from
outside.
"""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all events."""


# Requests.


@dataclass(frozen=True, slots=True)
class RequestRouted(Event):
    """It is known which method of which service is called, or what else: a page of the console, say.

    Both are names that this program has, or its settings; ``service`` is None where there is none.
    """

    service: str | None
    method: str


@dataclass(frozen=True, slots=True)
class CallerKnown(Event):
    """It is known who asks, and about which collection if about one."""

    account_id: UUID
    collection_id: UUID | None


@dataclass(frozen=True, slots=True)
class StatusChosen(Event):
    """The answer's own status (210, say, where HTTP's is 200), and how many records it lists, if any."""

    code: int
    records: int | None = None


@dataclass(frozen=True, slots=True)
class RequestRefused(Event):
    """A request was refused or failed; ``reason`` is the name of the error's class."""

    reason: str


@dataclass(frozen=True, slots=True)
class RequestAnswered(Event):
    """A request is over: what is written down of it, once.

    ``seconds`` from its arrival until the last piece of its answer was made; of these ``database``, ``model``
    and ``decoding`` were spent waiting for each. ``received`` and ``sent`` are bytes of bodies. What never
    became known is None.
    """

    id: str
    verb: str
    service: str | None
    method: str
    account_id: UUID | None
    collection_id: UUID | None
    http_status: int
    code: int | None
    seconds: float
    database: float
    model: float
    decoding: float
    strategy: str | None
    exact: bool | None
    records: int | None
    pictures: int
    refused_pictures: int
    received: int
    sent: int


# Searches.


@dataclass(frozen=True, slots=True)
class SearchDone(Event):
    """A search found the way to its answer; ``exact``: nothing can have been overlooked."""

    strategy: str
    exact: bool


# Pictures and models.


@dataclass(frozen=True, slots=True)
class PicturesEmbedded(Event):
    """Pictures went through a model for a request or an import."""

    count: int


@dataclass(frozen=True, slots=True)
class PictureLeftOut(Event):
    """A picture was not embedded; ``reason``: ``url``, ``file``, ``base64``, by where it should have come from;
    ``missing``, ``thumbnail``; or ``model``, where that cannot be loaded.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class PictureDecoded(Event):
    """A picture was decoded, hashed and prepared for its model, well or not."""

    seconds: float


@dataclass(frozen=True, slots=True)
class DecodingWaited(Event):
    """A request waited for its pictures to be fetched and decoded."""

    seconds: float


@dataclass(frozen=True, slots=True)
class ModelRan(Event):
    """A model ran for a batch of so many pictures or texts."""

    model: str
    items: int
    seconds: float


@dataclass(frozen=True, slots=True)
class ModelWaited(Event):
    """A request waited for its part of the batches of a model."""

    seconds: float


@dataclass(frozen=True, slots=True)
class ModelLoaded(Event):
    """A model was loaded."""

    model: str
    seconds: float


@dataclass(frozen=True, slots=True)
class ModelFailed(Event):
    """A model could not be loaded."""

    model: str


# The database.


@dataclass(frozen=True, slots=True)
class DatabaseUsed(Event):
    """The database was waited for so long by one use of it: a read, or a transaction."""

    seconds: float


@dataclass(frozen=True, slots=True)
class PoolWaited(Event):
    """Somebody had to wait so long for a connection of the pool."""

    seconds: float


@dataclass(frozen=True, slots=True)
class PoolExhausted(Event):
    """Somebody went without a connection, as all were in use for too long."""


@dataclass(frozen=True, slots=True)
class DatabaseLost(Event):
    """The database cannot be reached any more."""


@dataclass(frozen=True, slots=True)
class DatabaseBack(Event):
    """The database can be reached again."""


# Work on collections.


@dataclass(frozen=True, slots=True)
class IndexRepaired(Event):
    """An index that was missing or unfinished was built; ``kind``: ``vector`` or ``attribute``."""

    collection_id: UUID
    kind: str


@dataclass(frozen=True, slots=True)
class RecordsExported(Event):
    """``allRecords`` wrote a file."""

    collection_id: UUID
    records: int


@dataclass(frozen=True, slots=True)
class RecallMeasured(Event):
    """The share of true neighbours that the vector index of a collection found, from 0 to 1."""

    collection_id: UUID
    recall: float


# The process, looked at now and then.


@dataclass(frozen=True, slots=True)
class PoolSampled(Event):
    """Connections of the pool, those in use, and requests that wait for one."""

    size: int
    in_use: int
    waiting: int


@dataclass(frozen=True, slots=True)
class QueueSampled(Event):
    """How many wait in a queue of this process; ``queue`` is one of few names."""

    queue: str
    waiting: int


@dataclass(frozen=True, slots=True)
class WorkerSampled(Event):
    """What a worker process takes."""

    resident: int
    threads: int
    open_files: int
