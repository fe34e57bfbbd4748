import dataclasses
import json
import math
import pickle
from pathlib import Path

import pytest

from manifests import read_card
from osprep.errors import ConfigError
from osprep.recipe import load_recipes, resolve


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    return path


def test_without_overrides_a_recipe_is_the_card() -> None:
    card = read_card("spacenet6")
    recipe = resolve(card)
    assert (recipe.tile, recipe.optical, recipe.sar, recipe.splits) == (card.tile, card.optical, card.sar, card.splits)
    assert recipe.name == "pass+percentile(1-99)"
    assert recipe.gsd == 0.5
    assert resolve(read_card("fair1m")).name == "pass"
    assert load_recipes(None) == {}


def test_partial_overrides_are_merged(tmp_path: Path) -> None:
    text = """
    sources:
      spacenet6:
        tile: {min_valid: 0.5}
        sar: {bands: [4], names: [VV], parameters: {high: 98}}
      fair1m: {splits: {validation: heldout}}
    """
    recipes = load_recipes(write(tmp_path, text))
    recipe = resolve(read_card("spacenet6"), recipes["spacenet6"])
    assert (recipe.tile.min_valid, recipe.tile.size) == (0.5, 256)
    assert recipe.sar is not None
    assert (recipe.sar.bands, recipe.sar.names, recipe.sar.nodata) == ((4,), ("VV",), 0)
    assert recipe.name == "pass+percentile(1-98)"
    assert resolve(read_card("fair1m"), recipes["fair1m"]).splits == {"train": "pretrain", "validation": "heldout"}


def test_another_radiometry_starts_from_its_own_parameters() -> None:
    recipe = resolve(read_card("spacenet6"), {"sar": {"radiometry": "linear", "parameters": {"low": 0, "high": 92}}})
    assert recipe.name == "pass+linear(0,92)"
    assert resolve(read_card("spacenet6"), {"sar": {"radiometry": "rayleigh"}}).name == "pass+rayleigh"


def test_other_bands_lose_the_names_of_the_first() -> None:
    recipe = resolve(read_card("spacenet6"), {"sar": {"bands": [4]}})
    assert recipe.sar is not None
    assert recipe.sar.names == ("B4",)


def test_who_chose_the_sar_band() -> None:
    assert resolve(read_card("spacenet6")).sar_band_named
    assert not resolve(read_card("folder")).sar_band_named
    assert not resolve(read_card("folder"), {"sar": {"radiometry": "percentile"}}).sar_band_named
    assert resolve(read_card("folder"), {"sar": {"bands": [1]}}).sar_band_named


def test_nan_as_nodata_in_yaml_both_ways(tmp_path: Path) -> None:
    for word in ("nan", ".nan"):
        recipes = load_recipes(write(tmp_path, f"sources: {{folder: {{sar: {{nodata: {word}}}}}}}"))
        recipe = resolve(read_card("folder"), recipes["folder"])
        assert recipe.sar is not None
        assert recipe.sar.nodata is not None
        assert math.isnan(recipe.sar.nodata)
        assert '"nodata": "nan"' in json.dumps(recipe.as_dict(), allow_nan=False)


def test_a_recipe_goes_to_other_processes_and_into_json() -> None:
    recipe = resolve(read_card("folder"), {"sar": {"bands": [2]}})
    assert pickle.loads(pickle.dumps(recipe)) == recipe
    assert json.loads(json.dumps(recipe.as_dict()))["sar"]["bands"] == [2]
    assert recipe.as_dict() != resolve(read_card("folder")).as_dict()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("source: {}", "unknown key 'source'; known are sources"),
        ("sources: {spacenet7: {}}", "unknown source 'spacenet7'; known are atrnet-star, "),
        ("sources: {folder: {radar: {}}}", "folder: unknown key 'radar'; known are tile, optical, sar, splits"),
        ("sources: {folder: {tile: {sze: 128}}}", "folder: tile: unknown key 'sze'; known are size"),
        ("sources: {folder: {tile: {size: 0}}}", "size 0: give at least 1"),
        ("sources: {folder: {tile: {size: wide}}}", "'wide' is not int"),
        ("sources: {folder: {tile: {min_valid: 25}}}", "min_valid 25.0: give a share"),
        ("sources: {folder: {sar: {radiometry: gamma}}}", "unknown radiometry 'gamma'; known are auto"),
        ("sources: {folder: {sar: {parameters: {lo: 1}}}}", "unknown key 'lo'; known are low, high"),
        ("sources: {folder: {sar: {bands: [0]}}}", "count from 1"),
        ("sources: {folder: {sar: {bands: []}}}", "count from 1"),
        ("sources: {folder: {sar: {bands: [1, 2], names: [a]}}}", "a name for each"),
        ("sources: {folder: {splits: {all: training}}}", "choose one of pretrain, heldout"),
        ("sources: {fair1m: {sar: {bands: [1]}}}", "fair1m: sar: this source has no such images"),
        ("sources: [folder]", "expected keys and values, found list"),
        ("sources: {folder: 3}", "expected keys and values, found int"),
        ("- 1", "expected keys and values, found list"),
        ("a: [", "not YAML"),
    ],
)
def test_what_is_wrong_is_named_in_one_line(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=r"recipe\.yaml") as caught:
        load_recipes(write(tmp_path, text))
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_an_empty_file_changes_nothing_and_a_missing_one_is_an_error(tmp_path: Path) -> None:
    assert load_recipes(write(tmp_path, "")) == {}
    assert load_recipes(write(tmp_path, "sources:\n  folder:\n")) == {"folder": {}}
    with pytest.raises(ConfigError, match="cannot be read"):
        load_recipes(tmp_path / "absent.yaml")


def test_a_card_that_makes_no_sense_is_an_error_too() -> None:
    card = read_card("folder")
    assert card.sar is not None
    wrong = dataclasses.replace(card, sar=dataclasses.replace(card.sar, radiometry="gamma"))
    with pytest.raises(ConfigError, match="folder: sar: unknown radiometry 'gamma'"):
        resolve(wrong)


def test_the_mean_of_all_colours_is_one_band_and_gives_way_to_a_chosen_band() -> None:
    card = read_card("ogsod-2")
    sar = resolve(card).sar
    assert sar is not None
    assert sar.average
    chosen = resolve(card, {"sar": {"bands": [2]}}).sar
    assert chosen is not None
    assert (chosen.bands, chosen.average) == ((2,), False)
    with pytest.raises(ConfigError, match="ogsod-2: optical: average gives one band, not 3"):
        resolve(card, {"optical": {"average": True}})
    assert "fill" in resolve(card).as_dict()["optical"]
