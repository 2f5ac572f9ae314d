"""Searching a collection: by pictures, parts of them, records and words, under a filter."""

import math
import time
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from flask import Response, request

from app.console.page import Page
from app.console.search_address import MOST_PAGES, SearchAddress
from app.console.search_parts import Href, Parts
from app.console.visit import Form, Visit, leave
from app.domain import errors
from app.domain.facet import Facets
from app.domain.fields import ALL
from app.domain.model import VECTORS
from app.domain.query_picture import Box
from app.domain.ranking import Neighbour, Strategy
from app.domain.record import StoredRecord
from app.filters import Filter, parse_filter
from app.services.embedding import takes_text
from app.services.records import reading
from app.services.searching import as_call, composed, query_pictures
from app.services.searching import filter_building as building
from app.services.searching.as_call import Written
from app.services.searching.facets import facets_of
from app.services.searching.visual import Wish

PAGE_SIZE = 60

_TOLD = (
    errors.InvalidRequest,
    errors.WrongQueryRecord,
    errors.PictureRefused,
    errors.TextNotSupported,
    errors.CreditsExceeded,
    errors.ModelUnavailable,
)
"""What is told on the page, beside what was asked for."""


_WAYS = {
    Strategy.INDEX: "by the vector index",
    Strategy.EXACT: "by every distance",
    Strategy.INDEX_THEN_EXACT: "by the vector index, then by every distance",
}


@dataclass(frozen=True, slots=True)
class _Found:
    """An answer, and how it was come by. ``farthest`` is the greatest distance before the cut-off."""

    found: list[Neighbour] | list[StoredRecord]
    more: bool
    manner: str = ""
    nearest: float = 0.0
    farthest: float = 0.0


def show(visit: Visit) -> Response:
    """The search that the address holds; without one, what came last."""
    form = Form.of_address()
    address = SearchAddress.parse(form)
    changed = _changed(address, form)
    if changed is not None:
        return _to(visit, changed)
    return _page(visit, address)


def keep_picture(visit: Visit) -> Response:
    """Keep a picture and search with it, under the filter that there is."""
    form = Form.of_body()
    address = SearchAddress.parse(form)
    try:
        file = next((file for file in request.files.getlist("file") if file.filename), None)
        if file is None:
            raise errors.PictureRefused("no picture was chosen")
        key = query_pictures.keep(visit.runtime, visit.reached, file.read())
    except errors.PictureRefused as error:
        if visit.is_partial:
            raise
        return _page(visit, address, refused=str(error))
    tags = address.composition.tags_weight
    address = address.composed(composed.Composition(picture=key, tags_weight=tags))
    if visit.is_partial:
        return Response(status=204, headers={"HX-Redirect": _href(visit, address)})
    return _to(visit, address)


def query_picture(visit: Visit) -> Response:
    """A picture that was searched with."""
    found = query_pictures.kept(visit.runtime, visit.reached.account_id, Form.of_address().text("key"))
    if found is None:
        return Response(status=404, headers={"Cache-Control": "no-store"})
    # Its key is a digest of it.
    return visit.picture(found.image, seconds=30 * 24 * 3600)


PAGES = [
    Page("search", "/<uuid:collection>/search", show),
    Page("keep_query_picture", "/<uuid:collection>/search/picture", keep_picture, verb="POST"),
    Page("query_picture", "/<uuid:collection>/search/picture", query_picture),
]


def _href(visit: Visit, address: SearchAddress) -> str:
    return _hrefs(visit)(address)


def _hrefs(visit: Visit) -> Href:
    """Writes addresses, of which a page has hundreds."""
    path = visit.address("search")

    def href(address: SearchAddress) -> str:
        told = urlencode(address.parameters(), doseq=True, safe=":,/")
        return f"{path}?{told}" if told else path

    return href


def _to(visit: Visit, address: SearchAddress) -> Response:
    return leave(_href(visit, address))


def _changed(address: SearchAddress, form: Form) -> SearchAddress | None:
    """Where a form of the page leads that sets a part of the picture, or bounds; None for a plain address."""
    if "left" in form.values:
        sides = (form.number(name, math.nan, least=0, most=100) for name in ("left", "top", "width", "height"))
        box = Box.parse(",".join(str(side / 100) for side in sides))
        return address.boxed(None if box == Box(0, 0, 1, 1) else box)
    document, where, _ = _filter_of(address)
    if where is not None and (path := form.text("bounds")):
        low, high = (_bound(form, name) for name in ("low", "high"))
        return address.filtered(building.write_document(building.with_bounds(document, path, low, high)))
    return None


def _bound(form: Form, name: str) -> str | float | int | None:
    text = form.text(name).strip()
    if not text:
        return None
    if form.text("kind") == "date":
        return text
    number = form.number(name, math.nan, least=-1e300, most=1e300)
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def _page(visit: Visit, address: SearchAddress, *, refused: str = "") -> Response:
    facets = facets_of(visit.runtime, visit.reached)
    document, where, filter_fault = _filter_of(address)
    found, fault, code = None, "", None
    if where is not None:
        try:
            found = _search(visit, address, where)
            code = _code(visit, address, document, where)
        except _TOLD as error:
            fault = str(error)
    href = _hrefs(visit)
    parts = Parts(address, document, facets, href)
    wrong = bool(refused or filter_fault or fault)
    return visit.render(
        "search/page.html",
        400 if wrong else 200,
        asked=address,
        composition=address.composition,
        refused=refused,
        fault=fault,
        filter_fault=filter_fault,
        filter_text=_indented(document, address.filter, filter_fault),
        found=found,
        tiles=parts.tiles(found.found) if found else [],
        facets=parts.shown_facets(address.facet),
        other_facets=[facet.path for facet in facets.facets],
        sampled=facets.sampled,
        conditions=parts.conditions(),
        code=code,
        href=href,
        pages=_pages(address, found),
        **_possible(visit, address, facets),
    )


def _possible(visit: Visit, address: SearchAddress, facets: Facets) -> dict[str, Any]:
    """What the page offers, for the collection and for what is searched for."""
    runtime, access = visit.runtime, visit.reached
    asked = address.composition
    takes_pictures = visit.collection.model.name != VECTORS
    size = query_pictures.size_of_kept(runtime, access.account_id, asked.picture) if asked.picture else None
    framed = None if asked.picture or not asked.more else asked.more[0]
    return {
        "takes_pictures": takes_pictures,
        "takes_text": takes_text(runtime, visit.collection),
        "picture_size": size,
        "framed_record": framed if takes_pictures else None,
        "from_original": bool(framed and asked.box) and query_pictures.has_original(runtime, access, framed or ""),
        "has_tags": facets.has_tags and bool(asked.more or asked.less),
        "product": visit.collection.product_field if address.product is None else address.product,
        "is_empty": facets.sampled == 0 and asked.is_empty and not address.filter,
    }


def _filter_of(address: SearchAddress) -> tuple[dict[str, Any], Filter | None, str]:
    """The filter's document and what it means, or what is wrong with it: then nothing can be built upon it."""
    try:
        document = building.read_document(address.filter)
        return document, parse_filter(document), ""
    except errors.InvalidRequest as error:
        return {}, None, str(error)


def _indented(document: dict[str, Any], text: str, fault: str) -> str:
    return text if fault else building.write_indented(document)


def _search(visit: Visit, address: SearchAddress, where: Filter) -> _Found:
    """A page, and whether another one follows."""
    began = time.perf_counter()
    offset = (address.page - 1) * PAGE_SIZE
    runtime, access = visit.runtime, visit.reached
    if address.composition.is_empty:
        newest = reading.newest(runtime, access, ALL, where=where, limit=PAGE_SIZE + 1, offset=offset)
        return _Found(newest[:PAGE_SIZE], len(newest) > PAGE_SIZE)
    wish = Wish(ALL, where, address.product)
    ranking = composed.search(runtime, access, address.composition, wish, k=PAGE_SIZE + 1, offset=offset)
    took = (time.perf_counter() - began) * 1000
    near = list(ranking.neighbours)
    distances = [one.distance for one in near[:PAGE_SIZE]]
    if address.within is not None:
        near = [one for one in near if one.distance <= address.within]
    # Without a filter it is a guess by the size of the table.
    counted = ranking.estimated is not None and not where.admits_everything
    about = f"about {ranking.estimated:,} records match, " if counted else ""
    exact = "exact" if ranking.exact else "nearly exact"
    manner = f"{about}{_WAYS[ranking.strategy]} ({exact}), {took:,.0f} ms"
    nearest, farthest = min(distances, default=0.0), max(distances, default=0.0)
    return _Found(near[:PAGE_SIZE], len(near) > PAGE_SIZE, manner, nearest, farthest)


def _code(visit: Visit, address: SearchAddress, document: dict[str, Any], where: Filter) -> Written:
    call = as_call.call_of(
        visit.runtime,
        visit.reached,
        address.composition,
        document,
        product=address.product,
        k=PAGE_SIZE,
        offset=(address.page - 1) * PAGE_SIZE,
    )
    return as_call.written(visit.runtime, visit.reached, call, where, request.url_root)


def _pages(address: SearchAddress, found: _Found | None) -> tuple[SearchAddress | None, SearchAddress | None]:
    """The page before and the one after."""
    before = replace(address, page=address.page - 1) if address.page > 1 else None
    after = found is not None and found.more and address.page < MOST_PAGES
    return before, replace(address, page=address.page + 1) if after else None
