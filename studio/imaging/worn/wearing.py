"""Where on a person an accessory goes, how large, and which way up: from the landmarks of body and face.

Body measures are means of adults: distance of the pupils 63 mm (Dodgson 2004), width between the ears' tragions 140 mm, wrist
breadth 58 mm (ANSUR II, 2012, women and men together, rounded).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from studio.body import (
    LEFT_ELBOW,
    LEFT_KNUCKLE,
    LEFT_SHOULDER,
    LEFT_WRIST,
    MOUTH_LEFT,
    MOUTH_RIGHT,
    RIGHT_ELBOW,
    RIGHT_KNUCKLE,
    RIGHT_SHOULDER,
    RIGHT_WRIST,
    Face,
    Wearer,
)
from studio.briefs.on_model import OnModelBrief
from studio.errors import MissingInput
from studio.take import F32

PUPILS_MM, EARS_MM, WRIST_MM = 63.0, 140.0, 58.0
USUAL_MM = {"glasses": 142.0, "hat": 185.0, "earrings": 14.0, "necklace": 150.0, "watch": 40.0, "bag": 360.0}
"""Widths where neither product nor brief tells: glasses, a hat over hair, a drop, a 45 cm chain as worn, a watch case, a tote."""
BROW_MM, LOBE_MM, NECK = 34.0, 16.0, 0.30
"""A hat's edge above the pupils, an ear's lobe below the tragion, and how far from the shoulders' line to the mouth a necklace
begins."""
SEEN, SURE = 0.5, 0.4
"""Visibility of a joint, and presence of a person, from which they are used."""


@dataclass(frozen=True, slots=True)
class Hold:
    """One place for an item: the point `grip` (shares of the item's box) lies on `at` (pixels of the person's photo), the item is
    `width` pixels wide and turned clockwise. `arm`: half the width, in pixels, of the arm that it bends around; 0: none.
    `hand`: the point and the radius of a hand that lies over it."""

    at: tuple[float, float]
    grip: tuple[float, float]
    width: float
    turn_deg: float
    arm: float = 0.0
    hand: tuple[float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class Fitting:
    """All places of one product on a person. `scale` is pixels a millimetre at the person; `frontal` 1 for a face or trunk seen
    straight on, 0 from the side; `assumed` whether the width is only what is usual; `sure` the least sure landmark used."""

    holds: tuple[Hold, ...]
    scale: float
    frontal: float
    assumed: bool
    sure: float


@dataclass(frozen=True, slots=True)
class _Task:
    """What a place is worked out from; `width` in millimetres."""

    wearer: Wearer
    brief: OnModelBrief
    width: float
    where: str


def fitting(wearer: Wearer, brief: OnModelBrief, *, width_mm: float | None, sku: str, where: str) -> Fitting:
    """Where the item of a brief goes. `width_mm` is the product's own. Raises MissingInput that names the product and the photo
    when the part of the body that it needs is not seen."""
    known = width_mm or brief.width_mm
    task = _Task(wearer, brief, known or USUAL_MM[brief.item], f"{sku}: {where}")
    holds, scale, frontal, sure = PLACES[brief.item](task)
    nudge = brief.nudge
    moved = tuple(
        Hold(
            (hold.at[0] + nudge.x_mm * scale, hold.at[1] + nudge.y_mm * scale),
            hold.grip,
            hold.width * nudge.scale,
            hold.turn_deg + nudge.turn_deg,
            hold.arm,
            hold.hand,
        )
        for hold in holds
    )
    return Fitting(moved, scale, frontal, known is None, sure)


Places = tuple[tuple[Hold, ...], float, float, float]
"""Holds, pixels a millimetre, how frontal, how sure."""


def face_of(task: _Task) -> Face:
    """The largest face. Raises MissingInput without one."""
    if not task.wearer.faces:
        raise MissingInput(f"{task.where} shows no face for {task.brief.item}; give a photo with the face seen from the front")
    return max(task.wearer.faces, key=lambda face: face.box[2])


def face_scale(face: Face) -> float:
    """Pixels a millimetre at a face: the wider of two measures, since a turned head narrows both."""
    right_eye, left_eye, _, _, right_ear, left_ear = face.points
    return float(max(np.linalg.norm(left_eye - right_eye) / PUPILS_MM, np.linalg.norm(left_ear - right_ear) / EARS_MM))


def frontal(face: Face) -> float:
    """1 where the nose lies in the middle between the ears, 0 where it lies at one of them."""
    along = face.points[4] - face.points[5]
    part = float(np.dot(face.points[2] - face.points[5], along) / max(float(np.dot(along, along)), 1e-6))
    return float(np.clip(1 - abs(2 * part - 1), 0, 1))


def body_scale(wearer: Wearer) -> float:
    """Pixels a millimetre at the trunk: how much larger the landmarks lie apart than the network's metric ones, joint by joint,
    for joints that are seen. Median over all pairs."""
    pose = wearer.pose
    rows = [row for row in range(len(pose.points)) if row > MOUTH_RIGHT and pose.points[row, 2] > SEEN]
    first, second = np.triu_indices(len(rows), 1)
    flat, metric = pose.points[rows, :2], pose.world[rows, :2]
    long = np.linalg.norm(metric[first] - metric[second], axis=1)
    ratio = np.linalg.norm(flat[first] - flat[second], axis=1)[long > 0.08] / long[long > 0.08]
    return float(np.median(ratio)) / 1000 if ratio.size else 0.0


def _level(left: F32, right: F32) -> float:
    """Degrees clockwise by which a line is turned; `right` is the end on the picture's right."""
    return float(np.degrees(np.arctan2(right[1] - left[1], right[0] - left[0])))


def _up(turn_deg: float) -> F32:
    angle = np.radians(turn_deg)
    return np.array([np.sin(angle), -np.cos(angle)], np.float32)


def _glasses(task: _Task) -> Places:
    face = face_of(task)
    scale, (right, left) = face_scale(face), face.points[:2]
    middle = (right + left) / 2
    hold = Hold((float(middle[0]), float(middle[1])), (0.5, 0.44), task.width * scale, _level(right, left))
    return (hold,), scale, frontal(face), face.score


def _hat(task: _Task) -> Places:
    face = face_of(task)
    scale, (right, left) = face_scale(face), face.points[:2]
    turn = _level(right, left)
    brow = (right + left) / 2 + _up(turn) * BROW_MM * scale
    return (Hold((float(brow[0]), float(brow[1])), (0.5, 1.0), task.width * scale, turn),), scale, frontal(face), face.score


def _earrings(task: _Task) -> Places:
    """One below each ear that the nose is not nearer to than a third of the ears' distance: the other is turned away."""
    face = face_of(task)
    scale, ears, nose = face_scale(face), face.points[4:6], face.points[2]
    far = [ear for ear in ears if np.linalg.norm(ear - nose) > EARS_MM * scale / 3]
    holds = [Hold((float(ear[0]), float(ear[1]) + LOBE_MM * scale), (0.5, 0.0), task.width * scale, 0.0) for ear in far]
    if not holds:
        raise MissingInput(f"{task.where} shows no ear; give a photo in which one is seen")
    return tuple(holds), scale, frontal(face), face.score


def _need(task: _Task, what: str, *rows: int) -> float:
    pose = task.wearer.pose
    sure = min(pose.presence, pose.sees(*rows))
    if pose.presence < SURE or pose.sees(*rows) < SEEN:
        raise MissingInput(f"{task.where} shows no {what} for {task.brief.item}; give a photo in which it is seen")
    return sure


def _trunk(task: _Task) -> float:
    scale = face_scale(face_of(task)) if task.wearer.faces else body_scale(task.wearer)
    if scale <= 0:
        raise MissingInput(f"{task.where} shows too little of a body to tell its size; give a photo that shows more")
    return scale


def _necklace(task: _Task) -> Places:
    face_of(task)
    sure, pose, scale = _need(task, "neck", LEFT_SHOULDER, RIGHT_SHOULDER), task.wearer.pose, _trunk(task)
    left, right = pose.at(LEFT_SHOULDER), pose.at(RIGHT_SHOULDER)
    mouth = (pose.at(MOUTH_LEFT) + pose.at(MOUTH_RIGHT)) / 2
    neck = (left + right) / 2 * (1 - NECK) + mouth * NECK
    turn = _level(right, left)
    turn = turn if abs(turn) < 45 else 0.0
    wide = float(np.linalg.norm(pose.world[LEFT_SHOULDER] - pose.world[RIGHT_SHOULDER]))
    facing = float(np.clip(np.linalg.norm(left - right) / max(1000 * wide * scale, 1e-6), 0, 1))
    return (Hold((float(neck[0]), float(neck[1])), (0.5, 0.0), task.width * scale, turn),), scale, facing, sure


def _side(task: _Task, left: tuple[int, ...], right: tuple[int, ...]) -> tuple[int, ...]:
    """The rows of the side that the brief names, or that is seen better."""
    if task.brief.side != "auto":
        return left if task.brief.side == "left" else right
    pose = task.wearer.pose
    return left if pose.sees(*left) >= pose.sees(*right) else right


def _watch(task: _Task) -> Places:
    elbow, wrist = _side(task, (LEFT_ELBOW, LEFT_WRIST), (RIGHT_ELBOW, RIGHT_WRIST))
    sure, pose, scale = _need(task, "wrist", elbow, wrist), task.wearer.pose, _trunk(task)
    along = pose.at(wrist) - pose.at(elbow)
    along = along / max(float(np.linalg.norm(along)), 1e-6)
    centre = pose.at(wrist) - along * 30 * scale
    turn = float(np.degrees(np.arctan2(along[1], along[0])))
    straight = (turn + 90) % 180 - 90
    hold = Hold((float(centre[0]), float(centre[1])), (0.5, 0.5), task.width * scale, straight, arm=WRIST_MM * scale / 2)
    return (hold,), scale, 1.0, sure


def _bag(task: _Task) -> Places:
    wrist, knuckle = _side(task, (LEFT_WRIST, LEFT_KNUCKLE), (RIGHT_WRIST, RIGHT_KNUCKLE))
    sure, pose, scale = _need(task, "hand", wrist, knuckle), task.wearer.pose, _trunk(task)
    hand = pose.at(wrist) * 0.25 + pose.at(knuckle) * 0.75
    point = float(hand[0]), float(hand[1])
    return (Hold(point, (0.5, 0.02), task.width * scale, 0.0, hand=(*point, 55 * scale)),), scale, 1.0, sure


PLACES: dict[str, Callable[[_Task], Places]] = {
    "glasses": _glasses,
    "hat": _hat,
    "earrings": _earrings,
    "necklace": _necklace,
    "watch": _watch,
    "bag": _bag,
}
