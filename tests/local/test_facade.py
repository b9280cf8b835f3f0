"""The facade over the running service: pictures, errors in the vendor's shapes, keys."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from openapi_schema_validator import OAS31Validator
from PIL import Image

from tests.local.running import Running, photo, running
from tests.unit.test_facade_fields import FILE, contract

LOOK = """
id: transparent
version: 99
title: The look of the facade, with the fake matting model
recipe: photography
outputs: [api-cutout]
background: {kind: transparent}
shadow: {contact: 0.0, cast: 0.0}
cutout: {model: fake-matte, refiner: none, second_pass: false, decontaminate: false}
upscale: {above: 100}
qa: {uncertainty: {max: 1}, delta_e_local: {max: 100}, halo: {max: 100}, haze: {max: 1}, banding: {max: 1}}
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("facade")
    styles = folder / "art" / "styles"
    styles.mkdir(parents=True)
    (styles / "transparent.yaml").write_text(LOOK)
    with running(folder) as found:
        yield found


@pytest.fixture(scope="module")
def http(service: Running) -> Iterator[httpx.Client]:
    """As a program written for the vendor calls: its header, nothing else."""
    with httpx.Client(base_url=service.url, headers={"x-api-key": service.secrets["writer"]}, timeout=120) as client:
        yield client


def segment(http: httpx.Client, data: bytes, headers: dict[str, str] | None = None, **fields: str) -> httpx.Response:
    return http.post("/v1/segment", files={"image_file": ("mug.png", data, "image/png")}, data=fields, headers=headers)


def edit(http: httpx.Client, data: bytes, files: dict[str, Any] | None = None, **fields: str) -> httpx.Response:
    named = {name.replace("__", "."): value for name, value in fields.items()}
    return http.post("/v2/edit", files={"imageFile": ("mug.png", data, "image/png"), **(files or {})}, data=named)


def opened(answer: httpx.Response) -> Image.Image:
    assert answer.status_code == 200, answer.text
    found = Image.open(io.BytesIO(answer.content))
    assert answer.headers["content-type"] == f"image/{found.format.lower()}"  # type: ignore[union-attr]
    return found


def refused(answer: httpx.Response, status: int, path: str, named: str) -> None:
    """An error that the vendor's own file allows for this call, and that says which field."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json"), answer.text
    said = answer.json()
    assert named in (said["detail"] if path == "/v1/segment" else said["error"]["message"])
    if FILE.is_file():
        document = contract()
        schema = document["paths"][path]["post"]["responses"]["400"]["content"]["application/json"]["schema"]
        schema = document["components"]["schemas"].get(schema.get("$ref", "").rpartition("/")[2], schema)
        OAS31Validator(schema).validate(said)


def test_the_product_where_it_stood(service: Running, http: httpx.Client) -> None:
    answer = segment(http, photo(1))
    image = opened(answer)
    assert (image.format, image.mode, image.size) == ("PNG", "RGBA", (200, 200))
    alpha = np.asarray(image)[..., 3]
    assert (alpha[100, 100], alpha[5, 5]) == (255, 0)
    assert 0 <= float(answer.headers["x-uncertainty-score"]) <= 1
    order = service.client().get(f"/v1/orders/{answer.headers['x-packshot-order']}").json()
    assert (order["state"], order["priority"]) == ("succeeded", "urgent")
    renders = len(service.rendered)
    assert segment(http, photo(1)).content == answer.content
    assert len(service.rendered) == renders


def test_sizes_formats_and_json(http: httpx.Client) -> None:
    large = photo(2, size=600)
    assert opened(segment(http, large, size="preview")).size == (500, 500)
    webp = opened(segment(http, large, format="webp", size="preview"))
    assert webp.format == "WEBP"
    white = opened(segment(http, large, format="jpg", bg_color="white", size="preview"))
    assert (white.format, white.getpixel((4, 4))) == ("JPEG", (255, 255, 255))
    said = segment(http, large, {"accept": "application/json"}, size="preview").json()
    assert Image.open(io.BytesIO(base64.b64decode(said["base64img"]))).size == (500, 500)


def test_a_ground_a_size_room_and_a_shadow(http: httpx.Client) -> None:
    plain = edit(http, photo(3), background__color="F4E4D4", outputSize="300x400", padding="0.1", export__format="jpeg")
    image = opened(plain)
    pixels = np.asarray(image.convert("RGB")).astype(int)
    assert (image.size, image.format) == ((300, 400), "JPEG")
    assert np.abs(pixels[3, 3] - (0xF4, 0xE4, 0xD4)).max() <= 3
    apart = np.abs(pixels - pixels[3, 3]).max(axis=2) > 40
    columns = np.flatnonzero(apart.any(axis=0))
    assert abs(columns[0] - 30) <= 2
    assert abs(columns[-1] - 269) <= 2
    more = edit(
        http,
        photo(3),
        background__color="F4E4D4",
        outputSize="300x400",
        padding="0.1",
        export__format="jpeg",
        shadow__mode="ai.soft",
    )
    assert more.content != plain.content
    assert opened(edit(http, photo(3), outputSize="auto")).size == (200, 200)
    assert opened(edit(http, photo(3), maxWidth="100")).size == (100, 100)


def test_a_picture_as_ground(http: httpx.Client) -> None:
    ground = io.BytesIO()
    Image.new("RGB", (400, 400), (20, 120, 60)).save(ground, "PNG")
    answer = edit(
        http, photo(4), {"background.imageFile": ("sea.png", ground.getvalue(), "image/png")}, outputSize="200x200", padding="0.2"
    )
    pixel = opened(answer).convert("RGB").getpixel((5, 5))
    assert isinstance(pixel, tuple)
    assert np.abs(np.subtract(pixel, (20, 120, 60))).max() <= 4


def test_a_turned_photo_has_the_size_that_people_see(http: httpx.Client) -> None:
    out, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6
    Image.open(io.BytesIO(photo(5))).resize((240, 160)).save(out, "JPEG", exif=exif, quality=95)
    assert opened(segment(http, out.getvalue())).size == (160, 240)


@pytest.mark.parametrize(
    ("fields", "status", "named"),
    [
        ({"crop": "true"}, 501, "crop"),
        ({"channels": "alpha"}, 501, "channels"),
        ({"size": "huge"}, 400, "size"),
        ({"bg_color": "nocolour"}, 400, "bg_color"),
        ({"colour": "red"}, 400, "colour"),
        ({"format": "jpg"}, 400, "format"),
    ],
)
def test_segment_refuses_by_name(http: httpx.Client, fields: dict[str, str], status: int, named: str) -> None:
    refused(segment(http, photo(6), None, **fields), status, "/v1/segment", named)


@pytest.mark.parametrize(
    ("fields", "status", "named"),
    [
        ({"removeBackground": "false"}, 501, "removeBackground"),
        ({"virtualModel.mode": "ai.auto"}, 501, "virtualModel.mode"),
        ({"outputSize": "croppedSubject"}, 501, "outputSize"),
        ({"shadow.mode": "ai.floating", "background.color": "red"}, 501, "shadow.mode"),
        ({"background.prompt": "a beach"}, 501, "background.prompt"),
        ({"export.format": "jpeg"}, 400, "export.format"),
        ({"padding": "half"}, 400, "padding"),
        ({"margin": "0.49", "padding": "0.49"}, 200, ""),
        ({"imageUrl": "https://shop.example/mug.jpg"}, 400, "imageUrl"),
        ({"nothing": "1"}, 400, "nothing"),
    ],
)
def test_edit_refuses_by_name(http: httpx.Client, fields: dict[str, str], status: int, named: str) -> None:
    answer = http.post("/v2/edit", files={"imageFile": ("mug.png", photo(6), "image/png")}, data=fields)
    if status != 200:
        refused(answer, status, "/v2/edit", named)


def test_broken_requests(http: httpx.Client) -> None:
    refused(http.post("/v1/segment", json={"image_file": "x"}), 400, "/v1/segment", "multipart")
    refused(http.post("/v1/segment", files={"other": ("a", b"x")}), 400, "/v1/segment", "other")
    refused(http.post("/v1/segment", files={"format": (None, "png")}), 400, "/v1/segment", "image_file")
    refused(segment(http, b""), 400, "/v1/segment", "image_file")
    refused(segment(http, b"%PDF-1.4"), 400, "/v1/segment", "")
    refused(segment(http, photo(7)[:200]), 400, "/v1/segment", "")
    refused(http.post("/v2/edit", files=[("imageFile", ("a.png", photo(7)))] * 2), 400, "/v2/edit", "once")
    form = {"content-type": "multipart/form-data; boundary=x"}
    refused(http.post("/v2/edit", content=b"--x\r\nno form", headers=form), 400, "/v2/edit", "")


def test_addresses_of_photos_go_through_the_guard(service: Running, http: httpx.Client, tmp_path: Path) -> None:
    for url in ("http://127.0.0.1:1/x.png", "http://169.254.169.254/latest", "file:///etc/passwd", "http://[::1]/"):
        refused(http.get("/v2/edit", params={"imageUrl": url}), 400, "/v2/edit", "")
    refused(http.get("/v2/edit"), 400, "/v2/edit", "imageUrl")
    refused(http.get("/v2/edit", params={"imageFile": "x"}), 400, "/v2/edit", "imageFile")


def test_keys(service: Running) -> None:
    with httpx.Client(base_url=service.url) as client:
        assert client.post("/v1/segment", files={"image_file": photo(8)}).status_code == 401
        assert segment(client, photo(8), {"x-api-key": "wrong"}).status_code == 401
        reader = {"x-api-key": service.secrets["reader"]}
        assert segment(client, photo(8), reader).status_code == 403
        answer = client.get("/v2/edit", params={"imageUrl": "https://shop.example/x.png"}, headers=reader)
        refused(answer, 403, "/v2/edit", "write")


def test_what_is_held_back_names_its_order(service: Running, http: httpx.Client) -> None:
    blank = io.BytesIO()
    Image.new("RGB", (200, 200), (236, 236, 236)).save(blank, "PNG")
    answer = segment(http, blank.getvalue())
    refused(answer, 400, "/v1/segment", "")
    assert service.client().get(f"/v1/orders/{answer.headers['x-packshot-order']}").json()["state"] in (
        "review",
        "rejected",
        "failed",
    )
