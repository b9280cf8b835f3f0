"""`Profile`: how many, how big, where. The one place in which counts, batch sizes and retries are written."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from studio.errors import SettingsError
from studio.product import Frozen

FOLDER = Path(__file__).parent / "profiles"
RENDERER, DOOR = "renderer", "door"
Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0)]


class Replicas(Frozen):
    """A Serve deployment: the shape of one replica and how many there may be."""

    num_cpus: Share = 0.1
    num_gpus: Share = 0.0
    memory_mb: Count = 0
    min_replicas: Count = 1
    max_replicas: Positive = 1
    cold: Positive = 1
    """Replicas that the first call brings up where there are none (`min_replicas: 0`)."""
    reserved: Count = 0
    """Replicas that standard calls leave alone, as long as one other runs."""
    ongoing: Positive = 2
    """Requests one replica works on at a time."""
    urgent: Count = 1
    """Of those, how many places standard calls leave free. A replica that works on one request at a time keeps none."""
    queued: Positive = 1000
    """Requests that may wait at a handle before callers are told to come back."""
    threads: Positive = 1
    """CPU threads inside one replica."""
    batch: Positive = 8
    """Most items in one model call."""
    labels: dict[str, str] = Field(default_factory=dict)
    """Node labels the replica asks for."""
    or_labels: dict[str, str] = Field(default_factory=dict)
    """Labels to do with when no node has `labels` and none can be started."""
    up_s: Share = 0.5
    """How long more replicas must have been wanted before they are started."""
    down_s: Share = 120.0
    """How long fewer must have been enough before some are ended."""
    idle_s: Share = 600.0
    """How long there must have been nothing to do before the last one is ended."""
    standard: Replicas | None = None
    """A second deployment of the same class for standard work, elsewhere or cheaper; this one is left to urgent work."""

    @field_validator("standard")
    @classmethod
    def _keeps_nothing_free(cls, value: Replicas | None) -> Replicas | None:
        """A twin sees no urgent calls."""
        return value.model_copy(update={"urgent": 0, "reserved": 0}) if value else None

    @model_validator(mode="after")
    def _bounds(self) -> Replicas:
        if self.min_replicas > self.max_replicas:
            raise ValueError("min_replicas is above max_replicas")
        if self.cold > self.max_replicas:
            raise ValueError("cold is above max_replicas")
        if self.reserved >= self.max_replicas and self.reserved:
            raise ValueError("reserved leaves no replica of max_replicas to standard calls")
        if self.urgent >= self.ongoing > 1:
            raise ValueError("urgent leaves no place of ongoing to standard calls")
        if self.idle_s < self.down_s:
            raise ValueError("idle_s is below down_s")
        if self.or_labels and not self.labels:
            raise ValueError("or_labels without labels")
        if self.standard is not None and self.standard.standard is not None:
            raise ValueError("standard has a standard of its own")
        return self

    @property
    def shared(self) -> int:
        """Requests of a replica that standard work may take, and the queue depth a replica that autoscaling aims for."""
        return max(1, self.ongoing - self.urgent)


class Batch(Frozen):
    """How a night is cut up. Chunks start at `chunk` shots and shrink to 1 towards the end."""

    chunk: Positive = 8
    direct: Count = 2000
    """Up to so many due shots the driver itself feeds the Serve app; Ray Data, whose workers take some 10 s to come up, streams
    longer nights. 0: Ray Data always."""
    pool: Positive = 1
    """Workers in `mode: pool`."""
    tries: Positive = 2
    """Calls for a chunk before it is bisected."""
    call_timeout_s: Annotated[float, Field(gt=0)] = 900.0
    no_progress_s: Annotated[float, Field(gt=0)] = 1800.0


class LocalRay(Frozen):
    """Size of the Ray that a run starts for itself. Logical CPUs: 0 means twice the cores."""

    num_cpus: Count = 0
    num_gpus: Count = 0
    object_store_mb: Positive = 512


class Profile(Frozen):
    """One way to run on one kind of cluster."""

    name: str
    api: Positive = 1
    """Ingress replicas of the HTTP service; each holds a thousand waiting requests."""
    renderer: Replicas = Replicas()
    models: dict[str, Replicas]
    """Deployments by model name; a model that is not listed cannot be used in `mode: serve`."""
    batch: Batch = Batch()
    ray: LocalRay = LocalRay()

    @property
    def in_flight(self) -> int:
        """Chunks kept in flight: enough that the queue shows Serve how many renderers are wanted, a fifth to spare."""
        shape = self.renderer.standard or self.renderer
        return math.ceil(shape.max_replicas * shape.shared * 1.2)

    def cold_for(self, chunks: int) -> int:
        """Standard renderers to begin a night of so many chunks with: those that its queue asks for as soon as one runs."""
        shape = self.renderer.standard or self.renderer
        wanted = math.ceil(min(chunks, self.in_flight) / shape.shared)
        return min(shape.max_replicas, max(shape.cold, wanted))

    @property
    def workers(self) -> int:
        """Renderers that may work at once for a night."""
        return (self.renderer.standard or self.renderer).max_replicas

    @property
    def deployments(self) -> dict[str, Replicas]:
        """Every Serve deployment of the profile, by its name there."""
        shapes = {RENDERER: self.renderer, **self.models}
        twins = {twin(name): shape.standard for name, shape in shapes.items() if shape.standard}
        return shapes | twins


def twin(name: str) -> str:
    """Name of the deployment that does the standard work of another."""
    return f"{name}-standard"


def load_profile(name: str) -> Profile:
    """A packaged profile by name, or a YAML file by path. Raises SettingsError naming file and field."""
    path = Path(name) if name.endswith((".yaml", ".yml")) else FOLDER / f"{name}.yaml"
    try:
        return Profile.model_validate(yaml.safe_load(path.read_text()))
    except FileNotFoundError as error:
        known = ", ".join(sorted(p.stem for p in FOLDER.glob("*.yaml")))
        raise SettingsError(f"no profile {name!r}; known: {known}") from error
    except (ValidationError, yaml.YAMLError) as error:
        raise SettingsError(f"{path}: {error}") from error
