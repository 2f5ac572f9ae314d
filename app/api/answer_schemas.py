"""The shapes of answers, for descriptions of the interface; a test holds every answer to its shape."""

from marshmallow import RAISE, Schema, fields


class StatusShape(Schema):
    """``status``"""

    code = fields.Integer(required=True, strict=True)
    text = fields.String(required=True)


class StatisticsShape(Schema):
    """``statistics``: ``OperationTime`` in whole milliseconds, and finer; of searches, how they were done."""

    OperationTime = fields.Integer(required=True, strict=True)
    OperationMicroseconds = fields.Integer(required=True, strict=True)
    strategy = fields.String()
    exact = fields.Boolean()
    estimated = fields.Integer(allow_none=True)
    PairsStoredAt = fields.DateTime()


class Answer(Schema):
    """What every answer has; ``error_description`` tells of failures."""

    class Meta:
        unknown = RAISE

    status = fields.Nested(StatusShape, required=True)
    statistics = fields.Nested(StatisticsShape, required=True)
    error_description = fields.String()


class InfoAnswer(Answer):
    """ping"""

    info = fields.String(required=True)


class AccountAnswer(Answer):
    """/account/v2/details/"""

    id = fields.UUID(required=True)
    email = fields.String(required=True)
    first_name = fields.String(required=True)
    last_name = fields.String(required=True)
    phone = fields.String(required=True, allow_none=True)
    organization = fields.String(required=True)
    verified = fields.Boolean(required=True)
    credits_counter = fields.Integer(required=True, strict=True)
    credits_limit = fields.Integer(required=True, strict=True)
    default_workspace = fields.UUID(required=True)


class CountAnswer(Answer):
    """getRecordCount"""

    answer_count = fields.Integer(required=True, strict=True)


class ReasonShape(Schema):
    """``_reason``: near duplicates stand in it where they are the reason."""

    status = fields.Nested(StatusShape, required=True)
    error_description = fields.String()
    answer_records = fields.List(fields.Dict(keys=fields.String()))
    answer_distances = fields.List(fields.Float())
    answer_signals = fields.List(fields.String())


class SkippedShape(Schema):
    """A member of ``skipped_records``."""

    id = fields.Raw(required=True, allow_none=True, data_key="_id")
    reason = fields.Nested(ReasonShape, required=True, data_key="_reason")


class ListingAnswer(CountAnswer):
    """Records."""

    answer_records = fields.List(fields.Dict(keys=fields.String()), required=True)


class ProcessingAnswer(ListingAnswer):
    """Records that were processed, and those that were skipped."""

    skipped_records = fields.List(fields.Nested(SkippedShape), required=True)


class AllRecordsAnswer(ListingAnswer):
    """allRecords"""

    next = fields.String()
    output_file_name = fields.String()


class RankingAnswer(ListingAnswer):
    """Records in the order of their distances."""

    answer_distances = fields.List(fields.Float(), required=True)
    truncated = fields.Boolean()


class GivenRankingAnswer(ProcessingAnswer):
    """visualRankRecords"""

    answer_distances = fields.List(fields.Float(), required=True)
    answer_positions = fields.List(fields.Integer(strict=True), required=True)


class NearDuplicatesAnswer(RankingAnswer):
    """nearDuplicates"""

    answer_signals = fields.List(fields.String(), required=True)


class PairsAnswer(CountAnswer):
    """allNearDupPairs: each member of ``answer_records`` holds two records."""

    answer_records = fields.List(fields.List(fields.Dict(keys=fields.String())), required=True)
    answer_distances = fields.List(fields.Float(), required=True)
    answer_signals = fields.List(fields.String(), required=True)


class VerdictAnswer(ProcessingAnswer):
    """nearDupVerdict: the records judged, and how many pairs of theirs."""

    pair_count = fields.Integer(required=True, strict=True)


class IndexShape(Schema):
    """A member of ``indexes``."""

    attribute = fields.String(required=True)
    ready = fields.Boolean(required=True)


class IndexesAnswer(Answer):
    """listIndexes"""

    indexes = fields.List(fields.Nested(IndexShape), required=True)


class IndexAnswer(Answer):
    """createIndex, dropIndex"""

    attribute = fields.String(required=True)
    created = fields.Boolean()
    dropped = fields.Boolean()
