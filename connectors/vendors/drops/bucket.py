"""A file drop in S3."""

from __future__ import annotations

from typing import BinaryIO

from connectors.vendors.connection import Connection
from connectors.vendors.drops.files import Capped, File
from connectors.vendors.objects import Objects

MAX_LISTED = 100_000
"""Objects below the drop's prefix, pictures among them."""


class BucketDrop:
    """`s3://bucket/folder/` with the objects in it, or `s3://bucket/folder/file.csv`. Stamps are ETags, and what is read is the
    version that was listed. Pictures beside the catalogue are `s3:` addresses, read with the installation's own credentials."""

    def __init__(self, connection: Connection) -> None:
        folder, _, self.name = connection.address.removeprefix("s3://").rpartition("/")
        if not folder:
            folder, self.name = self.name, ""
        self._objects = Objects(connection.model_copy(update={"address": f"s3://{folder}"}))

    def files(self) -> list[File]:
        """One listing, a thousand objects a call."""
        found = self._objects.listed(self.name, MAX_LISTED)
        return [File(item.key, item.tag, item.size, item.changed) for item in found if not item.key.endswith("/")]

    def fetch(self, file: File, into: BinaryIO) -> str:
        """Raises VendorUnavailable when the object is another one by now."""
        capped = Capped(into, file.name)
        for chunk in self._objects.chunks(file.name, file.stamp):
            capped.write(chunk)
        return file.stamp

    def picture(self, relative: str) -> str:
        """In the same bucket."""
        return f"s3://{self._objects.bucket}/{self._objects.prefix}{relative}"

    def own_picture(self, uri: str) -> bool:
        """Only those below the drop's own prefix: a catalogue must not name other buckets that we may read."""
        return uri.startswith(f"s3://{self._objects.bucket}/{self._objects.prefix}") and "/../" not in uri
