"""A picture as a one-page PDF 1.7: a JPEG at its density, with the sRGB profile and XMP; and the JPEG of such a file."""

from __future__ import annotations

import re

from studio.errors import CorruptImage

POINTS = 72.0
_HEAD = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
_PICTURE = re.compile(rb"/Subtype /Image [^>]*?/Length (\d+) *>>\nstream\n")


def page(jpeg: bytes, size: tuple[int, int], *, dpi: int, profile: bytes, xmp: bytes) -> bytes:
    """A page as large as the picture (width, height in pixels) is at `dpi`. No dates and no random id: same input, same bytes."""
    width, height = (round(side / dpi * POINTS, 3) for side in size)
    drawing = f"q {width:g} 0 0 {height:g} 0 0 cm /Picture Do Q".encode()
    box = f"[0 0 {width:g} {height:g}]".encode()
    picture = (
        f"/Type /XObject /Subtype /Image /Width {size[0]} /Height {size[1]} /BitsPerComponent 8 /Filter /DCTDecode ".encode()
    )
    parts = (
        b"<< /Type /Catalog /Pages 2 0 R /Metadata 7 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox " + box + b" /TrimBox " + box + b" /Contents 4 0 R "
        b"/Resources << /XObject << /Picture 5 0 R >> >> >>",
        _stream(b"", drawing),
        _stream(picture + b"/ColorSpace [/ICCBased 6 0 R] ", jpeg),
        _stream(b"/N 3 /Alternate /DeviceRGB ", profile),
        _stream(b"/Type /Metadata /Subtype /XML ", xmp),
    )
    return _file(parts)


def is_pdf(data: bytes) -> bool:
    """Whether bytes begin as a PDF does."""
    return data.startswith(b"%PDF-")


def picture_of(data: bytes) -> bytes:
    """The JPEG of a file that `page` wrote; anything that is no PDF comes back as it is. Raises CorruptImage for another PDF."""
    if not is_pdf(data):
        return data
    found = _PICTURE.search(data)
    if found is None:
        raise CorruptImage("the PDF is not one of ours: no JPEG picture is in it")
    return data[found.end() : found.end() + int(found[1])]


def _stream(facts: bytes, content: bytes) -> bytes:
    return b"<< " + facts + f"/Length {len(content)} >>\nstream\n".encode() + content + b"\nendstream"


def _file(parts: tuple[bytes, ...]) -> bytes:
    """Objects 1.. with their cross-reference table (ISO 32000-1, 7.5)."""
    data, offsets = bytearray(_HEAD), []
    for number, part in enumerate(parts, 1):
        offsets.append(len(data))
        data += f"{number} 0 obj\n".encode() + part + b"\nendobj\n"
    start = len(data)
    data += f"xref\n0 {len(parts) + 1}\n0000000000 65535 f \n".encode()
    data += b"".join(f"{offset:010} 00000 n \n".encode() for offset in offsets)
    data += f"trailer\n<< /Size {len(parts) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n".encode()
    return bytes(data)
