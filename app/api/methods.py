"""The methods of a service: for each its request, what it needs, and the service call that it is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Response, request
from marshmallow import Schema

from app import __version__
from app.api import ranking_schemas, schemas
from app.api.answers import answer, listing, processing, streamed_listing
from app.api.status import DELETED, OK, RECORDS_FOUND, status_of_insertion, status_of_selection
from app.domain.account import Access
from app.services import (
    attribute_indexes,
    duplicates,
    exporting,
    guarded_inserting,
    inserting,
    near_duplicates,
    ranking,
    record_ranking,
    records,
    searching,
    status,
)
from app.services.access import require_collection
from app.services.runtime import Runtime

Arguments = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Method:
    """A method: ``call`` takes the runtime, the access and the checked fields of the request."""

    call: Callable[[Runtime, Access, Arguments], Response]
    schema: type[Schema] = schemas.Request
    writes: bool = False
    answers_get: bool = False


def _insert(runtime: Runtime, access: Access, arguments: Arguments) -> Response:
    done = inserting.insert(runtime, access, arguments["records"], arguments["fields_to_return"])
    return processing(status_of_insertion(len(done.answer), done.skipped), done.answer, done.skipped)


def _delete(runtime: Runtime, access: Access, arguments: Arguments) -> Response:
    done = records.delete(runtime, access, arguments["records"])
    code = status_of_selection(len(done.answer), done.skipped, all_found=DELETED)
    return processing(code, done.answer, done.skipped)


def _get(runtime: Runtime, access: Access, arguments: Arguments) -> Response:
    done = records.get(runtime, access, arguments["records"], arguments["fields_to_return"])
    code = status_of_selection(len(done.answer), done.skipped, all_found=RECORDS_FOUND)
    return processing(code, done.answer, done.skipped)


def _update(runtime: Runtime, access: Access, arguments: Arguments) -> Response:
    done = records.update(runtime, access, arguments["records"], arguments["fields_to_return"])
    code = status_of_selection(len(done.answer), done.skipped, all_found=RECORDS_FOUND)
    return processing(code, done.answer, done.skipped)


def _get_record_count(runtime: Runtime, access: Access, arguments: Arguments) -> Response:
    return answer(answer_count=records.count(runtime, require_collection(access)))


def _find(runtime: Runtime, access: Access, arguments: Arguments) -> Response:
    return listing(
        records.find(
            runtime,
            access,
            arguments["fields_to_return"],
            where=arguments["filter"],
            limit=arguments["limit"],
            offset=arguments["offset"],
        )
    )


def _random(runtime: Runtime, access: Access, arguments: Arguments) -> Response:
    wanted, where = arguments["fields_to_return"], arguments["filter"]
    return listing(records.random(runtime, access, wanted, where=where, count=arguments["count"]))


def _delete_by_filter(runtime: Runtime, access: Access, arguments: Arguments) -> Response:
    wanted, where = arguments["fields_to_return"], arguments["filter"]
    return listing(records.delete_matching(runtime, access, wanted, where=where), DELETED)


def _all_records(runtime: Runtime, access: Access, arguments: Arguments) -> Response:
    wanted, where, file = arguments["fields_to_return"], arguments["filter"], arguments["output_file_name"]
    if not {"size", "page"} & request.args.keys():
        batches = records.everything(runtime, access, wanted, where=where)
        if file is not None:
            keep = not arguments["delete_file_after"]
            batches = exporting.written_to_file(runtime, access, file, batches, keep=keep)
        return streamed_listing(batches, output_file_name=file)
    paging = schemas.load(schemas.AllRecordsPage, request.args)
    page = records.page(runtime, access, wanted, where=where, size=paging["size"], number=paging["page"])
    following = None
    if page.more:
        following = f"{request.base_url}?size={paging['size']}&page={paging['page'] + 1}"
    return listing(page.answer, next=following)


def _visual_knn(runtime: Runtime, access: Access, arguments: Arguments) -> Response:
    options = {"where": arguments["filter"], "product_field": arguments["product_field"]}
    return _ranked(
        searching.visual_knn(runtime, access, arguments["query_record"], **_paging(arguments), **options)
    )


def _range(runtime: Runtime, access: Access, arguments: Arguments) -> Response:
    found = searching.within_radius(
        runtime,
        access,
        arguments["query_record"],
        arguments["fields_to_return"],
        radius=arguments["radius"],
        effort=arguments["effort"],
        where=arguments["filter"],
        product_field=arguments["product_field"],
    )
    return _ranked(found, truncated=found.truncated or None)


def _text_knn(runtime: Runtime, access: Access, arguments: Arguments) -> Response:
    options = {"where": arguments["filter"], "product_field": arguments["product_field"]}
    return _ranked(searching.text_knn(runtime, access, arguments["query_record"], **_paging(arguments), **options))


def _visual_knn_multi(runtime: Runtime, access: Access, arguments: Arguments) -> Response:
    return _ranked(
        ranking.knn_multi(
            runtime,
            access,
            arguments["query_records"],
            where=arguments["filter"],
            aggregation=arguments["aggregation"],
            tags_weight=arguments.get("tags_weight"),
            **_paging(arguments),
        )
    )


def _visual_tags_knn(runtime: Runtime, access: Access, arguments: Arguments) -> Response:
    return _ranked(
        ranking.tags_knn(
            runtime,
            access,
            arguments["query_record"],
            where=arguments["filter"],
            tags_weight=arguments["tags_weight"],
            **_paging(arguments),
        )
    )


def _visual_rank_records(runtime: Runtime, access: Access, arguments: Arguments) -> Response:
    ranked = record_ranking.rank_records(
        runtime, access, arguments["query_record"], arguments["records"], arguments["fields_to_return"]
    )
    code = OK if ranked.answer else status_of_selection(0, ranked.skipped, all_found=OK)
    members = {"answer_distances": ranked.distances, "answer_positions": ranked.positions}
    return processing(code, ranked.answer, ranked.skipped, **members)


def _paging(arguments: Arguments) -> dict[str, Any]:
    return {
        "fields": arguments["fields_to_return"],
        "k": arguments["k"],
        "offset": arguments["offset"],
        "effort": arguments["effort"],
    }


def _ranked(found: searching.Ranking, **members: Any) -> Response:
    statistics = {"strategy": found.strategy, "exact": found.exact, "estimated": found.estimated}
    return listing(found.answer, answer_distances=found.distances, statistics=statistics, **members)


def _near_duplicates(runtime: Runtime, access: Access, arguments: Arguments) -> Response:
    found = near_duplicates.near_duplicates_of(
        runtime,
        access,
        arguments["query_record"],
        arguments["fields_to_return"],
        radius=arguments["radius"],
        effort=arguments["effort"],
        where=arguments["filter"],
    )
    return listing(
        found.near.answer,
        answer_distances=found.near.distances,
        answer_signals=[signal.value for signal in found.near.signals],
        truncated=found.truncated or None,
    )


def _near_dups_insert(runtime: Runtime, access: Access, arguments: Arguments) -> Response:
    done = guarded_inserting.insert_guarded(
        runtime,
        access,
        arguments["records"],
        arguments["fields_to_return"],
        radius=arguments["radius"],
        effort=arguments["effort"],
    )
    return processing(status_of_insertion(len(done.answer), done.skipped), done.answer, done.skipped)


def _all_near_dup_pairs(runtime: Runtime, access: Access, arguments: Arguments) -> Response:
    page = duplicates.all_near_duplicate_pairs(
        runtime,
        access,
        arguments["fields_to_return"],
        radius=arguments["radius"],
        where=arguments["filter"],
        limit=arguments["k"],
        offset=arguments["offset"],
    )
    return answer(
        answer_records=page.answer,
        answer_count=len(page.answer),
        answer_distances=page.distances,
        answer_signals=page.signals,
        statistics={} if page.stored_at is None else {"PairsStoredAt": page.stored_at},
    )


def _create_index(runtime: Runtime, access: Access, arguments: Arguments) -> Response:
    made = attribute_indexes.create_index(runtime, require_collection(access), arguments["attribute"])
    return answer(attribute=arguments["attribute"], created=made)


def _drop_index(runtime: Runtime, access: Access, arguments: Arguments) -> Response:
    attribute_indexes.drop_index(runtime, require_collection(access), arguments["attribute"])
    return answer(attribute=arguments["attribute"], dropped=True)


def _list_indexes(runtime: Runtime, access: Access, arguments: Arguments) -> Response:
    found = attribute_indexes.list_indexes(runtime, require_collection(access))
    return answer(indexes=[{"attribute": ".".join(index.path), "ready": index.ready} for index in found])


def ping(runtime: Runtime) -> Response:
    """ping: needs neither token nor collection."""
    server = status.describe_database(runtime)
    return answer(info=f"Lookalike {__version__}, HNSW indexes of {server}")


METHODS: Mapping[str, Method] = {
    "insert": Method(_insert, schemas.Insert, writes=True),
    "delete": Method(_delete, schemas.Delete, writes=True),
    "get": Method(_get, schemas.Get),
    "update": Method(_update, schemas.Update, writes=True),
    "find": Method(_find, schemas.Find),
    "random": Method(_random, schemas.Random),
    "deleteByFilter": Method(_delete_by_filter, schemas.DeleteByFilter, writes=True),
    "getRecordCount": Method(_get_record_count, answers_get=True),
    "allRecords": Method(_all_records, schemas.AllRecords),
    "visualKNN": Method(_visual_knn, schemas.VisualKnn),
    "visualKNNMulti": Method(_visual_knn_multi, ranking_schemas.VisualKnnMulti),
    "visualTagsKNN": Method(_visual_tags_knn, ranking_schemas.VisualTagsKnn),
    "visualTagsKNNMulti": Method(_visual_knn_multi, ranking_schemas.VisualTagsKnnMulti),
    "visualRankRecords": Method(_visual_rank_records, ranking_schemas.VisualRankRecords),
    "textKNN": Method(_text_knn, ranking_schemas.TextKnn),
    "nearDuplicates": Method(_near_duplicates, schemas.NearDuplicates),
    "nearDupsInsert": Method(_near_dups_insert, schemas.NearDupsInsert, writes=True),
    "allNearDupPairs": Method(_all_near_dup_pairs, schemas.AllNearDupPairs),
    "range": Method(_range, schemas.Range),
    "createIndex": Method(_create_index, schemas.AttributeIndex, writes=True),
    "dropIndex": Method(_drop_index, schemas.AttributeIndex, writes=True),
    "listIndexes": Method(_list_indexes),
}
