"""The process that draws SVG and PDF artwork: bytes in, PNG out, under limits of time and memory that the kernel holds."""

from __future__ import annotations

import io
import resource
import sys

from PIL import Image


def main(arguments: list[str]) -> None:
    """kind, page, pixels of the longer side, CPU seconds, bytes of memory. Exit 2: broken, 3: not supported."""
    kind, page, side, seconds, memory = arguments[0], *(int(value) for value in arguments[1:])
    data = sys.stdin.buffer.read()
    draw = _svg if kind == "svg" else _pdf
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    try:
        png = draw(data, page, side)
    except LookupError as error:
        sys.exit(_said(str(error.args[0]), 3))
    except (ValueError, RuntimeError, OSError, MemoryError) as error:
        sys.exit(_said(f"{type(error).__name__}: {error}", 2))
    sys.stdout.buffer.write(png)


def _svg(data: bytes, _page: int, side: int) -> bytes:
    import resvg_py

    text = data.decode("utf-8")
    small = resvg_py.svg_to_bytes(svg_string=text, skip_system_fonts=True, width=16)
    width, height = Image.open(io.BytesIO(small)).size
    if width >= height:
        return resvg_py.svg_to_bytes(svg_string=text, skip_system_fonts=True, width=side)
    return resvg_py.svg_to_bytes(svg_string=text, skip_system_fonts=True, height=side)


def _pdf(data: bytes, page: int, side: int) -> bytes:
    import pypdfium2  # type: ignore[import-untyped]

    document = pypdfium2.PdfDocument(data)
    if page > len(document):
        raise LookupError(f"the PDF has {len(document)} pages, page {page} was asked for")
    sheet = document[page - 1]
    width, height = sheet.get_size()
    if not 1 <= min(width, height) <= max(width, height) <= 20_000:
        raise ValueError(f"the page is {width:.0f} x {height:.0f} points")
    bitmap = sheet.render(scale=side / max(width, height), fill_color=(0, 0, 0, 0), may_draw_forms=False, rev_byteorder=True)
    out = io.BytesIO()
    _straight(bitmap.to_pil()).save(out, "PNG", compress_level=1)
    return out.getvalue()


def _straight(image: Image.Image) -> Image.Image:
    return image if image.mode == "RGBA" else image.convert("RGBA")


def _said(message: str, code: int) -> int:
    sys.stderr.write(message + "\n")
    return code
