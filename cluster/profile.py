"""`Profile`: how many, how big, where. The one place in which counts, batch sizes and retries are written."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import Field, ValidationError, model_validator

from studio.errors import SettingsError
from studio.product import Frozen

FOLDER = Path(__file__).parent / "profiles"
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
    ongoing: Positive = 2
    """Requests one replica works on at a time, and the queue depth per replica that autoscaling aims for."""
    queued: Positive = 1000
    """Requests that may wait at a handle before callers are told to come back."""
    threads: Positive = 1
    """CPU threads inside one replica."""
    batch: Positive = 8
    """Most items in one model call."""
    labels: dict[str, str] = Field(default_factory=dict)
    """Node labels the replica asks for."""
    upscale_delay_s: Share = 2.0
    downscale_delay_s: Share = 120.0

    @model_validator(mode="after")
    def _bounds(self) -> Replicas:
        if self.min_replicas > self.max_replicas:
            raise ValueError("min_replicas is above max_replicas")
        return self


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
    renderer: Replicas = Replicas()
    models: dict[str, Replicas]
    """Deployments by model name; a model that is not listed cannot be used in `mode: serve`."""
    batch: Batch = Batch()
    ray: LocalRay = LocalRay()

    @property
    def in_flight(self) -> int:
        """Chunks kept in flight: enough that the queue shows Serve how many renderers are wanted, a fifth to spare."""
        return math.ceil(self.renderer.max_replicas * self.renderer.ongoing * 1.2)

    @property
    def workers(self) -> int:
        """Renderers that may work at once."""
        return self.renderer.max_replicas


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
