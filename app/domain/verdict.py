"""What a person says of two pictures."""

from enum import Enum


class Verdict(Enum):
    """Whether two records show the same picture."""

    SAME = "same"
    DIFFERENT = "different"
