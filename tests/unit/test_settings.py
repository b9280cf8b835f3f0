"""Settings: file, environment, arguments, and errors that name the field."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cluster.settings import Settings, load_settings
from studio.errors import SettingsError


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty folder and no PACKSHOT_ variable of the caller's."""
    import os

    for name in [n for n in os.environ if n.upper().startswith("PACKSHOT_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def write(text: str) -> None:
    Path("packshot.yaml").write_text(text)


def test_defaults_stay_inside_home(tmp_path: Path) -> None:
    settings = load_settings()
    assert settings.profile == "local"
    assert settings.storage_uri == str(tmp_path / ".packshot" / "store")
    assert settings.records == f"sqlite:///{tmp_path / '.packshot' / 'records.db'}"
    assert settings.runs == str(tmp_path / ".packshot" / "runs")
    assert settings.weights_folder == tmp_path / ".packshot" / "models"


def test_home_moves_everything(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path / "elsewhere")
    paths = (settings.storage_uri, settings.records.removeprefix("sqlite:///"), settings.runs, str(settings.weights_folder))
    assert all(Path(path).is_relative_to(tmp_path / "elsewhere") for path in paths)


def test_file() -> None:
    write("profile: production\nstorage: {uri: 's3://bucket/prefix'}\ntemplates: [one, two]\nprices: {gpu_hour: 9.5}\n")
    settings = load_settings()
    assert settings.profile == "production"
    assert settings.storage_uri == "s3://bucket/prefix"
    assert settings.templates == ("one", "two")
    assert settings.prices.gpu_hour == 9.5
    assert settings.prices.currency == Settings.model_fields["prices"].default.currency


def test_environment_beats_file(monkeypatch: pytest.MonkeyPatch) -> None:
    write("profile: production\nstorage: {uri: 's3://from-file', endpoint_url: 'http://127.0.0.1:9000'}\n")
    monkeypatch.setenv("PACKSHOT_PROFILE", "single-gpu")
    monkeypatch.setenv("PACKSHOT_STORAGE__URI", "s3://from-env")
    settings = load_settings()
    assert settings.profile == "single-gpu"
    assert settings.storage.uri == "s3://from-env"
    assert settings.storage.endpoint_url == "http://127.0.0.1:9000"


def test_arguments_beat_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACKSHOT_PROFILE", "single-gpu")
    assert load_settings(profile="production").profile == "production"


def test_lists_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACKSHOT_TEMPLATES", '["amazon-white"]')
    monkeypatch.setenv("PACKSHOT_MODELS__ALLOW", '["a-model"]')
    settings = load_settings()
    assert settings.templates == ("amazon-white",)
    assert settings.models.allow == ("a-model",)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("profil: local\n", "profil"),
        ("storage: {url: x}\n", "storage.url"),
        ("fetch: {max_bytes: 0}\n", "fetch.max_bytes"),
        ("prices: {gpu_hour: -1}\n", "prices.gpu_hour"),
        ("profile: [1]\nray: {adress: x}\n", "ray.adress"),
    ],
)
def test_wrong_fields_are_named(text: str, named: str) -> None:
    write(text)
    with pytest.raises(SettingsError, match=rf"\b{named}: "):
        load_settings()


def test_every_wrong_field_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as raised:
        load_settings(profil="x", prices={"cpu_hour": -1})
    assert "profil: " in str(raised.value)
    assert "prices.cpu_hour: " in str(raised.value)


def test_wrong_environment_value_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACKSHOT_FETCH__MAX_PIXELS", "many")
    with pytest.raises(SettingsError, match=r"fetch\.max_pixels"):
        load_settings()


def test_settings_do_not_change() -> None:
    settings = load_settings()
    with pytest.raises(ValueError, match="frozen"):
        settings.profile = "production"  # type: ignore[misc]


def test_references_survive_the_way_to_a_replica(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE", "postgresql+psycopg://user:secret@host/db")
    shop = {"vendor": "woocommerce", "address": "https://shop.example", "secrets": {"key": "env:SHOP"}}
    settings = load_settings(
        provenance={"certificates": "file:/c.pem", "key": "env:SIGNING"}, connections={"shop": shop}, records_url="env:DATABASE"
    )
    told = settings.model_dump_json()
    assert "secret@host" not in told
    assert type(settings)(**json.loads(told)) == settings
    assert settings.records.startswith("postgresql+psycopg://user:secret@")


def test_a_secret_itself_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"provenance\.key") as raised:
        load_settings(provenance={"certificates": "file:/c.pem", "key": "-----BEGIN"})
    assert "BEGIN" not in str(raised.value)
