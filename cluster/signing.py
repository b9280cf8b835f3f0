"""Who signs the pictures that this installation publishes."""

from __future__ import annotations

from cluster.settings import Settings
from connectors.references import resolved
from connectors.signing import Signing
from connectors.storage.base import Storage
from studio.provenance import Credential


def signing(settings: Settings, storage: Storage) -> Signing:
    """With the credential of the settings; without one, pictures are published as they are. Raises SettingsError for a reference
    that leads nowhere."""
    given = settings.provenance
    if not given.key.get_secret_value():
        return Signing(storage)
    certificates = resolved(given.certificates, "provenance.certificates")
    return Signing(storage, Credential(certificates, resolved(given.key, "provenance.key"), given.algorithm))
