"""Source cards: all that ship are sound; mistakes are named."""

from pathlib import Path

import pytest
import yaml

from manifests import CardError, card_ids, load_card, parse_card, read_card


@pytest.mark.parametrize("source", card_ids())
def test_cards_that_ship_are_sound(source: str) -> None:
    card = read_card(source)
    assert card.id == source
    assert card.layouts
    assert card.access.instructions
    assert set(card.splits.values()) <= {"pretrain", "heldout"}
    assert (card.optical is not None) == (card.kind in ("pair", "optical", "any"))
    assert (card.sar is not None) == (card.kind in ("pair", "sar", "any"))
    for rule in filter(None, (card.optical, card.sar)):
        assert len(rule.bands) == len(rule.names)
        assert min(rule.bands) >= 1
    if card.id != "folder":
        assert card.origin, "facts need their origin"
        assert card.expected.rule


def broken(**changes: object) -> str:
    return yaml.safe_dump({**card_as_dict(), **changes})


def card_as_dict() -> dict[str, object]:
    import manifests

    return dict(yaml.safe_load((Path(manifests.__file__).parent / "sources" / "qxs-saropt.yaml").read_text()))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "not YAML"),
        ("[]", "expected keys"),
        (broken(colour="red"), "unknown key 'colour'"),
        (broken(kind="triple"), "'triple' is not one of"),
        (broken(title=3), "title: 3 is not str"),
        (broken(gsd="one"), "gsd: 'one'"),
        (broken(id="Has Blank"), "id 'Has Blank'"),
        (broken(tile={"size": True}), "tile: size: True"),
        (broken(tile={"sise": 3}), "tile: unknown key 'sise'"),
        (broken(expected={"confidence": "high", "rule": ""}), "expected: key 'count' is missing"),
    ],
)
def test_mistakes_are_named(text: str, message: str) -> None:
    with pytest.raises(CardError, match="x.yaml.*" + message.replace("(", r"\(")):
        parse_card(text, "x.yaml")


def test_a_users_card_and_an_unknown_source(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(broken(id="mine", gsd=2))
    card = load_card(path)
    assert (card.id, card.gsd) == ("mine", 2.0)
    with pytest.raises(CardError, match=r"known are .*qxs-saropt"):
        read_card("mine")
