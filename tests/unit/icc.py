"""A tiny maker of ICC version 2 profiles from public primaries (ICC.1:2001-04), for tests only."""

from __future__ import annotations

import struct

import numpy as np

D50 = np.array([0.9642, 1.0, 0.8249])
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
D65_XY = (0.3127, 0.3290)
ADOBE_RGB = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
DISPLAY_P3 = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
SRGB = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))


def xyz(xy: tuple[float, float]) -> np.ndarray:
    return np.array([xy[0] / xy[1], 1.0, (1 - xy[0] - xy[1]) / xy[1]])


def matrix(primaries: tuple[tuple[float, float], ...]) -> np.ndarray:
    """Linear RGB to XYZ under D65."""
    columns = np.stack([xyz(p) for p in primaries], axis=1)
    return columns * np.linalg.solve(columns, xyz(D65_XY))


def adapted(primaries: tuple[tuple[float, float], ...]) -> np.ndarray:
    """Linear RGB to XYZ under D50, by Bradford."""
    cone = np.diag(BRADFORD @ D50 / (BRADFORD @ xyz(D65_XY)))
    return np.linalg.inv(BRADFORD) @ cone @ BRADFORD @ matrix(primaries)


def s15(*values: float) -> bytes:
    return struct.pack(f">{len(values)}i", *(round(v * 65536) for v in values))


def xyz_tag(values: np.ndarray) -> bytes:
    return b"XYZ \0\0\0\0" + s15(*values)


def curve_tag(table: np.ndarray) -> bytes:
    levels = np.round(np.clip(table, 0, 1) * 65535).astype(">u2")
    return b"curv\0\0\0\0" + struct.pack(">I", len(levels)) + levels.tobytes()


def text_tags(name: str) -> dict[bytes, bytes]:
    ascii_name = name.encode() + b"\0"
    desc = b"desc\0\0\0\0" + struct.pack(">I", len(ascii_name)) + ascii_name + bytes(78)
    return {b"desc": desc, b"cprt": b"text\0\0\0\0none\0"}


def profile(kind: bytes, space: bytes, pcs: bytes, tags: dict[bytes, bytes]) -> bytes:
    offset, table, body = 128 + 4 + 12 * len(tags), b"", b""
    for name, data in tags.items():
        data += bytes(-len(data) % 4)
        table += name + struct.pack(">II", offset + len(body), len(data))
        body += data
    head = struct.pack(">I4sI4s4s4s", 0, b"none", 0x02100000, kind, space, pcs) + bytes(12) + b"acsp" + bytes(28) + s15(*D50)
    head = head.ljust(128, b"\0")
    data = head + struct.pack(">I", len(tags)) + table + body
    return struct.pack(">I", len(data)) + data[4:]


def rgb_profile(primaries: tuple[tuple[float, float], ...], curve: np.ndarray) -> bytes:
    columns = adapted(primaries).T
    tags = text_tags("made in a test") | {b"wtpt": xyz_tag(D50)}
    tags |= {name: xyz_tag(column) for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns, strict=True)}
    tags |= {name: curve_tag(curve) for name in (b"rTRC", b"gTRC", b"bTRC")}
    return profile(b"mntr", b"RGB ", b"XYZ ", tags)


def grey_profile(gamma: float) -> bytes:
    tags = text_tags("grey") | {b"wtpt": xyz_tag(D50), b"kTRC": curve_tag(np.linspace(0, 1, 1024) ** gamma)}
    return profile(b"mntr", b"GRAY", b"XYZ ", tags)


def cmyk_profile(corners: np.ndarray) -> bytes:
    """An `mft2` printer profile: Lab (2, 2, 2, 2, 3) at no and full ink of C, M, Y, K; everything between is interpolated."""
    clut = np.empty((16, 3))
    clut[:, 0] = corners.reshape(16, 3)[:, 0] / 100 * 0xFF00
    clut[:, 1:] = (corners.reshape(16, 3)[:, 1:] + 128) * 256
    ramp = np.array([0, 65535], ">u2").tobytes()
    lut = b"mft2\0\0\0\0" + bytes([4, 3, 2, 0]) + s15(1, 0, 0, 0, 1, 0, 0, 0, 1) + struct.pack(">HH", 2, 2)
    lut += ramp * 4 + np.round(clut).clip(0, 65535).astype(">u2").tobytes() + ramp * 3
    return profile(b"prtr", b"CMYK", b"Lab ", text_tags("cmyk") | {b"wtpt": xyz_tag(D50), b"A2B0": lut, b"A2B1": lut})
