"""Prompts of sixty real products: facts, looks and what is written for them in every dialect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from studio.product import Product
from studio.prompts.writer import write
from studio.template import Template
from templates.lexicon import lexicon
from templates.reading import read_yaml

FOLDER = Path(__file__).parent
SPEECH = ("tags", "sentences", "edit")


def looks() -> dict[str, Template]:
    """The looks by name."""
    data = read_yaml(FOLDER / "looks.yaml")
    return {
        name: Template.model_validate({"id": name, "title": name, "outputs": ["shop"], **look}) for name, look in data.items()
    }


def products() -> list[tuple[Product, str]]:
    """Each product with the name of its look."""
    rows = read_yaml(FOLDER / "products.yaml")["products"]
    return [(Product.model_validate({k: v for k, v in row.items() if k != "look"}), row["look"]) for row in rows]


def written(speech: str) -> dict[str, dict[str, Any]]:
    """What is written in a dialect: for each product, and for each look's empty set."""
    templates, words = looks(), lexicon()
    found = {}
    for name, product, look in [
        *[(product.sku, product, look) for product, look in products()],
        *[(f"empty set: {look}", None, look) for look in templates],
    ]:
        prompt = write(product, templates[look], None, speech, words)
        found[name] = {"positive": prompt.positive, "tokens": prompt.tokens}
        if prompt.negative:
            found[name]["negative"] = prompt.negative
        if prompt.dropped:
            found[name]["dropped"] = [f"{each.source}: {each.reason}" for each in prompt.dropped]
    return found
