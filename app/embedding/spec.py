"""How a model is named: ``NAME`` or ``NAME@bfloat16``.

NAME is ``efficientnet-lite0``, a folder, or a name that sentence-transformers knows. A folder becomes absolute, so
that the name still leads there from another working directory.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from app.domain.errors import ModelUnavailable
from app.domain.model import BUNDLED, VECTORS
from app.domain.model_name import name_fault, split_precision

CHOICES = (
    f"set LOOKALIKE_MODEL to {BUNDLED} (bundled, needs no download), to a folder that holds a CLIP model for "
    "sentence-transformers, or to the name of one on a reachable model hub, such as clip-ViT-B-32"
)


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A parsed model name: where the model is, and the precision to run it in."""

    source: str
    precision: str
    is_folder: bool

    @property
    def name(self) -> str:
        """The canonical name; parsing it again yields the same spec."""
        return self.source if self.precision == "float32" else f"{self.source}@{self.precision}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ``ModelUnavailable`` for names that can lead to no model."""
        source, precision = split_precision(text)
        folder = Path(source).expanduser()
        if source == VECTORS:
            raise ModelUnavailable(f"{VECTORS!r} stands for vectors from outside: there is no model to load")
        if source == BUNDLED:
            return cls(source, precision, is_folder=False)
        if source and folder.is_dir():
            return cls(str(folder.resolve()), precision, is_folder=True)
        if fault := name_fault(source):
            raise ModelUnavailable(f"the model {text!r} {fault}; {CHOICES}")
        return cls(source, precision, is_folder=False)
