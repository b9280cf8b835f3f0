"""What our files say about themselves: where the picture comes from (IPTC), and its printing density."""

from __future__ import annotations

from PIL import ExifTags, Image

_IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"
COMPOSITE = _IPTC + "composite"
ALTERED = _IPTC + "algorithmicallyEnhanced"
GENERATIVE = _IPTC + "compositeWithTrainedAlgorithmicMedia"

NOT_GENERATIVE = frozenset({"procedural", "fake"})
"""Engines whose surroundings are computed, not produced by a trained generative network."""


def digital_source_type(engine: str, *, composited: bool = True) -> str:
    """The IPTC NewsCodes term (vocabulary of 2024-09-17) that is true for a picture, as a full URI.

    - a generative engine made the surroundings: `compositeWithTrainedAlgorithmicMedia`. An engine this function does not
      know counts as generative, so that nothing generated is ever passed off as a photograph;
    - the photographed product stands on a computed ground: `composite`, because the ground was not captured
      (`compositeCapture` would claim that it was);
    - the photographed product alone, cut out, resampled or enlarged: `algorithmicallyEnhanced`. Enlarging nets are not
      generative, so neither of the last two terms changes when one was used.
    """
    if engine not in NOT_GENERATIVE:
        return GENERATIVE
    return COMPOSITE if composited else ALTERED


def xmp_packet(source_type: str) -> bytes:
    """An XMP packet (ISO 16684-1) with Iptc4xmpExt:DigitalSourceType; no dates, so the same in every run."""
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">'
        f"<Iptc4xmpExt:DigitalSourceType>{source_type}</Iptc4xmpExt:DigitalSourceType>"
        "</rdf:Description></rdf:RDF></x:xmpmeta>"
        '<?xpacket end="w"?>'
    ).encode()


def density_exif(dpi: int) -> bytes:
    """An EXIF block that holds nothing but the density in dots per inch, for formats without a field of their own."""
    exif = Image.Exif()
    exif[ExifTags.Base.XResolution] = float(dpi)
    exif[ExifTags.Base.YResolution] = float(dpi)
    exif[ExifTags.Base.ResolutionUnit] = 2
    return exif.tobytes()
