"""Which reader reads which catalogue."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

from connectors.sources.base import Source
from connectors.sources.csv_rows import read_layout
from connectors.sources.flat import csv_source
from connectors.sources.jsonl import jsonl_records
from connectors.sources.mapping import Mapping, load_mapping, sidecar
from connectors.sources.parquet import check_parquet, parquet_records
from connectors.sources.records import RecordSource
from connectors.sources.shopify import ShopifySource, is_shopify
from connectors.sources.vendure import VendureSource, is_vendure
from studio.errors import InputError

Opener = Callable[[Path, Mapping | None], Source]


def _csv(path: Path, mapping: Mapping | None) -> Source:
    return csv_source(path, read_layout(path, mapping.delimiter if mapping else ""), mapping)


def _jsonl(path: Path, mapping: Mapping | None) -> Source:
    return RecordSource(path, lambda: jsonl_records(path), mapping)


def _parquet(path: Path, mapping: Mapping | None) -> Source:
    check_parquet(path)
    return RecordSource(path, lambda: parquet_records(path), mapping)


def _shopify(path: Path, mapping: Mapping | None) -> Source:
    layout = read_layout(path)
    if mapping or not is_shopify(layout.header):
        raise InputError(f"{path}: not a Shopify product export, or given with a column mapping (use format csv)")
    return ShopifySource(path, layout)


def _vendure(path: Path, mapping: Mapping | None) -> Source:
    layout = read_layout(path)
    if mapping or not is_vendure(layout.header):
        raise InputError(f"{path}: not a Vendure product import, or given with a column mapping (use format csv)")
    return VendureSource(path, layout)


FORMATS: dict[str, Opener] = {"csv": _csv, "jsonl": _jsonl, "parquet": _parquet, "shopify": _shopify, "vendure": _vendure}
_SUFFIXES = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}


def open_source(uri_or_path: str | Path, *, mapping: Mapping | None = None, format: str | None = None) -> Source:  # noqa: A002
    """A catalogue by path or file: URL. Without `mapping`, one beside the file (`<catalog>.mapping.yaml`) is used, else guessed.

    `format` is a name in `FORMATS`; without it the mapping's format, the file's extension and its first bytes decide.
    Raises InputError when the catalogue is missing, unreadable, of no known kind, or does not have the mapped columns.
    """
    path = _path(uri_or_path)
    beside = None if mapping else sidecar(path)
    rules = load_mapping(beside) if beside else mapping
    name = format or (rules.format if rules else "") or _sniffed(path, mapped=rules is not None)
    if name not in FORMATS:
        raise InputError(f"{path}: unknown catalogue format {name!r}; known are {', '.join(FORMATS)}")
    return FORMATS[name](path, rules)


def _path(uri_or_path: str | Path) -> Path:
    text = str(uri_or_path)
    scheme, mark, _ = text.partition("://")
    if mark and scheme != "file":
        raise InputError(f"{text}: catalogues are read from files; download it first ({scheme}: is for images)")
    path = Path(unquote(urlsplit(text).path)) if mark else Path(text)
    if "\0" in text or not path.is_file():
        raise InputError(f"{path}: there is no such catalogue file")
    return path


def _sniffed(path: Path, *, mapped: bool) -> str:
    try:
        with path.open("rb") as stream:
            head = stream.read(512)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    if head[:4] == b"PAR1":
        return "parquet"
    if head[:4] == b"PK\x03\x04":
        raise InputError(f"{path}: this is a spreadsheet or archive; export it as CSV in UTF-8")
    name = _SUFFIXES.get(path.suffix.lower()) or ("jsonl" if head.lstrip(b"\xef\xbb\xbf \r\n\t")[:1] == b"{" else "csv")
    if name != "csv" or mapped:
        return name
    header = read_layout(path).header
    return "shopify" if is_shopify(header) else "vendure" if is_vendure(header) else "csv"
