"""The address of a search: all of it, so that it can be shared, reloaded and gone back to.

``more``, ``less``  records by their ids, as often as wanted      ``filter``   as JSON
``picture``         the key of a kept picture                     ``product``  an attribute, or empty for none
``box``             the part that counts: x,y,width,height        ``tags``     their weight, 0 to 1
``text``            words                                         ``within``   the greatest distance shown
``facet``           a further attribute to filter by              ``page``     from 1
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from app.console.visit import Form
from app.domain.errors import InvalidRequest
from app.domain.names import check_attribute
from app.domain.query_picture import Box
from app.services.searching.composed import Composition

MOST_RECORDS = 20
"""That one search is put together from."""

MOST_PAGES = 100


@dataclass(frozen=True, slots=True)
class SearchAddress:
    """``composition`` is what is searched for. ``filter`` is text: whether it is a filter is seen later.

    ``product`` is None where the collection's own attribute tells products apart, empty where none does.
    """

    composition: Composition = field(default_factory=Composition)
    filter: str = ""
    within: float | None = None
    product: str | None = None
    page: int = 1
    facet: str = ""

    @classmethod
    def parse(cls, form: Form) -> "SearchAddress":
        """From the parameters of an address; raises ``InvalidRequest`` with the parameter's name as the path."""
        more, less = _ids(form, "more"), _ids(form, "less")
        if len(more) + len(less) > MOST_RECORDS:
            raise InvalidRequest(f"a search is put together from at most {MOST_RECORDS} records", path="more")
        box = form.text("box")
        composition = Composition(
            more,
            tuple(id for id in less if id not in more),
            form.text("picture"),
            form.text("text").strip(),
            Box.parse(box) if box else None,
            form.number("tags", 0, least=0, most=1),
        )
        within = form.number("within", float("nan"), least=-200, most=200) if form.text("within") else None
        product = form.text("product") if "product" in form.values else None
        if product:
            try:
                check_attribute(product)
            except ValueError as error:
                raise InvalidRequest(str(error), path="product") from error
        page = form.whole("page", 1, least=1, most=MOST_PAGES)
        return cls(composition, form.text("filter").strip(), within, product, page, form.text("facet"))

    def parameters(self) -> dict[str, Any]:
        """For an address, those that say something; as few as there can be."""
        asked = self.composition
        told: dict[str, Any] = {"more": list(asked.more), "less": list(asked.less)}
        told |= {"picture": asked.picture, "box": str(asked.box) if asked.box else "", "text": asked.text}
        told |= {"filter": self.filter, "tags": f"{asked.tags_weight:g}" if asked.tags_weight else ""}
        told["within"] = "" if self.within is None else f"{self.within:g}"
        told["facet"] = self.facet
        told["page"] = str(self.page) if self.page > 1 else ""
        told = {name: value for name, value in told.items() if value}
        return told if self.product is None else {**told, "product": self.product}

    def hidden(self, *but: str) -> list[tuple[str, str]]:
        """The same as fields of a form that sets ``but`` itself, and begins with the first page again."""
        pairs: list[tuple[str, str]] = []
        for name, value in self.parameters().items():
            if name not in (*but, "page"):
                pairs += [(name, each) for each in (value if isinstance(value, list) else [value])]
        return pairs

    def uncut(self) -> "SearchAddress":
        """Without the cut-off."""
        return replace(self, within=None, page=1)

    def filtered(self, filter: str) -> "SearchAddress":
        """With another filter."""
        return replace(self, filter=filter, page=1)

    def composed(self, composition: Composition) -> "SearchAddress":
        """Searching for something else under the same filter, with no cut-off: distances are others."""
        return replace(self, composition=composition, within=None, page=1)

    def of_record(self, id: str) -> "SearchAddress":
        """More like a record, and like nothing else."""
        return self.composed(Composition(more=(id,), tags_weight=self.composition.tags_weight))

    def with_more(self, id: str) -> "SearchAddress":
        """More like a record, too."""
        asked = self.composition
        less = tuple(other for other in asked.less if other != id)
        return self.composed(replace(asked, more=_added(asked.more, id), less=less))

    def with_less(self, id: str) -> "SearchAddress":
        """Less like a record."""
        asked = self.composition
        if asked.more[:1] == (id,) and not asked.picture:
            asked = replace(asked, box=None)
        more = tuple(other for other in asked.more if other != id)
        return self.composed(replace(asked, more=more, less=_added(asked.less, id)))

    def without(self, id: str) -> "SearchAddress":
        """Without a record that it was put together from."""
        asked = self.composition
        boxed = asked.boxed_record == id
        more, less = (tuple(other for other in ids if other != id) for ids in (asked.more, asked.less))
        return self.composed(replace(asked, more=more, less=less, box=None if boxed else asked.box))

    def without_picture(self) -> "SearchAddress":
        """Without the picture, and its part."""
        return self.composed(replace(self.composition, picture="", box=None))

    def boxed(self, box: Box | None) -> "SearchAddress":
        """With another part of the picture, or all of it."""
        return self.composed(replace(self.composition, box=box))

    def without_text(self) -> "SearchAddress":
        """Without the words."""
        return self.composed(replace(self.composition, text=""))


def _ids(form: Form, name: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, form.all(name))))


def _added(ids: Sequence[str], id: str) -> tuple[str, ...]:
    return (*(other for other in ids if other != id), id)
