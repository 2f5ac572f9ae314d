"""The shapes of answers, for descriptions of the interface; a test holds every answer to its shape."""

from marshmallow import RAISE, Schema, fields

from app.api.record_shapes import ShownRecord, told


class StatusShape(Schema):
    """``status``"""

    code = fields.Integer(
        required=True,
        strict=True,
        metadata=told("What became of it. HTTP's own code is 200 for all from 200 to 299, else the same."),
    )
    text = fields.String(required=True, metadata=told("The same in words."))


class StatisticsShape(Schema):
    """``statistics``: ``OperationTime`` in whole milliseconds, and finer; of searches, how they were done."""

    OperationTime = fields.Integer(required=True, strict=True, metadata=told("How long it took, in milliseconds."))
    OperationMicroseconds = fields.Integer(
        required=True, strict=True, metadata=told("How long it took, in microseconds.")
    )
    strategy = fields.String(
        metadata=told(
            "Of a search: by the vector index (`index`), by computing every distance (`exact`), or both, one "
            "after the other."
        )
    )
    exact = fields.Boolean(
        metadata=told(
            "Of a search: whether every distance was computed, so that nothing can have been overlooked."
        )
    )
    estimated = fields.Integer(
        allow_none=True,
        metadata=told("Of a search: how many records were expected to match, null where nobody asked."),
    )
    PairsStoredAt = fields.DateTime(
        metadata=told(
            "When the pairs were stored that the answer was read from; absent where they were computed for it."
        )
    )


class Answer(Schema):
    """What every answer has; ``error_description`` tells of failures."""

    class Meta:
        unknown = RAISE

    status = fields.Nested(StatusShape, required=True, metadata=told("What became of the request."))
    statistics = fields.Nested(
        StatisticsShape, required=True, metadata=told("How long it took, and how it was done.")
    )
    error_description = fields.String(
        metadata=told("Of failures: one sentence that says what is wrong, and where.")
    )


class FailureAnswer(Answer):
    """A failed request."""

    error_description = fields.String(
        required=True, metadata=told("One sentence that says what is wrong, and where.")
    )


class InfoAnswer(Answer):
    """ping"""

    info = fields.String(required=True, metadata=told("Version, and what the indexes are made by."))


class PartsShape(Schema):
    """``parts``: each is ``ready``, ``missing``, or ``unknown`` where the database cannot be asked."""

    database = fields.String(required=True, metadata=told("Whether the database answers, within seconds."))
    schema = fields.String(required=True, metadata=told("Whether its schema is of this version of the service."))
    models = fields.String(
        required=True,
        metadata=told("Whether the models of existing collections are loaded, where `LOOKALIKE_PRELOAD` is on."),
    )


class ReadyAnswer(Answer):
    """/readyz"""

    parts = fields.Nested(PartsShape, required=True, metadata=told("What requests need, part by part."))


class AccountAnswer(Answer):
    """/account/v2/details/"""

    id = fields.UUID(required=True, metadata=told("The account's own id."))
    email = fields.String(required=True, metadata=told("By which the operator names it."))
    first_name = fields.String(required=True, metadata=told("Of the account's owner; may be empty."))
    last_name = fields.String(required=True, metadata=told("Of the account's owner; may be empty."))
    phone = fields.String(
        required=True, allow_none=True, metadata=told("Of the account's owner, null where unknown.")
    )
    organization = fields.String(required=True, metadata=told("May be empty."))
    verified = fields.Boolean(required=True, metadata=told("Kept for clients of the original."))
    credits_counter = fields.Integer(
        required=True, strict=True, metadata=told("Credits spent: one for each picture embedded.")
    )
    credits_limit = fields.Integer(required=True, strict=True, metadata=told("Credits that may be spent."))
    default_workspace = fields.UUID(required=True, metadata=told("Kept for clients of the original."))


class CountAnswer(Answer):
    """getRecordCount"""

    answer_count = fields.Integer(
        required=True,
        strict=True,
        metadata=told("How many there are in `answer_records`; of `getRecordCount`, in the collection."),
    )


class ReasonShape(Schema):
    """``_reason``: near duplicates stand in it where they are the reason."""

    status = fields.Nested(
        StatusShape,
        required=True,
        metadata=told("Why, as a code: 211 for duplicates, 404, or 402 for what is wrong in itself."),
    )
    error_description = fields.String(metadata=told("One sentence that says what is wrong, and where."))
    answer_records = fields.List(
        fields.Nested(ShownRecord),
        metadata=told("The near duplicates that kept it out, nearest first."),
    )
    answer_distances = fields.List(fields.Float(), metadata=told("How far each of them is."))
    answer_signals = fields.List(fields.String(), metadata=told("What each of them is to the record."))


class SkippedShape(Schema):
    """A member of ``skipped_records``."""

    id = fields.Raw(
        required=True,
        allow_none=True,
        data_key="_id",
        metadata=told("The `_id` that was sent, whatever it was; null without one."),
    )
    reason = fields.Nested(ReasonShape, required=True, data_key="_reason", metadata=told("Why it was left out."))


class ListingAnswer(CountAnswer):
    """Records."""

    answer_records = fields.List(
        fields.Nested(ShownRecord),
        required=True,
        metadata=told("The records, in the order that the method says."),
    )


class ProcessingAnswer(ListingAnswer):
    """Records that were processed, and those that were skipped."""

    skipped_records = fields.List(
        fields.Nested(SkippedShape),
        required=True,
        metadata=told("Records that were left out, each with its reason."),
    )


class AllRecordsAnswer(ListingAnswer):
    """allRecords"""

    next = fields.String(metadata=told("The address of the next page; absent on the last."))
    output_file_name = fields.String(metadata=told("The file that was asked for, as it was named."))


class RankingAnswer(ListingAnswer):
    """Records in the order of their distances."""

    answer_distances = fields.List(
        fields.Float(),
        required=True,
        metadata=told(
            "The distance of each record, ascending: 0 the same picture, 141.4 unrelated; with weights from −200 "
            "to 200."
        ),
    )
    truncated = fields.Boolean(metadata=told("Present, and true, where there were more than 10,000."))


class GivenRankingAnswer(ProcessingAnswer):
    """visualRankRecords"""

    answer_distances = fields.List(
        fields.Float(),
        required=True,
        metadata=told("The distance of each record, ascending: 0 the same picture, 141.4 unrelated."),
    )
    answer_positions = fields.List(
        fields.Integer(strict=True),
        required=True,
        metadata=told("Where in the request's `records` each of `answer_records` stood, from 0."),
    )


class NearDuplicatesAnswer(RankingAnswer):
    """nearDuplicates"""

    answer_signals = fields.List(
        fields.String(),
        required=True,
        metadata=told(
            "What each record is to the picture: `same_file`, `same_pixels`, `copy`, `crop` or `variant`; "
            "without thumbnails `visual`, `hash` or `both`, by what decided."
        ),
    )


class PairsAnswer(CountAnswer):
    """allNearDupPairs: each member of ``answer_records`` holds two records."""

    answer_records = fields.List(
        fields.List(fields.Nested(ShownRecord)),
        required=True,
        metadata=told("Pairs of records, the lesser `_id` first; the nearest pairs come first."),
    )
    answer_distances = fields.List(
        fields.Float(), required=True, metadata=told("The near-duplicate distance of each pair.")
    )
    answer_signals = fields.List(
        fields.String(), required=True, metadata=told("What the two of each pair are to each other.")
    )


class VerdictAnswer(ProcessingAnswer):
    """nearDupVerdict: the records judged, and how many pairs of theirs."""

    pair_count = fields.Integer(
        required=True,
        strict=True,
        metadata=told("How many pairs of these records the verdict was kept for."),
    )


class IndexShape(Schema):
    """A member of ``indexes``."""

    attribute = fields.String(required=True, metadata=told("The attribute's dotted path."))
    ready = fields.Boolean(required=True, metadata=told("Whether it is built to its end and used."))


class IndexesAnswer(Answer):
    """listIndexes"""

    indexes = fields.List(
        fields.Nested(IndexShape),
        required=True,
        metadata=told("The indexes on attributes, by their paths."),
    )


class IndexAnswer(Answer):
    """createIndex, dropIndex"""

    attribute = fields.String(required=True, metadata=told("The attribute's dotted path."))
    created = fields.Boolean(metadata=told("Of `createIndex`: false where there was one already."))
    dropped = fields.Boolean(metadata=told("Of `dropIndex`: true."))
