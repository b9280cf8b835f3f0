"""Signed provenance: whole when it was signed, broken when a byte was changed, and nothing at all unless somebody gives a key."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from PIL import Image

from connectors.signing import Signing
from connectors.storage.folder import FolderStorage
from studio.errors import CorruptImage, SettingsError
from studio.imaging.metadata import ALTERED, COMPOSITE, GENERATIVE, xmp_packet
from studio.imaging.png import png_bytes, xmp_chunk
from studio.provenance import SIGNED, Credential, provenance, sign, source_type_of

pytest.importorskip("c2pa", reason="the extra c2pa is not installed")
FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP", "image/avif": "AVIF", "image/tiff": "TIFF"}


def name(common: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Test shop"), x509.NameAttribute(NameOID.COMMON_NAME, common)]
    )


def certificate(common: str, issuer: str, own: ec.EllipticCurvePrivateKey, by: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    root, now = common == issuer, datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(name(common)).issuer_name(name(issuer)).public_key(own.public_key())
    made = made.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
    made = made.not_valid_after(now + timedelta(days=30)).add_extension(x509.BasicConstraints(root, None), critical=True)
    usage = x509.KeyUsage(not root, False, False, False, False, root, root, False, False)
    made = made.add_extension(usage, critical=True)
    made = made.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False)
    if not root:
        made = made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
    return made.sign(by, hashes.SHA256())


def pem(key: ec.EllipticCurvePrivateKey) -> str:
    plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return key.private_bytes(*plain).decode()


@pytest.fixture(scope="module")
def credential() -> Credential:
    root, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    chain = [certificate("shop", "root", own, root), certificate("root", "root", root, root)]
    return Credential("".join(one.public_bytes(serialization.Encoding.PEM).decode() for one in chain), pem(own))


def picture(media_type: str, source_type: str = "") -> bytes:
    pixels = np.random.default_rng(1).integers(0, 255, (96, 128, 3), np.uint8)
    if media_type == "image/png":
        return png_bytes(pixels, chunks=xmp_chunk(xmp_packet(source_type)) if source_type else b"")
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, FORMATS[media_type], **({"xmp": xmp_packet(source_type)} if source_type else {}))
    return out.getvalue()


@pytest.mark.parametrize("media_type", sorted(SIGNED))
def test_a_signed_picture_is_whole_and_looks_the_same(credential: Credential, media_type: str) -> None:
    before = picture(media_type)
    after = sign(before, media_type, credential, title="mug.jpg")
    told = provenance(after, media_type)
    assert told is not None
    assert (told.intact, told.trusted, told.issuer, told.generator) == (True, False, "Test shop", "Packshot")
    with Image.open(io.BytesIO(before)) as old, Image.open(io.BytesIO(after)) as new:
        assert np.array_equal(np.asarray(old), np.asarray(new))
    assert len(after) - len(before) < 20_000


@pytest.mark.parametrize("source_type", [COMPOSITE, ALTERED, GENERATIVE])
@pytest.mark.parametrize("media_type", ["image/jpeg", "image/png", "image/webp", "image/avif"])
def test_it_says_what_the_iptc_field_says(credential: Credential, media_type: str, source_type: str) -> None:
    data = picture(media_type, source_type)
    assert source_type_of(data) == source_type
    told = provenance(sign(data, media_type, credential), media_type)
    assert told is not None
    assert told.source_type == source_type


def test_a_changed_pixel_shows(credential: Credential) -> None:
    data = bytearray(sign(picture("image/png"), "image/png", credential))
    data[-40] ^= 1
    told = provenance(bytes(data), "image/png")
    assert told is not None
    assert not told.intact


def test_a_picture_without_a_manifest_says_nothing() -> None:
    assert provenance(picture("image/jpeg"), "image/jpeg") is None


def test_what_cannot_sign_is_said_without_the_key(credential: Credential) -> None:
    other = pem(ec.generate_private_key(ec.SECP256R1()))
    for wrong in (Credential("nothing", credential.key), Credential(credential.certificates, other), Credential("", "")):
        with pytest.raises(SettingsError) as caught:
            sign(picture("image/jpeg"), "image/jpeg", wrong)
        assert "PRIVATE" not in caught.value.message
    assert "PRIVATE" not in repr(credential)
    with pytest.raises(CorruptImage):
        sign(b"no picture at all", "image/jpeg", credential)


def test_off_it_changes_nothing(tmp_path: Path) -> None:
    store = FolderStorage(tmp_path)
    digest = store.put_blob(picture("image/jpeg"))
    assert Signing(store)(digest, "image/jpeg") == digest


def test_a_picture_has_one_signed_copy(tmp_path: Path, credential: Credential) -> None:
    """Two signatures of the same picture differ; whoever asks again gets the first."""
    data = picture("image/jpeg")
    assert sign(data, "image/jpeg", credential) != sign(data, "image/jpeg", credential)
    store = FolderStorage(tmp_path)
    digest = store.put_blob(data)
    copy = Signing(store, credential)(digest, "image/jpeg")
    assert copy != digest
    assert Signing(store, credential)(digest, "image/jpeg") == copy
    assert store.get_blob(digest) == data, "the picture itself stays as it is"
    assert Signing(store, credential)(digest, "application/pdf") == digest
