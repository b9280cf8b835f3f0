"""The size of an AVIF, as its boxes and as the AV1 stream inside promise it; decoders allocate by the latter."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from studio.errors import CorruptImage, TruncatedImage

Size = tuple[int, int]

_CONTAINERS = {b"meta": 4, b"iprp": 0, b"ipco": 0, b"iinf": -1}
_SEQUENCE_HEADER = 1


def avif_size(data: bytes) -> Size:
    """The largest image spatial extent (ISO/IEC 23008-12, 6.5.3) or AV1 sequence (AV1 specification, 5.5.1) in the file."""
    best, locations, av1_items, idat = (0, 0), b"", set[int](), 0
    for kind, start, end in _boxes(data, 0, len(data)):
        if kind == b"ispe":
            best = max(best, struct.unpack_from(">II", data, start + 4), key=_area)
        elif kind == b"infe" and data[start] >= 2:
            wide = data[start] >= 3
            item, _, item_type = struct.unpack_from(">IH4s" if wide else ">HH4s", data, start + 4)
            av1_items |= {item} if item_type == b"av01" else set()
        elif kind == b"iloc":
            locations = data[start:end]
        elif kind == b"idat":
            idat = start
        elif end > len(data):
            raise TruncatedImage("the AVIF has fewer bytes than its boxes say")
    streams: dict[int, bytes] = {}
    for item, inside, at, length in _extents(locations) if locations else ():
        if item in av1_items:
            begin = at + (idat if inside else 0)
            streams[item] = streams.get(item, b"") + data[begin : begin + length if length else None]
    return max([best, *(size for stream in streams.values() for size in _sequences(stream))], key=_area)


def as_still(data: bytes) -> bytes:
    """The same file as a still picture: the primary item is read, never the frames of a sequence (ISO/IEC 23000-22)."""
    return data[:8] + b"avif" + data[12:]


def _boxes(data: bytes, at: int, stop: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and end of the contents of every box, containers opened; inner boxes stay within their container."""
    while at + 8 <= stop:
        size, kind = struct.unpack_from(">I4s", data, at)
        start = at + 8
        if size == 1:
            size, start = struct.unpack_from(">Q", data, at + 8)[0], at + 16
        end = at + size if size else stop
        if end < start:
            raise CorruptImage(f"the box {kind!r} is smaller than its own header")
        if kind in _CONTAINERS:
            skip = _CONTAINERS[kind] if kind != b"iinf" else 8 if data[start] else 6
            yield from _boxes(data, start + skip, min(end, stop))
        yield kind, start, end
        at = end


def _extents(box: bytes) -> Iterator[tuple[int, bool, int, int]]:
    """Item, whether inside `idat`, offset and length of every extent (ISO/IEC 14496-12, 8.11.3)."""
    version, sizes, at = box[0], box[4] << 8 | box[5], 6
    offset_size, length_size, base_size, index_size = (sizes >> shift & 15 for shift in (12, 8, 4, 0))

    def take(count: int) -> int:
        nonlocal at
        if at + count > len(box):
            raise TruncatedImage("the AVIF item locations end too early")
        at += count
        return int.from_bytes(box[at - count : at], "big")

    for _ in range(take(2 if version < 2 else 4)):
        item = take(2 if version < 2 else 4)
        method = take(2) & 15 if version else 0
        take(2)
        base = take(base_size)
        for _ in range(take(2)):
            take(index_size if version else 0)
            yield item, method == 1, base + take(offset_size), take(length_size)


def _sequences(stream: bytes) -> Iterator[Size]:
    """Largest frame of every sequence header in a row of OBUs (AV1 specification, 5.3)."""
    at = 0
    while at < len(stream):
        head = stream[at]
        at += 2 if head & 4 else 1
        size, shift = len(stream) - at, 0
        if head & 2:
            size = 0
            while shift < 56 and at < len(stream):
                size |= (stream[at] & 127) << shift
                shift, at = shift + 7, at + 1
                if not stream[at - 1] & 128:
                    break
        if head >> 3 & 15 == _SEQUENCE_HEADER:
            yield _Bits(stream[at : at + min(size, 1024)]).frame_size()
        at += size


class _Bits:
    """Reads a sequence header bit by bit; past the end everything is zero."""

    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data, "big"), 8 * len(data)

    def take(self, count: int) -> int:
        self._left -= count
        shifted = self._value >> self._left if self._left >= 0 else 0
        return shifted & (1 << count) - 1

    def frame_size(self) -> Size:
        self.take(4)
        if self.take(1):
            self.take(5)
        else:
            self._operating_points()
        wide, high = self.take(4) + 1, self.take(4) + 1
        return self.take(wide) + 1, self.take(high) + 1

    def _operating_points(self) -> None:
        delay_bits = self._timing() if self.take(1) else 0
        display_delay = self.take(1)
        for _ in range(self.take(5) + 1):
            self.take(12)
            if self.take(5) > 7:
                self.take(1)
            if delay_bits and self.take(1):
                self.take(2 * delay_bits + 1)
            if display_delay and self.take(1):
                self.take(4)

    def _timing(self) -> int:
        """Bits of a buffer delay, 0 without a decoder model."""
        self.take(64)
        if self.take(1):
            zeros = 0
            while zeros < 32 and self._left > 0 and not self.take(1):
                zeros += 1
            self.take(zeros)
        if not self.take(1):
            return 0
        bits = self.take(5) + 1
        self.take(32 + 5 + 5)
        return bits


def _area(size: Size) -> int:
    return size[0] * size[1]
