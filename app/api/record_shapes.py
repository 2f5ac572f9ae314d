"""The shapes of records, for descriptions of the interface: as they are sent, searched for, named, and shown.

A record is a flat JSON object. What is no field of the service's own is an attribute, whatever its value.
"""

from typing import Any

from marshmallow import INCLUDE, Schema, fields

from app.domain.combined_distance import MOST_WEIGHT
from app.domain.record import MAX_ID_LENGTH, MAX_NESTING, MAX_THUMBNAIL_LENGTH, MAX_URL_LENGTH


def told(description: str, **shape: Any) -> dict[str, Any]:
    """The metadata of a field: what it is, and more of its JSON Schema."""
    return {"description": description, **shape}


class RecordShape(Schema):
    """Any record: attributes stand beside the fields that are described."""

    class Meta:
        unknown = INCLUDE


class NamedRecord(RecordShape):
    """A record that is in the collection, by its ``_id``."""

    id = fields.String(
        required=True,
        data_key="_id",
        metadata=told("Which record is meant.", minLength=1, maxLength=MAX_ID_LENGTH),
    )


class ChangedRecord(NamedRecord):
    """A record that is in the collection, and its attributes to be changed. Fields of the picture are ignored."""


class PicturedRecord(RecordShape):
    """A record with its picture, or with a vector. Of several pictures ``_base64`` counts, or else ``_url``."""

    id = fields.String(
        data_key="_id",
        metadata=told(
            "Unique in its collection. A record that goes in without one gets a UUID.",
            minLength=1,
            maxLength=MAX_ID_LENGTH,
        ),
    )
    base64 = fields.String(
        data_key="_base64",
        metadata=told(
            "The picture's file as base64, with or without a `data:` prefix: JPEG, PNG, WEBP, HEIC, BMP, TIFF, "
            "or the first frame of a GIF, told apart by their bytes. Or a NumPy `.npy` of shape (height, width, "
            "3), uint8, BGR. Not stored."
        ),
    )
    url = fields.String(
        data_key="_url",
        metadata=told(
            "Where the picture is fetched from, over http or https. Stored and shown.", maxLength=MAX_URL_LENGTH
        ),
    )
    file = fields.String(
        data_key="_file",
        metadata=told(
            "The picture's file on the server, under one of the folders that the operator allows. Stored and "
            "shown, also beside another picture.",
            maxLength=MAX_URL_LENGTH,
        ),
    )
    vector = fields.List(
        fields.Float(),
        data_key="_vector",
        metadata=told(
            "An embedding instead of a picture, of the collection's dimension, not all 0. Only its direction "
            "counts."
        ),
    )
    phash = fields.String(
        data_key="_phash",
        metadata=told(
            "Beside `_vector`: the perceptual hash of the picture, PDQ, 64 hex digits.",
            pattern="^[0-9a-fA-F]{64}$",
        ),
    )
    thumbnail = fields.String(
        data_key="_thumbnail",
        metadata=told(
            "Beside `_vector`: a small picture, WebP as base64, as an export has it.",
            maxLength=MAX_THUMBNAIL_LENGTH,
        ),
    )
    color_space = fields.Raw(
        data_key="_color_space",
        metadata=told("Ignored: pictures say it themselves. The original's client sends it."),
    )
    noresize = fields.Raw(metadata=told("Ignored: a remark of the original's client to itself."))
    tags = fields.Raw(
        metadata=told(
            "An attribute like others, of any kind. `visualTagsKNN` and `visualTagsKNNMulti` compare the texts "
            f"in it. Attributes may be nested {MAX_NESTING} levels deep; a name holds no dot and does not begin "
            "with `_`.",
            examples=[["gift", "eco"]],
        )
    )


class SentRecord(PicturedRecord):
    """A record that is to go in: a picture or a vector, and any attributes."""


class QueryRecord(PicturedRecord):
    """What is searched for: an ``_id`` of the collection, or else the vector or the picture that comes along."""

    text_data = fields.String(
        data_key="_text_data",
        metadata=told("Words to be searched for, by `textKNN` only, at most 10,000 characters."),
    )


class WeightedQueryRecord(QueryRecord):
    """One of several that are searched for: it may have a weight."""

    weight = fields.Float(
        data_key="_weight",
        load_default=1,
        metadata=told(
            "Its share in the average of the distances: more for more of this, negative for less of that, 0 to "
            "leave it out. With `min` and `max` only 1 means something.",
            minimum=-MOST_WEIGHT,
            maximum=MOST_WEIGHT,
        ),
    )


class ShownRecord(RecordShape):
    """A record of an answer, with the fields that ``fields_to_return`` asked for."""

    id = fields.String(required=True, data_key="_id", metadata=told("The record's own, always shown."))
    url = fields.String(data_key="_url", metadata=told("Where its picture was fetched from."))
    file = fields.String(data_key="_file", metadata=told("Where its picture lay on the server."))
    vector = fields.List(
        fields.Float(),
        data_key="_vector",
        metadata=told("Its embedding of length one, in half precision; shown if it is named."),
    )
    phash = fields.String(
        data_key="_phash",
        metadata=told("Its perceptual hash, 64 hex digits, unless that says nothing; shown if it is named."),
    )
    thumbnail = fields.String(
        data_key="_thumbnail",
        metadata=told("Its thumbnail, WebP as base64; shown if it is named."),
    )
