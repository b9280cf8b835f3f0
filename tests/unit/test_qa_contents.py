"""Fingerprints of pictures and the groups they make, and what is counted in a picture."""

from __future__ import annotations

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.imaging.glance import glance
from studio.product import Product
from studio.qa.checks.contents import ALIKE, HASH_BITS, apart, cropped_edges, duplicates, parts, phash, surplus_parts
from studio.qa.checks.cutout import strays
from studio.qa.subject import Subject
from studio.take import Matte, Take
from tests.unit.test_qa_checks import SIDE, as_png, ellipse, finished

HASHES = st.integers(0, 2**HASH_BITS - 1)


def two_things(small: int) -> Take:
    """Two ellipses side by side; the second one `small` pixels wide and high."""
    take = finished()
    alpha = np.maximum(ellipse(SIDE, SIDE, (40, 200, 240, 240)), ellipse(SIDE, SIDE, (380, 320, small, small)))
    placed = take.need_placed()
    take.matte = Matte(alpha, placed.rgb, 0.05, "u2netp")
    take.placed = type(placed)(placed.rgb, alpha, 1.0, (40, 200, 340 + small, 240))
    return as_png(take)


def test_separate_things_are_counted_and_specks_are_not() -> None:
    assert parts(Subject(as_png(finished()))) == 1
    assert parts(Subject(two_things(200))) == 2
    assert parts(Subject(two_things(60))) == 1


def test_the_products_own_data_says_how_many_there_may_be() -> None:
    take = two_things(200)
    assert surplus_parts(Subject(take)) == 0
    for said, surplus in (("1", 1), ("2", 0), ("3", 0), ("a pair", 0)):
        take.shot = take.shot.model_copy(update={"product": Product(sku="A", attributes={"pieces": said})})
        assert surplus_parts(Subject(take)) == surplus


def test_parts_that_the_data_knows_are_no_strays() -> None:
    take = two_things(60)
    assert strays(Subject(take)) > 0.02
    for said, kept in (("1", False), ("2", True)):
        take.shot = take.shot.model_copy(update={"product": Product(sku="A", attributes={"pieces": said})})
        assert (strays(Subject(take)) == 0) is kept


def test_a_thin_pole_links_its_ends() -> None:
    take = two_things(60)
    placed = take.need_placed()
    alpha = placed.alpha.copy()
    alpha[348:350, 260:420] = 1
    take.placed = type(placed)(placed.rgb, alpha, 1.0, placed.box)
    assert strays(Subject(as_png(take))) == 0


def test_a_part_that_the_photos_edge_cuts_came_along() -> None:
    take = two_things(150)
    assert strays(Subject(take)) == 0
    placed = take.need_placed()
    alpha = np.maximum(ellipse(SIDE, SIDE, (40, 200, 240, 240)), ellipse(SIDE, SIDE, (SIDE - 130, 320, 150, 150)))
    take.matte = Matte(alpha, placed.rgb, 0.05, "u2netp")
    take.glance = glance(placed.rgb)
    assert strays(Subject(take)) > 0.1


def test_edges_of_the_photo_that_cut_the_product() -> None:
    assert cropped_edges(Subject(as_png(finished()))) == 0
    assert cropped_edges(Subject(as_png(finished(box=(124, -80, 392, 448))))) == 1


def test_a_fingerprint_survives_the_encoder_and_size_and_tells_pictures_apart() -> None:
    first = as_png(finished())
    mark = phash(Subject(first))
    assert 0 <= mark < 2**HASH_BITS
    assert mark == int(mark)
    image = first.need_image()
    soft = cv2.resize(cv2.resize(image, (300, 300), interpolation=cv2.INTER_AREA), (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
    assert apart(mark, phash(Subject(as_png(finished(), np.asarray(soft, np.uint8))))) <= ALIKE
    assert apart(mark, phash(Subject(as_png(finished(box=(40, 240, 560, 240)))))) > 2 * ALIKE


@given(HASHES, HASHES)
def test_distance_is_symmetric_and_zero_for_the_same(one: int, other: int) -> None:
    assert apart(one, other) == apart(other, one) <= HASH_BITS
    assert apart(one, one) == 0


@settings(max_examples=60, deadline=None)
@given(st.lists(HASHES, max_size=12), st.data())
def test_every_pair_that_is_alike_is_in_one_group(values: list[int], data: st.DataObject) -> None:
    """Also when up to four bits of a hash are flipped anywhere."""
    hashes = {f"p{i}": float(value) for i, value in enumerate(values)}
    if values:
        bits = data.draw(st.sets(st.integers(0, HASH_BITS - 1), max_size=ALIKE))
        hashes["copy"] = float(values[0] ^ sum(1 << bit for bit in bits))
    groups = duplicates(hashes)
    group = {name: number for number, names in enumerate(groups) for name in names}
    for one in hashes:
        for other in hashes:
            if one != other and apart(hashes[one], hashes[other]) <= ALIKE:
                assert group[one] == group[other]
    assert all(len(names) > 1 and list(names) == sorted(names) for names in groups)
    assert sum(map(len, groups)) == len(group)
