"""The Serve application for `serve deploy` and `serve run`: the same renderer and model deployments that a night uses."""

from __future__ import annotations

from ray import serve

from cluster.deployments import build_app
from cluster.profile import load_profile
from cluster.settings import load_settings
from studio.product import Frozen


class AppArguments(Frozen):
    """What `args:` of a Serve config may say; everything else comes from the settings."""

    profile: str = ""


def build(args: AppArguments) -> serve.Application:
    """Build the app. Raises SettingsError for a profile that does not exist or does not validate."""
    settings = load_settings(**({"profile": args.profile} if args.profile else {}))
    return build_app(settings, load_profile(settings.profile))
