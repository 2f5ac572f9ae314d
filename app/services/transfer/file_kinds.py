"""What a file is that was meant to hold records, from its beginning, in the words of the operator."""

import orjson

from app.domain.errors import InvalidRequest, PictureRefused
from app.images.formats import detect_format

EXPECTED = "expected are records as JSON lines (one a line, in UTF-8) or as a JSON array, also compressed as .gz"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
GZIP = b"\x1f\x8b"

_LINES_LOOKED_AT = 100
_FEWEST_FOR_UTF16 = 4

_SIGNATURES = (
    (b"PK\x03\x04", "a ZIP archive (or an office document)"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"BZh", "compressed with bzip2"),
    (b"\xfd7zXZ\0", "compressed with xz"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd"),
    (GZIP, "compressed twice"),
    (b"%PDF", "a PDF document"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"PAR1", "a Parquet file"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"\xff\xfe\0\0", "text in UTF-32"),
    (b"\0\0\xfe\xff", "text in UTF-32"),
    (b"\xff\xfe", "text in UTF-16"),
    (b"\xfe\xff", "text in UTF-16"),
)


def require_records(head: bytes, name: str) -> None:
    """Raise ``InvalidRequest`` when a file called ``name``, which begins with ``head``, holds no JSON records.

    An empty file is one without records.
    """
    found = _something_else(head)
    if found:
        raise InvalidRequest(f"{name} is {found}; {EXPECTED}")


def _something_else(head: bytes) -> str:
    for signature, found in _SIGNATURES:
        if head.startswith(signature):
            return found
    if head[257:262] == b"ustar":
        return "a TAR archive"
    if picture := _picture(head):
        return f"a picture ({picture}), and pictures are imported by the folder that they lie in"
    if b"\0" in head:
        return "text in UTF-16" if _is_utf16(head) else "a binary file"
    text = head.removeprefix(BYTE_ORDER_MARK).lstrip()
    if not text or text.startswith(b"["):
        return ""
    if text.startswith(b"<"):
        return "an HTML or XML document"
    return _text_without_records(text)


def _picture(head: bytes) -> str:
    if not head:
        return ""
    try:
        return str(detect_format(head))
    except PictureRefused:
        return ""


def _is_utf16(head: bytes) -> bool:
    """Whether every second byte is zero, as it is in JSON that is mostly of ASCII characters."""
    start = head[:64]
    return len(start) >= _FEWEST_FOR_UTF16 and (not any(start[::2]) or not any(start[1::2]))


def _text_without_records(text: bytes) -> str:
    """What a text is of which none of the first lines is a JSON object; '' where one is, or may be."""
    lines = text.splitlines() if b"\n" not in text else text.split(b"\n")
    # The last one may go on behind the head.
    whole, last = lines[:-1][:_LINES_LOOKED_AT], lines[-1]
    if any(_is_object(line) for line in whole) or _is_object(last):
        return "text whose lines end with a carriage return alone" if b"\n" not in text and whole else ""
    if text.startswith(b"{"):
        return "JSON, but not with a whole object on a line" if whole else ""
    return "text, but none of its first lines is a JSON object"


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return False
