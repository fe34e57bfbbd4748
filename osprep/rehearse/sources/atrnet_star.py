"""ATRNet-STAR: 128 x 128 chips of vehicles by type; sibling benchmarks hold the same chips again."""

from osprep.rehearse.chips import target_chip
from osprep.rehearse.products import picture
from osprep.rehearse.tree import RawTree

_ROOT = "Ground_Range/Amplitude_8bit"
_TYPES = ("Chang'an_CS75_Plus", "Chery_Arrizo 5", "Foton_BJ1045V9JB5-54", "Hongqi_h5")
_BANDS, _POLARISATIONS = ("KU", "X"), ("HH", "HV", "VH", "VV")
_TRAIN, _TEST = 6, 2


def write(tree: RawTree, seed: int) -> None:
    """Write 24 chips of training and 8 of test of four types, and three of them once more in a sibling benchmark."""
    number = 253_993
    for index, kind in enumerate(_TYPES):
        for shot in range(_TRAIN + _TEST):
            part = "train" if shot < _TRAIN else "test"
            setup = f"{_BANDS[shot % 2]}_{_POLARISATIONS[shot % 4]}_{15 + 15 * (shot % 3)}_{30 * shot}"
            path = f"{_ROOT}/SOC_40classes/{part}/{kind}/{setup}_{number}"
            chip = target_chip(128, 128, seed * 1_000 + 780 + 10 * index + shot, "vehicle", 0.15)
            tree.tif(f"{path}.tif", picture(chip))
            tree.text(
                f"{path}.xml", f"<annotation><object><name>{kind.replace('&', '')}</name></object></annotation>\n"
            )
            number += 1
    first = "KU_HH_15_0_253993.tif"
    for kind in _TYPES[:1]:
        tree.copy(f"{_ROOT}/SOC_50classes/train/{kind}/{first}", f"{_ROOT}/SOC_40classes/train/{kind}/{first}")
    again = f"{_ROOT}/SOC_50classes/train/{_TYPES[0]}/{first}"
    tree.plant(again, "is a chip of SOC_40classes again", "left-out", "sibling-benchmark", 1)
    hidden = f"{_ROOT}/SOC_40classes/test/{_TYPES[0]}/KU_VH_15_180_253999.tif"
    tree.plant(hidden, "belongs to the test split", "left-out", "split-test", _TEST * len(_TYPES))
