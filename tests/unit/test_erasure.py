"""What goes from the store, over any mixture of products that share photos, cut-outs and pictures; and that no table is forgotten."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Table

from connectors import audit_tables, review_tables, tables
from connectors.erasure.actions import Traces, doomed
from connectors.erasure.rows import IMAGES, KEPT, PARENTS, PUBLISHED
from connectors.erasure.subject import Subject, digests_in, photos_in, sources_in
from connectors.online import tables as online
from studio.keys import digest_of

assert audit_tables.audit_lines is not None
assert review_tables.review_items is not None
EVERY = [*tables.metadata.sorted_tables, *online.metadata.sorted_tables]
SAID = {"sku", "order_id", "shot_id"}
"""Columns by which the rules know whose a row is."""


class Store:
    """An inventory in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[str, bytes]] = {"actions": {}, "blobs": {}}

    def actions(self) -> Iterator[tuple[str, bytes]]:
        return iter(list(self.kept["actions"].items()))

    def blobs(self) -> Iterator[str]:
        return iter(list(self.kept["blobs"]))

    def drop(self, kind: str, key: str) -> None:
        self.kept[kind].pop(key, None)

    def blob(self, name: str) -> str:
        self.kept["blobs"][digest_of(name)] = name.encode()
        return digest_of(name)


@pytest.mark.parametrize("table", EVERY, ids=lambda table: table.name)
def test_every_table_has_a_rule(table: Table) -> None:
    """A new table either holds nothing of a product, or says whose its rows are; else an erasure would pass it over."""
    ruled = table.name in KEPT or table.name in PARENTS or table.name in (IMAGES, *PUBLISHED)
    assert ruled or SAID & set(table.columns.keys()), f"say in connectors/erasure/rows.py whose rows {table.name} has"


def test_kept_tables_name_no_product() -> None:
    for table in EVERY:
        if table.name in KEPT:
            assert not SAID & set(table.columns.keys()), table.name


def shot(store: Store, photo: str, look: str) -> tuple[str, set[str]]:
    """A shot as the renderer keeps it: its action, the cut-out's, their blobs. Returns key and all digests of its blobs."""
    source, cut, matte = store.blob(f"small {photo}"), store.blob(f"cut {photo}"), store.blob(f"matte {photo}")
    previews = {"source": source, "cutout": cut}
    store.kept["actions"][digest_of(["cutout", photo])] = json.dumps({"blob": matte, "previews": previews}).encode()
    key = digest_of(["shot", photo, look])
    asset, result = store.blob(f"{photo} in {look}"), store.blob(f"small {photo} in {look}")
    report = {"previews": {**previews, "result": result}}
    store.kept["actions"][key] = json.dumps({"status": "released", "asset": {"digest": asset}, "report": report}).encode()
    return key, {source, cut, matte, asset, result}


shops = st.dictionaries(
    st.sampled_from(["A", "B", "C", "D"]),
    st.sets(st.tuples(st.sampled_from("pqrs"), st.sampled_from(["white", "wood"])), min_size=1, max_size=4),
    min_size=1,
)


@given(shop=shops, gone=st.sampled_from(["A", "B", "C", "D"]))
def test_what_is_theirs_alone_goes_and_what_is_shared_stays(shop: dict[str, set[tuple[str, str]]], gone: str) -> None:
    store, traces = Store(), Traces()
    blobs: dict[str, set[str]] = {sku: set() for sku in shop}
    for sku, shots in shop.items():
        for photo, look in sorted(shots):
            key, made = shot(store, photo, look)
            blobs[sku] |= made
            row = {"sku": sku, "key": key, "outcome": json.loads(store.kept["actions"][key])}
            if sku == gone:
                traces.take(row)
                traces.keys.add(key)
            else:
                traces.claimed |= digests_in(row)
    answer = store.blob("an enlargement of somebody's photo")
    store.kept["actions"]["answer-1"] = answer.encode()
    going = doomed(store, traces)
    theirs, others = blobs.get(gone, set()), set().union(*(found for sku, found in blobs.items() if sku != gone))
    assert theirs - others <= set(going.blobs), "everything that only they have"
    assert not set(going.blobs) & others, "nothing that somebody else has"
    assert (going.unsigned, answer in going.blobs) == (1, True), "what says no photo may be theirs"
    for key in going.actions:
        store.drop("actions", key)
    left = {digest for _, value in store.actions() for digest in digests_in(value.decode())}
    assert left <= set(store.kept["blobs"]) - set(going.blobs), "no action names a blob that has gone"


def test_a_signed_copy_goes_with_its_picture() -> None:
    store, traces = Store(), Traces()
    key, _ = shot(store, "p", "white")
    asset, copy, other = digest_of("p in white"), store.blob("signed p"), store.blob("signed q")
    store.kept["actions"]["signed-p"] = json.dumps({"of": asset, "signed": copy}).encode()
    store.kept["actions"]["signed-q"] = json.dumps({"of": store.blob("q in white"), "signed": other}).encode()
    traces.take({"key": key, "outcome": json.loads(store.kept["actions"][key])})
    traces.keys.add(key)
    going = doomed(store, traces)
    assert copy in going.blobs
    assert other not in going.blobs


def test_blobs_of_the_library_stay() -> None:
    store, traces = Store(), Traces()
    backdrop = store.blob("a backdrop that every look has")
    traces.take({"template": {"background": {"digest": backdrop}}})
    assert doomed(store, traces, keep={backdrop}).blobs == ()
    assert doomed(store, traces).blobs == (backdrop,)


json_values = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
)


@given(around=json_values, depth=st.integers(0, 4))
def test_a_product_or_photo_is_found_wherever_it_is(around: object, depth: int) -> None:
    photo = "ab" * 32
    for inner in ({"sku": "MUG-1"}, {"uri": f"blob:{photo}"}, {"uri": "https://x/y", "digest": photo}):
        value: object = inner
        for _ in range(depth):
            value = [around, {"deeper": value}]
        subject = Subject(skus=frozenset({"MUG-1"})) if "sku" in inner else Subject(photos=frozenset({photo}))
        assert subject.shown_in(value)
    assert not Subject(skus=frozenset({"MUG-1"})).shown_in({"sku": "MUG-10", "bundle": ["MUG-1"]})


def test_photos_and_small_pictures_are_read_from_any_record() -> None:
    photo, small = "cd" * 32, "ef" * 32
    row = {"spec": {"setups": [{"images": [{"uri": f"blob:{photo}", "digest": ""}]}]}, "report": {"previews": {"source": small}}}
    assert (list(photos_in(row)), list(sources_in(row))) == ([(f"blob:{photo}", photo)], [small])
