"""What is done to a source's pixels: its card, with what the user's recipe file changes about it.

sources:
  spacenet6:
    sar: {bands: [4], names: [VV]}
    tile: {min_valid: 0.5}
  folder:
    sar: {radiometry: db, parameters: {low: -25, high: 5, power: intensity}}
  fair1m:
    splits: {validation: heldout}
"""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml

from manifests import BandRule, Modality, Role, SourceCard, TileRule, build
from osprep.errors import ConfigError
from osprep.radiometry import Radiometry, get_radiometry
from osprep.readers import get_reader, reader_ids

RECIPE_VERSION = 1  # raise by hand when equal raw pixels give other tiles than before
SECTIONS = ("tile", "optical", "sar", "splits")
Overrides = Mapping[str, Mapping[str, Any]]
Rule = TypeVar("Rule", TileRule, BandRule)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRecipe:
    """All that decides a source's tiles, given its scenes. gsd in metres, where files do not tell.

    `sar_band_named`: a person chose the SAR band, in the card of a published source or in a recipe file.
    """

    source: str
    tile: TileRule
    optical: BandRule | None
    sar: BandRule | None
    splits: Mapping[str, Role]
    gsd: float | None = None
    sar_band_named: bool = True
    version: int = RECIPE_VERSION

    @property
    def name(self) -> str:
        """Return the radiometry of optical and SAR in a few characters, such as `pass+percentile(1-99)`."""
        rules = [rule for rule in (self.optical, self.sar) if rule]
        return "+".join(get_radiometry(rule.radiometry, rule.parameters, self.source).label for rule in rules)

    def rule(self, modality: Modality) -> BandRule:
        """Return the rule of one modality; raise ConfigError when the source has none."""
        rule = self.optical if modality == "optical" else self.sar
        if rule is None:
            raise ConfigError(
                f"source {self.source}: its card says nothing of {modality} images; add bands to the card"
            )
        return rule

    def read_rule(self, modality: Modality) -> BandRule:
        """Return the rule of one modality with all bands that its radiometry needs from the file."""
        rule = self.rule(modality)
        return dataclasses.replace(rule, bands=self.radiometry(modality).reads(rule.bands))

    def radiometry(self, modality: Modality) -> Radiometry:
        """Return the radiometry of one modality."""
        rule = self.rule(modality)
        return get_radiometry(rule.radiometry, rule.parameters, f"{self.source}: {modality}")

    def as_dict(self) -> dict[str, Any]:
        """Return JSON types that decide the pixels; NaN as nodata is written `nan`."""
        plain = dataclasses.asdict(self)
        del plain["sar_band_named"]
        for rule in (plain["optical"], plain["sar"]):
            if rule and rule["nodata"] is not None and math.isnan(rule["nodata"]):
                rule["nodata"] = "nan"
        return plain


def load_recipes(path: Path | None) -> Mapping[str, Overrides]:
    """Read a recipe file: what to change, by source id. Without a file nothing is changed.

    Raises ConfigError that names the key and what is known, for any source in it.
    """
    if path is None:
        return {}
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"recipe {path}: cannot be read ({error}); give the path of a YAML file") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"recipe {path}: not YAML ({' '.join(str(error).split())})") from error
    document = _mapping(raw, f"recipe {path}")
    _known(document, ("sources",), f"recipe {path}", "key")
    sources = _mapping(document.get("sources"), f"recipe {path}: sources")
    _known(sources, reader_ids(), f"recipe {path}", "source")
    recipes = {source: _mapping(overrides, f"recipe {path}: {source}") for source, overrides in sources.items()}
    for source, overrides in recipes.items():
        resolve(get_reader(source).card, overrides, f"recipe {path}: ")
    return recipes


def resolve(card: SourceCard, overrides: Overrides | None = None, where: str = "") -> SourceRecipe:
    """Merge partial overrides over the rules of a card.

    Another radiometry starts from no parameters, and other bands without names are called by their numbers. `where`
    goes before messages. Raises ConfigError that names the key and what is known.
    """
    overrides, where = overrides or {}, f"{where}{card.id}"
    _known(overrides, SECTIONS, where, "key")
    sections = {name: _mapping(value, f"{where}: {name}") for name, value in overrides.items()}
    return SourceRecipe(
        source=card.id,
        tile=_tile_rule(card.tile, sections.get("tile", {}), f"{where}: tile"),
        optical=_band_rule(card.optical, sections.get("optical"), f"{where}: optical"),
        sar=_band_rule(card.sar, sections.get("sar"), f"{where}: sar"),
        splits=_splits(card.splits, sections.get("splits", {}), f"{where}: splits"),
        gsd=card.gsd,
        sar_band_named=card.kind != "any" or "bands" in sections.get("sar", {}),
    )


def _tile_rule(default: TileRule, override: Mapping[str, Any], where: str) -> TileRule:
    rule = _merged(TileRule, default, override, where)
    for name in ("size", "stride", "min_side"):
        if getattr(rule, name) < 1:
            raise ConfigError(f"{where}: {name} {getattr(rule, name)}: give at least 1 pixel")
    if not 0 <= rule.min_valid <= 1:
        raise ConfigError(f"{where}: min_valid {rule.min_valid}: give a share from 0 to 1")
    return rule


def _band_rule(default: BandRule | None, override: Mapping[str, Any] | None, where: str) -> BandRule | None:
    if default is None and override is None:
        return None
    if default is None:
        raise ConfigError(f"{where}: this source has no such images; remove the section")
    given = dict(override or {})
    if given.get("nodata") == "nan":
        given["nodata"] = math.nan
    if given.get("radiometry", default.radiometry) == default.radiometry:
        given["parameters"] = {
            **default.parameters,
            **_mapping(given.get("parameters"), f"{where}: parameters"),
        }
    else:
        given.setdefault("parameters", {})
    if "bands" in given and isinstance(given["bands"], list) and given["bands"] != list(default.bands):
        given.setdefault("names", [f"B{band}" for band in given["bands"]])
    if "bands" in given:  # a person's choice of a band stands against the mean of all
        given.setdefault("average", False)
    rule = _merged(BandRule, default, given, where)
    radiometry = get_radiometry(rule.radiometry, rule.parameters, where)
    if radiometry.bands and "bands" not in given:
        rule = dataclasses.replace(rule, bands=radiometry.bands)
    if not rule.bands or min(rule.bands) < 1 or len(rule.names) != len(rule.bands):
        raise ConfigError(f"{where}: bands {list(rule.bands)}, names {list(rule.names)}: count from 1, a name for each")
    if rule.average and len(rule.bands) > 1:
        raise ConfigError(f"{where}: average gives one band, not {len(rule.bands)}; set average: false, or one band")
    return rule


def _splits(default: Mapping[str, Role], override: Mapping[str, Any], where: str) -> dict[str, Role]:
    for split, role in override.items():
        if role not in get_args(Role):
            raise ConfigError(f"{where}: {split} {role!r}: choose one of {', '.join(get_args(Role))}")
    return {**default, **override}


def _merged(cls: type[Rule], default: Rule, override: Mapping[str, Any], where: str) -> Rule:
    values = {field.name: getattr(default, field.name) for field in dataclasses.fields(cls)}
    return build(cls, {**values, **override}, where, ConfigError)


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if value is None:  # a key with nothing after it
        return {}
    if not isinstance(value, Mapping):
        raise ConfigError(f"{where}: expected keys and values, found {type(value).__name__}")
    return value


def _known(found: Mapping[str, Any], known: tuple[str, ...] | list[str], where: str, noun: str) -> None:
    if unknown := [str(key) for key in found if key not in known]:
        raise ConfigError(f"{where}: unknown {noun} {unknown[0]!r}; known are {', '.join(known)}")
