"""Signed provenance: a C2PA manifest inside a finished picture, beside its IPTC fields. Needs the extra `c2pa` (c2pa-python).

Off unless somebody gives a key. A signed file is never the same twice: ES256 and PS256 draw random numbers, and every manifest
has an id of its own. So pictures are signed when they are published, and the store keeps the first signed copy under a hash of
its own; the picture itself and every key are what they are without.
"""

from __future__ import annotations

import io
import json
import re
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Literal

from PIL import Image

from studio.errors import CorruptImage, SettingsError
from studio.imaging.metadata import COMPOSITE
from studio.keys import digest_of

Algorithm = Literal["es256", "es384", "es512", "ps256", "ps384", "ps512", "ed25519"]
"""Signatures that C2PA 2.x allows."""
SIGNED = frozenset({"image/jpeg", "image/png", "image/webp", "image/avif", "image/tiff"})
"""Formats that carry a manifest; others are published as they are."""
VERSION = 1
_SOURCE = re.compile(r"<Iptc4xmpExt:DigitalSourceType>([!-;=-~]{1,200})</Iptc4xmpExt:DigitalSourceType>")
_CANNOT = ("Signature", "Other", "Verify")
"""What the library calls an error of certificates and keys, with or without `_C2pa` before it."""
_PLAIN = {"builder": {"thumbnail": {"enabled": False}}}
"""No thumbnail inside: it would be 30 kB a picture, and destinations limit bytes."""


@dataclass(frozen=True, slots=True)
class Credential:
    """Whose pictures these are: a chain of certificates (PEM, the signer's first) and its private key (PEM, PKCS 8).

    The signer's certificate needs the extended key usage emailProtection or documentSigning and must not sign itself (C2PA 2.2,
    section 14.5). Readers trust it when they trust the one who issued it.
    """

    certificates: str
    key: str = field(repr=False)
    algorithm: Algorithm = "es256"

    @property
    def fingerprint(self) -> str:
        """Says which certificates and which version of our manifest; not the key."""
        return digest_of(["c2pa", VERSION, self.algorithm, self.certificates])


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a signed picture says. `intact`: the bytes are what was signed; `trusted`: a reader's own list knows the issuer."""

    intact: bool
    trusted: bool
    issuer: str
    source_type: str
    generator: str


def source_type_of(data: bytes) -> str:
    """The IPTC digital source type in a picture of ours; that of a composite where it says none. Raises CorruptImage."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            packet = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    except (OSError, ValueError, SyntaxError) as error:
        raise CorruptImage(f"not a picture that can be signed: {error}") from None
    found = _SOURCE.search(packet.decode(errors="replace") if isinstance(packet, bytes) else str(packet))
    return found[1] if found else COMPOSITE


def sign(data: bytes, media_type: str, credential: Credential, *, title: str = "") -> bytes:
    """The picture with a manifest: made by Packshot, of this digital source type. Pixels and metadata stay as they are, no server
    is asked anything. Raises SettingsError without the extra or for a credential that cannot sign, CorruptImage."""
    c2pa = _library()
    out, manifest = io.BytesIO(), _manifest(data, media_type, title)
    try:
        info = c2pa.C2paSignerInfo(
            alg=credential.algorithm.encode(),
            sign_cert=credential.certificates.encode(),
            private_key=credential.key.encode(),
            ta_url=None,
        )
        with (
            c2pa.Context.from_dict(_PLAIN) as context,
            c2pa.Signer.from_info(info) as signer,
            c2pa.Builder(manifest, context=context) as builder,
        ):
            builder.sign(signer, media_type, io.BytesIO(data), out)
    except c2pa.C2paError as error:
        kind = type(error).__name__.removeprefix("_C2pa")
        if kind in _CANNOT:
            raise SettingsError(f"provenance: the certificates or their key cannot sign ({kind})") from None
        raise CorruptImage(f"a picture could not be signed: {error}") from None
    return out.getvalue()


def provenance(data: bytes, media_type: str) -> Provenance | None:
    """What a picture says about where it comes from; None where it holds no manifest. Raises SettingsError without the extra."""
    c2pa = _library()
    try:
        with c2pa.Reader(media_type, io.BytesIO(data)) as reader:
            told = json.loads(reader.json())
    except c2pa.C2paError as error:
        if "ManifestNotFound" in type(error).__name__:
            return None
        return Provenance(intact=False, trusted=False, issuer="", source_type="", generator="")
    codes = {status["code"] for status in told.get("validation_status", ())}
    active = told["manifests"][told["active_manifest"]]
    generators = active.get("claim_generator_info") or [{}]
    return Provenance(
        intact=told.get("validation_state") in ("Valid", "Trusted"),
        trusted="signingCredential.untrusted" not in codes,
        issuer=str(active.get("signature_info", {}).get("issuer", "")),
        source_type=_created(active),
        generator=str(generators[0].get("name", "")),
    )


def _manifest(data: bytes, media_type: str, title: str) -> dict[str, Any]:
    made = {"action": "c2pa.created", "digitalSourceType": source_type_of(data), "softwareAgent": {"name": "Packshot"}}
    return {
        "claim_generator_info": [{"name": "Packshot"}],
        "title": title,
        "format": media_type,
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [made]}}],
    }


def _created(manifest: dict[str, Any]) -> str:
    actions = [
        action
        for assertion in manifest.get("assertions", ())
        if assertion["label"].startswith("c2pa.actions")
        for action in assertion["data"]["actions"]
    ]
    return next((str(action["digitalSourceType"]) for action in actions if "digitalSourceType" in action), "")


def _library() -> Any:
    try:
        return import_module("c2pa")
    except ModuleNotFoundError:
        raise SettingsError("signed provenance needs the extra: pip install packshot[c2pa]") from None
