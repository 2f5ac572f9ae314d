"""The rules of a collection: which picture of a group stays."""

from collections.abc import Mapping, Sequence

from app.db import review
from app.domain.account import Access
from app.domain.collection import Collection
from app.domain.errors import InvalidRequest
from app.domain.review_rule import DEFAULT_RULES, MOST_RULES, Rule, RuleKind, parse_rule
from app.services.access import require_collection
from app.services.runtime import Runtime


def rules_of(runtime: Runtime, collection: Collection) -> tuple[Rule, ...]:
    """The saved rules of a collection, or the usual ones."""
    saved = review.find_rules(runtime.database, collection)
    if saved is None:
        return DEFAULT_RULES
    return tuple(Rule(RuleKind(each["kind"]), each["value"], each["name"]) for each in saved)


def save_rules(runtime: Runtime, access: Access, documents: Sequence[Mapping[str, str]]) -> tuple[Rule, ...]:
    """Keep rules, each with ``kind``, ``value`` and ``name``; raises ``InvalidRequest``."""
    if len(documents) > MOST_RULES:
        raise InvalidRequest(f"there may be {MOST_RULES} rules at most")
    rules = tuple(parse_rule(each["kind"], each["value"], each["name"]) for each in documents)
    if len(set(rules)) < len(rules):
        raise InvalidRequest("the same rule stands there twice")
    review.save_rules(runtime.database, require_collection(access), [rule.as_json() for rule in rules])
    return rules


def attributes_of(rules: Sequence[Rule]) -> list[str]:
    """The attributes that rules ask for."""
    return [rule.name for rule in rules if rule.kind is RuleKind.ATTRIBUTE]
