"""What happens, as a closed list of events; code reports them, and listeners make logs and metrics of them.

    db, embedding, images, services, api, serving ─ report(event) → listeners of its kind ─→ a line of the log
                                                                                         └→ a metric

Code says what happened and knows neither logs nor metrics; who listens is decided at the start of a process
(``app/serving``). A command that nobody listens to reports all the same, for the price of a look into a
dictionary.
"""

from app.events.kinds import (
    CallerKnown,
    DatabaseBack,
    DatabaseLost,
    DatabaseUsed,
    DecodingWaited,
    Event,
    IndexRepaired,
    ModelFailed,
    ModelLoaded,
    ModelRan,
    ModelWaited,
    PictureDecoded,
    PictureLeftOut,
    PicturesEmbedded,
    PoolExhausted,
    PoolSampled,
    PoolWaited,
    QueueSampled,
    RecallMeasured,
    RecordsExported,
    RequestAnswered,
    RequestRefused,
    RequestRouted,
    SearchDone,
    StatusChosen,
    WorkerSampled,
)
from app.events.reporting import listen, report, stop_listening, timed

__all__ = [
    "CallerKnown",
    "DatabaseBack",
    "DatabaseLost",
    "DatabaseUsed",
    "DecodingWaited",
    "Event",
    "IndexRepaired",
    "ModelFailed",
    "ModelLoaded",
    "ModelRan",
    "ModelWaited",
    "PictureDecoded",
    "PictureLeftOut",
    "PicturesEmbedded",
    "PoolExhausted",
    "PoolSampled",
    "PoolWaited",
    "QueueSampled",
    "RecallMeasured",
    "RecordsExported",
    "RequestAnswered",
    "RequestRefused",
    "RequestRouted",
    "SearchDone",
    "StatusChosen",
    "WorkerSampled",
    "listen",
    "report",
    "stop_listening",
    "timed",
]
