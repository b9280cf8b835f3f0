"""The ColorChecker Classic: its 24 colours, and a correction of a photo by what it made of them."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from studio.imaging.colour import delta_e_2000, lab_to_linear, linear_to_u8, srgb_to_lab, u8_to_linear
from studio.imaging.tone import quick_u8
from studio.take import F32, U8

F64 = NDArray[np.float64]

COLUMNS, ROWS = 6, 4
_LAB_D50 = (
    (37.54, 14.37, 14.92), (64.66, 19.27, 17.50), (49.32, -3.82, -22.54),
    (43.46, -12.74, 22.72), (54.94, 9.61, -24.79), (70.48, -32.26, -0.37),
    (62.73, 35.83, 56.50), (39.43, 10.75, -45.17), (50.57, 48.64, 16.67),
    (30.10, 22.54, -20.87), (71.77, -24.13, 58.19), (71.51, 18.24, 67.37),
    (28.37, 15.42, -49.80), (54.38, -39.72, 32.27), (42.43, 51.05, 28.62),
    (81.80, 2.67, 80.41), (50.63, 51.28, -14.12), (49.57, -29.71, -28.32),
    (95.19, -1.03, 2.93), (81.29, -0.57, 0.44), (66.89, -0.75, -0.06),
    (50.76, -0.13, 0.14), (35.63, -0.46, -0.48), (20.64, 0.07, -0.46),
)  # fmt: skip
"""Row by row from dark skin to black, Lab under D50, 2 degrees: the maker's values for charts made since November 2014
(X-Rite, "New color specifications for ColorChecker SG and Classic charts"; i1Pro 2, M0)."""
_D50, _D65 = np.array([0.96422, 1.0, 0.82521]), np.array([0.95047, 1.0, 1.08883])
_CONES = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
"""Bradford's cone responses (Lam 1985), for the step from D50 to D65."""
DEEP = 0.02
"""Linear light below which errors weigh no more than at it: noise."""
STRIP = 256
"""Rows that are corrected at a time."""


@lru_cache(maxsize=1)
def reference() -> F64:
    """The 24 colours as Lab under D65, float64 (24, 3)."""
    lab = np.array(_LAB_D50)
    y = (lab[:, 0] + 16) / 116
    f = np.stack([y + lab[:, 1] / 500, y, y - lab[:, 2] / 200], axis=-1)
    ratio = np.where(f**3 > 216 / 24389, f**3, (116 * f - 16) / (24389 / 27))
    cones = np.diag((_CONES @ _D65) / (_CONES @ _D50))
    xyz = ratio * _D50 @ (np.linalg.inv(_CONES) @ cones @ _CONES).T / _D65
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    result = np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=-1)
    result.setflags(write=False)
    return result


def matrix_of(measured: F64) -> F64:
    """The 3 x 3 matrix that brings measured patches, linear light float64 (24, 3), nearest to the reference.

    Least squares in linear light, each patch weighted with the slope of the cube root at its luminance, so that equal errors
    are about equally visible.
    """
    wanted = lab_to_linear(reference())
    luminance = wanted @ np.array([0.2126, 0.7152, 0.0722])
    weight = (np.maximum(luminance, DEEP) ** (-2 / 3))[:, None]
    solution, *_ = np.linalg.lstsq(measured * weight, wanted * weight, rcond=None)
    return np.asarray(solution.T)


def errors_of(measured: F64) -> F32:
    """CIEDE2000 of measured patches, linear light (24, 3), to the reference, float32 (24,)."""
    return delta_e_2000(srgb_to_lab(linear_to_u8(measured)), reference())


def corrected(rgb: U8, matrix: F64) -> U8:
    """A photo uint8 (H, W, 3) under a 3 x 3 matrix in linear light; what leaves 0..1 is clipped."""
    result = np.empty_like(rgb)
    turn = matrix.T.astype(np.float32)
    for top in range(0, rgb.shape[0], STRIP):
        result[top : top + STRIP] = quick_u8(u8_to_linear(rgb[top : top + STRIP]) @ turn)
    return result
