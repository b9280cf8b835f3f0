"""Settings: one tree, the only reader of the environment. Every default has its home here or in a profile."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_serializer, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, YamlConfigSettingsSource

from cluster.monitoring.settings import Monitoring
from connectors.references import is_reference, resolved, shown
from connectors.vendors.connection import Connection
from studio.errors import NotFound, SettingsError
from studio.fields import Slug
from studio.product import Frozen
from studio.provenance import Algorithm

CONFIG_FILE = Path("packshot.yaml")


class StorageSettings(Frozen):
    """Where blobs and actions live: a folder or `s3://bucket/prefix`. Empty means `<home>/store`."""

    uri: str = ""
    endpoint_url: str = ""


class FetchSettings(Frozen):
    """Limits for source images, checked before decoding."""

    max_bytes: Annotated[int, Field(gt=0)] = 64_000_000
    max_pixels: Annotated[int, Field(gt=0)] = 100_000_000
    allow_private: bool = False
    """Allow http(s) image URLs that resolve to private or loopback addresses."""


class ModelSettings(Frozen):
    """`allow` names models whose licence forbids commercial use and may be loaded all the same; `configured` gives the
    folder, hub id or options of models whose weights are the user's.
    """

    allow: tuple[str, ...] = ()
    configured: dict[str, str] = Field(default_factory=dict)


Money = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Prices(Frozen):
    """What an hour costs: a dated table of `cluster/prices`, or the path of one; what is stated here goes before the table.
    The packaged table is an assumption; state your own.
    """

    currency: str = "USD"
    table: str = "standard"
    cpu_hour: Money | None = None
    gpu_hour: Money | None = None


class Budget(Frozen):
    """What something may cost, in the currency of the prices. From `warn_at` of it on there are warnings; a budget that is spent
    stops the run and refuses orders, unless `stop` is false."""

    limit: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    warn_at: Annotated[float, Field(gt=0, le=1)] = 0.8
    stop: bool = True


class BrandBudget(Budget):
    """Of a brand, in a day or a calendar month (UTC)."""

    period: Literal["day", "month"] = "month"


class Budgets(Frozen):
    """Of each run, of each day (UTC; runs and orders together), and of brands by name as products spell them."""

    run: Budget | None = None
    day: Budget | None = None
    brand: dict[str, BrandBudget] = Field(default_factory=dict)


class PhotoStudio(Frozen):
    """What photos would cost in a studio of people, for comparison. Assumptions, not offers: state what you are quoted."""

    currency: str = "USD"
    picture: Money = 25.0
    """One finished packshot: photographed, cut out, retouched."""
    day_pictures: Annotated[float, Field(gt=0)] = 40.0
    """Pictures that one photographer finishes in a day."""
    lead_days: Annotated[float, Field(ge=0)] = 10.0
    """From the order to the first picture."""
    source: str = "assumed, not quoted"


class RaySettings(Frozen):
    """Which Ray to use. An empty address starts one on this machine for the run and ends it afterwards."""

    address: str = ""
    temp_dir: str = ""
    app: str = "packshot"


class ApiSettings(Frozen):
    """The HTTP service. Host and port are those of the proxy; nothing listens beyond loopback unless this says so."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    base_url: str = ""
    """Address that users see, for absolute links in events; empty: links are paths."""
    require_keys: bool = True
    """False lets everybody in as administrator: for one person on loopback only."""
    max_body_bytes: Annotated[int, Field(gt=0)] = 64_000_000
    max_batch_items: Annotated[int, Field(gt=0)] = 10_000
    """Items of a batch that become orders; a longer one becomes a Ray job."""
    jobs_address: str = ""
    """Ray's dashboard, `http://HOST:8265`, to which longer batches are submitted; empty: they are refused."""
    max_wait_s: Annotated[float, Field(ge=0)] = 120.0
    """Longest `Prefer: wait`."""
    rate_per_minute: Annotated[int, Field(gt=0)] = 600
    """Calls a minute and key, where the key has no rate of its own."""
    publish: str = ""
    """Folder to which released images of orders are also written; empty: they stay in the store."""
    urgent: Annotated[int, Field(gt=0)] = 32
    standard: Annotated[int, Field(gt=0)] = 16
    """Orders of each priority that are worked on at a time."""
    webhook_retries_s: tuple[float, ...] = (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
    """Pauses before the next attempts of a webhook delivery (Standard Webhooks 1.0 proposes about three days in all)."""
    events_days: Annotated[float, Field(gt=0)] = 90.0
    """How long events of ended orders and ended webhook deliveries are kept. Orders and what they made stay."""
    private_webhooks: bool = False
    """Allow webhook endpoints at private or loopback addresses."""


class ProvenanceSettings(Frozen):
    """Signed provenance (C2PA) of published pictures; off unless there is a key. Both are references, `env:NAME` or `file:/path`:
    a chain of certificates in PEM, the signer's first, and its private key in PEM (PKCS 8). Needs the extra `c2pa`."""

    certificates: SecretStr = SecretStr("")
    key: SecretStr = SecretStr("")
    algorithm: Algorithm = "es256"

    @field_validator("certificates", "key")
    @classmethod
    def _only_references(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value() and not is_reference(value):
            raise ValueError("write env:NAME or file:/path, not the secret itself")
        return value

    @field_serializer("certificates", "key", when_used="json")
    def _out(self, value: SecretStr) -> str:
        return shown(value)


class Settings(BaseSettings):
    """The tree. Read from `packshot.yaml`, overridden by `PACKSHOT_<FIELD>` and `PACKSHOT_<GROUP>__<FIELD>`."""

    model_config = SettingsConfigDict(
        env_prefix="PACKSHOT_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        yaml_file=CONFIG_FILE,
        nested_model_default_partial_update=True,
        hide_input_in_errors=True,
    )

    home: Path = Path(".packshot")
    profile: str = "local"
    """Name of a file in `cluster/profiles`, or the path of one."""
    templates: tuple[str, ...] = ("amazon-white", "shopify-square", "lifestyle-wood")
    """Templates used when a run names none."""
    template_folders: tuple[Path, ...] = ()
    """Further folders of styles and destinations."""
    storage: StorageSettings = StorageSettings()
    records_url: str = ""
    """SQLAlchemy URL of the records; empty means SQLite in `<home>/records.db`."""
    online_url: str = ""
    """SQLAlchemy URL of orders, keys and webhooks; empty means SQLite in `<home>/online.db`."""
    workflows_url: str = ""
    """SQLAlchemy URL of the workflow engine's own tables; empty means SQLite in `<home>/workflows.db`."""
    runs_uri: str = ""
    """Where runs keep plans, journals and ledgers, visible to the whole cluster; empty means `<home>/runs`."""
    weights: Path | None = None
    """Folder of fetched model weights; None means `<home>/models`."""
    weights_uri: str = ""
    """`s3://bucket/prefix` from which replicas bring weights that the folder lacks, in parallel ranges; empty: nowhere."""
    fetch: FetchSettings = FetchSettings()
    models: ModelSettings = ModelSettings()
    prices: Prices = Prices()
    budgets: Budgets = Budgets()
    photo_studio: PhotoStudio = PhotoStudio()
    ray: RaySettings = RaySettings()
    api: ApiSettings = ApiSettings()
    monitoring: Monitoring = Monitoring()
    provenance: ProvenanceSettings = ProvenanceSettings()
    connections: dict[Slug, Connection] = Field(default_factory=dict)
    """Shops, PIMs and DAMs by name. Their secrets are references, `env:NAME` or `file:/path`."""

    @field_validator("connections", mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        """A connection's name is its key; its mapping means the same from every working folder."""
        if not isinstance(value, dict):
            return value
        return {name: _connection(name, given) if isinstance(given, dict) else given for name, given in value.items()}

    @field_validator("connections")
    @classmethod
    def _only_references(cls, value: dict[str, Connection]) -> dict[str, Connection]:
        for name, connection in value.items():
            if plain := connection.plain_secrets:
                raise ValueError(f"{name}.{plain[0]}: write env:NAME or file:/path, not the secret itself")
        return value

    @field_validator("home", "weights", "template_folders")
    @classmethod
    def _absolute(cls, value: Any) -> Any:
        """Processes of a Ray that was joined have working folders of their own."""
        if isinstance(value, tuple):
            return tuple(path.absolute() for path in value)
        return value.absolute() if isinstance(value, Path) else value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment, then the file."""
        return init_settings, env_settings, YamlConfigSettingsSource(settings_cls)

    def connection(self, name: str) -> Connection:
        """A connection by name. Raises NotFound."""
        if name not in self.connections:
            known = ", ".join(sorted(self.connections)) or "none"
            raise NotFound(f"no connection {name!r} in the settings; there are: {known}")
        return self.connections[name]

    @property
    def storage_uri(self) -> str:
        """URI of the blob and action store."""
        return self.storage.uri or str(self.home.absolute() / "store")

    @property
    def records(self) -> str:
        """SQLAlchemy URL of the records."""
        return _url(self.records_url, "records_url") or f"sqlite:///{self.home.absolute() / 'records.db'}"

    @property
    def online(self) -> str:
        """SQLAlchemy URL of orders, keys and webhooks."""
        return _url(self.online_url, "online_url") or f"sqlite:///{self.home.absolute() / 'online.db'}"

    @property
    def workflows(self) -> str:
        """SQLAlchemy URL of the workflow engine's tables."""
        return _url(self.workflows_url, "workflows_url") or f"sqlite:///{self.home.absolute() / 'workflows.db'}"

    @property
    def runs(self) -> str:
        """Folder or s3 prefix of the runs."""
        return self.runs_uri or str(self.home.absolute() / "runs")

    @property
    def weights_folder(self) -> Path:
        """Folder of fetched model weights."""
        return (self.weights or self.home / "models").absolute()


def _url(value: str, field: str) -> str:
    """A database URL; one with a password is best said as a reference, `env:NAME` or `file:/path`."""
    return resolved(SecretStr(value), field)


def _connection(name: str, given: dict[str, Any]) -> dict[str, Any]:
    mapping = given.get("mapping")
    located = {"mapping": str(Path(mapping).absolute())} if isinstance(mapping, str) and mapping else {}
    return {**given, **located, "name": name}


def load_settings(**overrides: Any) -> Settings:
    """Settings from file, environment and overrides. Raises SettingsError that names every wrong field."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise SettingsError(f"settings: {problems}") from error
