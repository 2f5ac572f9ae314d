"""The rule of a look as a digest: pairs of one rule are not those of another."""

from dataclasses import replace

import pytest

from app.domain import picture
from app.domain.near_duplicate import BUNDLED_CALIBRATION, Limits
from app.domain.picture import rule_of


def test_every_part_of_the_rule_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = [
        rule_of(None),
        rule_of(BUNDLED_CALIBRATION),
        rule_of(replace(BUNDLED_CALIBRATION, look_visual=61.0)),
        rule_of(replace(BUNDLED_CALIBRATION, by_embedding=Limits(90, 41.0))),
    ]
    assert rule_of(BUNDLED_CALIBRATION) == rules[1]
    monkeypatch.setattr(picture, "LOOK_VERSION", picture.LOOK_VERSION + 1)
    rules.append(rule_of(None))
    assert len(set(rules)) == len(rules)
