"""Generated sets inside a recipe: who shares one, what is told when memory runs out, that the product keeps its pixels."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cluster.remembering import RememberingModels
from connectors.storage.registry import open_storage
from studio.destination import Destination, Source
from studio.errors import PackshotError, TemplateError
from studio.keys import digest_bytes
from studio.models.base import LocalModels
from studio.models.registry import Registry
from studio.product import Product, ProductImage
from studio.recipes.base import Recipe
from studio.shot import Shot
from studio.steps.backdrop import Backdrop
from studio.steps.base import Step
from studio.steps.compose import Compose
from studio.steps.cutout import CutoutStep
from studio.steps.decode import Decode
from studio.steps.generate import Generate
from studio.steps.ground import Ground
from studio.steps.place import Place
from studio.steps.scene import SceneStep
from studio.take import Take
from studio.template import Prompt, Scene, Template
from tests.sample import photo

RECIPE = Recipe("t", (Decode(), CutoutStep(), Place(), Backdrop(), SceneStep(), Generate(), Ground(), Compose()))
SOURCES = (Source(title="made for tests", date="2026-11-22"),)


class House:
    """Shots of made-up products in one look, and the models that serve them; generators note their calls."""

    def __init__(self, folder: Path, mode: str = "backdrop", options: str = "", **scene: Any) -> None:
        self.folder, self.trace = folder, folder / "calls"
        self.trace.touch()
        given = ",".join(filter(None, [f"trace={self.trace}", options]))
        self.models = LocalModels(Registry(folder, configured={"fake-scene": given}))
        look: dict[str, Any] = {"engine": "diffusers", "model": "fake-scene", "mode": mode} | scene
        self.template = Template.model_validate(
            {
                "id": "oak",
                "title": "Oak",
                "outputs": ["square"],
                "background": {"kind": "colour", "colour": "#d8d0c8"},
                "shadow": {"contact": 0.0, "cast": 0.0},
                "composition": {"fill": 0.4},
                "cutout": {"model": "fake-matte", "refiner": "none", "second_pass": False, "decontaminate": False},
                "scene": look,
                "prompt": {"scene": "a sunlit oak counter", "attributes": ["colour"]},
            }
        )

    def shot(self, number: int, size: tuple[int, int] = (160, 160), **place: Any) -> Shot:
        path = self.folder / f"{number}.png"
        photo(path, number)
        image = ProductImage(uri=str(path), digest=digest_bytes(path.read_bytes()))
        return Shot(
            product=Product(sku=f"S{number}", title="Mug", attributes={"colour": ["red", "blue"][number % 2]}, images=(image,)),
            template=self.template,
            destination=Destination(
                id="square", title="t", width=size[0], height=size[1], max_bytes=10**7, sources=SOURCES, **place
            ),
            images=(image,),
        )

    def calls(self) -> int:
        return len(self.trace.read_text().splitlines())

    def make(self, shots: Sequence[Shot], models: Any = None) -> list[Take]:
        takes = [Take(shot, Path(shot.images[0].uri).read_bytes()) for shot in shots]

        async def run() -> None:
            for step in RECIPE.steps:
                done = await step.process([take for take in takes if step.applies(take.shot)], models or self.models)
                assert not [one for one in done if isinstance(one, PackshotError)], done

        asyncio.run(run())
        return takes


def key(shot: Shot, step: type[Step]) -> str:
    return {type(each): found for each, found in RECIPE.keys(shot, Registry(Path()).card)}[step]


def locked(take: Take) -> bool:
    """Whether the product's own pixels are in the picture."""
    placed, image = take.need_placed(), take.need_image()
    solid = placed.alpha >= 1
    return bool(solid.any()) and np.array_equal(image[solid], placed.rgb[solid])


def test_one_set_serves_every_sku_of_a_look(tmp_path: Path) -> None:
    house = House(tmp_path)
    store = open_storage(str(tmp_path / "store"))
    first = house.make([house.shot(i) for i in range(6)], RememberingModels(house.models, store))
    again = house.make([house.shot(i, (320, 320)) for i in range(6, 9)], RememberingModels(house.models, store))
    assert house.calls() == 1
    assert all(locked(take) for take in (*first, *again))
    assert {take.engine for take in first} == {"diffusers:fake-scene"}
    assert sum(take.model_calls["fake-scene"] for take in (*first, *again)) == 1
    grounds = [take.ground for take in first]
    assert all(np.array_equal(ground, grounds[0]) for ground in grounds)
    assert np.array_equal(again[0].ground[::2, ::2].shape, (160, 160, 3))


def test_aspect_seed_and_words_ask_for_other_sets(tmp_path: Path) -> None:
    house = House(tmp_path)
    store = open_storage(str(tmp_path / "store"))
    remembering = RememberingModels(house.models, store)
    made = house.make([house.shot(0), house.shot(1, (160, 100)), house.shot(2, (100, 160))], remembering)
    assert house.calls() == 3
    seeded = house.template.scene.model_copy(update={"seed": 8})
    again = house.shot(0).model_copy(update={"template": house.template.model_copy(update={"scene": seeded})})
    retried = house.make([again], remembering)
    assert house.calls() == 4
    assert not np.array_equal(retried[0].ground, made[0].ground)
    for change in ({"scene": house.template.scene.model_copy(update={"seed": 7})}, {"prompt": Prompt(scene="a beach")}):
        other = house.shot(0).model_copy(update={"template": house.template.model_copy(update=change)})
        house.make([other], remembering)
        assert key(other, Backdrop) != key(house.shot(0), Backdrop)
    assert house.calls() == 6


def test_the_key_of_an_empty_set_knows_nothing_of_the_product(tmp_path: Path) -> None:
    house = House(tmp_path)
    first, second = house.shot(0), house.shot(1)
    step = Backdrop()
    assert step.reads(first) == step.reads(second)
    around = House(tmp_path, "inpaint")
    told = [Generate().reads(around.shot(i)) for i in (0, 1)]
    assert told[0]["attributes"] != told[1]["attributes"]


@pytest.mark.parametrize("place", [{"background": "white"}, {"background": "transparent", "accepts": ("png",)}])
def test_a_destination_with_a_ground_of_its_own_gets_no_generated_set(tmp_path: Path, place: dict[str, Any]) -> None:
    house = House(tmp_path)
    (take,) = house.make([house.shot(0, **place)])
    assert (take.engine, house.calls()) == ("procedural", 0)


@pytest.mark.parametrize("mode", ["inpaint", "edit"])
def test_a_set_around_each_product_keeps_the_product(tmp_path: Path, mode: str) -> None:
    house = House(tmp_path, mode)
    takes = house.make([house.shot(i, (240, 160)) for i in range(3)])
    assert all(locked(take) for take in takes)
    assert [take.measurements["outgrowth"] for take in takes] == [0, 0, 0]
    assert not np.array_equal(takes[0].ground, takes[1].ground)
    assert takes[0].model_calls == {"fake-matte": 2, "fake-scene": 1}


def test_a_generator_that_extends_the_product_is_measured(tmp_path: Path) -> None:
    house = House(tmp_path, "inpaint", "grow=0.4")
    (take,) = house.make([house.shot(3)])
    assert locked(take)
    assert take.measurements["outgrowth"] > 0.3


@pytest.mark.parametrize("mode", ["backdrop", "inpaint"])
def test_without_memory_the_procedural_set_stays_and_says_so(tmp_path: Path, mode: str) -> None:
    house = House(tmp_path, mode, "memory=0")
    (take,) = house.make([house.shot(0)])
    assert take.engine == "procedural"
    assert take.measurements["scene_out_of_memory"] == 1
    assert take.measurements["scene_rung_tiled_decoding"] == 1
    assert take.measurements["scene_rung_none_fits"] == 1
    assert np.array_equal(take.ground[0, 0], (0xD8, 0xD0, 0xC8))
    assert take.measurements.get("outgrowth", 0.0) == 0


def test_rungs_that_were_taken_are_told_and_survive_the_store(tmp_path: Path) -> None:
    house = House(tmp_path, "backdrop", "memory=0.5")
    store = open_storage(str(tmp_path / "store"))
    for number in (0, 1):
        (take,) = house.make([house.shot(number)], RememberingModels(house.models, store))
        assert take.engine == "diffusers:fake-scene"
        assert (take.measurements["scene_rungs"], take.measurements["scene_rung_tiled_decoding"]) == (1, 1)
    assert house.calls() == 1


def test_a_mode_that_the_generator_lacks_is_an_error_of_the_template(tmp_path: Path) -> None:
    shot = House(tmp_path, model="qwen-image-edit-2509").shot(0)
    with pytest.raises(TemplateError, match=r"oak@1.*qwen-image-edit-2509.*edit"):
        Backdrop().reads(shot)


def test_looks_without_a_generator_keep_their_keys(tmp_path: Path) -> None:
    shot = House(tmp_path).shot(0)
    plain = shot.model_copy(update={"template": shot.template.model_copy(update={"scene": Scene()})})
    older = Recipe("t", tuple(step for step in RECIPE.steps if not isinstance(step, Backdrop | Generate)))
    assert RECIPE.key(plain, Registry(Path()).card) == older.key(plain, Registry(Path()).card)
