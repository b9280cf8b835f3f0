"""File drops: catalogues that an ERP or a supplier leaves on an SFTP server, a web server or in S3.

`address` is `sftp://user@host/folder/`, `https://host/export.csv` or `s3://bucket/folder/`; each kind's class says what else it
takes (`sftp.py`, `web.py`, `bucket.py`). Options of all: `pattern` of the files (`catalog-*.csv`), `format` (csv, jsonl, xml,
parquet, shopify, vendure; by extension else, `.gz` after it is unpacked), `record` (XML: the element of a product), `images`
(address that relative picture paths are meant from), `deleted` (`column` or `column=value`: rows of products that are gone;
needs a mapping), `marker` (`.done`: take a file only when another with this after its name says that it is complete), `settle`
(seconds a file must rest first: 60 by SFTP, 0 else, where a file appears whole). Nothing is written, moved or deleted there.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from connectors.sources.mapping import Mapping, load_mapping
from connectors.sources.registry import FORMATS
from connectors.vendors.connection import Connection
from connectors.vendors.drops.bucket import BucketDrop
from connectors.vendors.drops.files import choice_of
from connectors.vendors.drops.source import MARK, DropSource, Reading
from connectors.vendors.drops.web import WebDrop
from connectors.vendors.registry import Vendor
from studio.errors import SettingsError

SETTLE_S = 60
"""By SFTP a file is there from its first byte on."""


def open_vendor(connection: Connection) -> Vendor:
    """Raises SettingsError for an option that is wrong or missing, InputError for a mapping that cannot be read."""
    reading = _reading(connection)
    scheme = urlsplit(connection.address).scheme
    if scheme == "sftp":
        from connectors.vendors.drops.sftp import SftpDrop

        sftp = SftpDrop(connection)
        return Vendor(source=DropSource(sftp, choice_of(connection, sftp.name, SETTLE_S), reading))
    drop = BucketDrop(connection) if scheme == "s3" else WebDrop(connection)
    return Vendor(source=DropSource(drop, choice_of(connection, drop.name, 0), reading))


def _reading(connection: Connection) -> Reading:
    where = f"connections.{connection.name}.options"
    form, deleted, images = connection.option("format"), connection.option("deleted"), connection.option("images")
    if form and form not in (*FORMATS, "xml"):
        raise SettingsError(f"{where}.format is one of {', '.join((*FORMATS, 'xml'))}")
    if deleted and not connection.mapping:
        raise SettingsError(f"{where}.deleted needs a mapping")
    if images and not images.startswith(("https://", "http://")):
        raise SettingsError(f"{where}.images is not an http or https address")
    mapping = load_mapping(Path(connection.mapping)) if connection.mapping else None
    return Reading(_with_mark(mapping, deleted), form, connection.option("record"), images, deleted)


def _with_mark(mapping: Mapping | None, deleted: str) -> Mapping | None:
    if mapping is None or not deleted:
        return mapping
    column = deleted.partition("=")[0].strip()
    return mapping.model_copy(update={"attributes": {**mapping.attribute_columns, MARK: column}})
