"""How a model is named, as far as text alone can tell: ``NAME`` or ``NAME@bfloat16``.

NAME is one of this program's own (``efficientnet-lite0``, ``vectors``), a folder, or a name on the model hub:
``owner/name``, or one of sentence-transformers' own without an owner.
"""

import re

from app.domain.model import BUNDLED

PRECISIONS = ("float32", "bfloat16")

CLIP_NAMES = ("clip-ViT-B-32", "clip-ViT-B-16", "clip-ViT-L-14")
"""The models without an owner that embed pictures and texts; all others have to be named with their owner."""

_HUB_NAME = re.compile(r"(?:[A-Za-z0-9][\w.-]{0,95}/)?[A-Za-z0-9][\w.-]{0,95}", re.ASCII)


def split_precision(text: str) -> tuple[str, str]:
    """The name and the precision; whatever else follows an ``@`` is left in the name, as folders may hold one."""
    source = text.strip()
    head, at, tail = source.rpartition("@")
    return (head, tail) if at and tail in PRECISIONS else (source, "float32")


def looks_like_a_folder(source: str) -> bool:
    """Whether a name can only be a folder, there or not."""
    return not source or source.startswith(("/", ".", "~")) or source.count("/") > 1


def name_fault(source: str) -> str:
    """What is wrong with a name that is no folder, as the end of a sentence; empty for one that may exist."""
    head, at, tail = source.rpartition("@")
    if at:
        return f"asks for the unknown precision {tail!r}: NAME or NAME@bfloat16" if head else "has no name"
    if looks_like_a_folder(source):
        return "is not a folder"
    if source != BUNDLED and not _HUB_NAME.fullmatch(source):
        return "is neither a folder nor the name of a model"
    return ""
