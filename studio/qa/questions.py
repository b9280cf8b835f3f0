"""What is asked of models about a shot's finished picture."""

from __future__ import annotations

from studio.template import Template


def questions(template: Template) -> frozenset[str]:
    """What the template asks, and what follows from how its pictures are made: whoever lets a generator, another light, a new
    colour or the stronger enlarger at the product wants to know whether it is still the same one and says the same.
    """
    touched = (
        template.scene.engine != "procedural",
        template.relight.preset != "none",
        template.recolour is not None,
        bool(template.upscale.unlettered),
    )
    return frozenset(template.examine) | (frozenset({"text", "identity"}) if any(touched) else frozenset())


def asks(template: Template, *wanted: str) -> bool:
    """Whether one of the questions is asked."""
    return bool(questions(template) & set(wanted))
