"""Small views that several checks of one subject share; they live as long as the subject."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np

from studio.qa.subject import COARSE, Subject
from studio.qa.thumb import block_mean
from studio.take import U8

_DELIVERED: WeakKeyDictionary[Subject, U8] = WeakKeyDictionary()


def delivered(subject: Subject) -> U8:
    """The delivered picture at an eighth, uint8 (h, w, 3): means of blocks of 8 px."""
    if subject not in _DELIVERED:
        _DELIVERED[subject] = blocks(subject.final.rgb)
    return _DELIVERED[subject]


def blocks(rgb: U8) -> U8:
    """Means of blocks of 8 px of an uint8 (H, W, 3) picture."""
    return np.asarray(block_mean(rgb, COARSE), np.uint8)
