"""Facts of the file: what a marketplace's upload form looks at."""

from __future__ import annotations

from studio.qa.check import Check
from studio.qa.subject import Subject


def format_ok(subject: Subject) -> float:
    """1 when the bytes are the destination's format: accepted there, one frame, upright, RGB (RGBA where transparent)."""
    destination, header = subject.shot.destination, subject.header
    mode = "RGBA" if destination.background == "transparent" else "RGB"
    wanted = header.format == destination.encoding.format and header.format in destination.accepts
    return float(wanted and header.frames == 1 and header.orientation == 1 and header.mode == mode)


def width(subject: Subject) -> float:
    """Width in pixels."""
    return float(subject.header.size[0])


def height(subject: Subject) -> float:
    """Height in pixels."""
    return float(subject.header.size[1])


def pixels_longest(subject: Subject) -> float:
    """Longest side in pixels."""
    return float(max(subject.header.size))


def pixels_shortest(subject: Subject) -> float:
    """Shortest side in pixels."""
    return float(min(subject.header.size))


def megapixels(subject: Subject) -> float:
    """Width times height in millions."""
    return subject.header.size[0] * subject.header.size[1] / 1e6


def ratio_error(subject: Subject) -> float:
    """How far width : height is from the destination's, as a fraction."""
    w, h = subject.header.size
    return abs(w / h * subject.shot.destination.height / subject.shot.destination.width - 1.0)


def size_bytes(subject: Subject) -> float:
    """Size of the file in bytes."""
    return float(len(subject.take.encoded))


def icc_srgb(subject: Subject) -> float:
    """1 when the file says that it is sRGB, by an embedded profile or PNG's sRGB chunk."""
    return float(subject.header.srgb)


def subsampled(subject: Subject) -> float | None:
    """1 when a JPEG keeps colour at half resolution; only JPEGs are asked."""
    return None if subject.header.subsampled is None else float(subject.header.subsampled)


def has_source_type(subject: Subject) -> float:
    """1 when the XMP packet carries IPTC DigitalSourceType."""
    return float(b"DigitalSourceType" in subject.header.xmp)


def quality(subject: Subject) -> float | None:
    """Encoder quality that fitted the byte limit (100: lossless); noted by the step that encoded."""
    return subject.take.measurements.get("quality")


CHECKS = (
    Check("format_ok", "file", "0/1", "high", "format, mode, one frame, upright", format_ok),
    Check("width", "file", "px", "range", "width", width),
    Check("height", "file", "px", "range", "height", height),
    Check("ratio_error", "file", "fraction", "low", "distance from the destination's width : height", ratio_error),
    Check("pixels_longest", "file", "px", "range", "longest side", pixels_longest),
    Check("pixels_shortest", "file", "px", "range", "shortest side", pixels_shortest),
    Check("megapixels", "file", "MP", "range", "width times height", megapixels),
    Check("bytes", "file", "B", "low", "file size", size_bytes),
    Check("icc_srgb", "file", "0/1", "high", "the file says it is sRGB", icc_srgb),
    Check("subsampled", "file", "0/1", "low", "colour kept at half resolution", subsampled),
    Check("quality", "file", "1..100", "high", "encoder quality that fitted the byte limit", quality),
    Check("has_source_type", "file", "0/1", "high", "IPTC DigitalSourceType is present", has_source_type),
)
