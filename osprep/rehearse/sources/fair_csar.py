"""FAIR-CSAR: slices of Gaofen-3 scenes as PNG pictures and as complex matrices, in two imaging modes."""

from collections.abc import Sequence

from osprep.rehearse.products import picture, single_look
from osprep.rehearse.simulator import simulate
from osprep.rehearse.tree import RawTree

_SIDE = 512  # half the side of a real slice
_SL = "GF3_KAS_SL_028685_E139.7_N35.5_20220120_L1A_HH_L10000000001"
_FSI = "GF3_MYN_FSI_016437_E121.8_N31.2_20190928_L1A_HH_L10000000002"
_SLICES: Sequence[tuple[str, str, float]] = (
    ("SL-TRAINVAL/trainval", f"{_SL}_00000_16050", 1.0),
    ("SL-TRAINVAL/trainval", f"{_SL}_07168_01070", 1.0),
    ("SL-TRAINVAL/trainval", f"{_SL}_07168_02140", 1.0),
    ("SL-TRAINVAL/test", f"{_SL}_08192_01070", 1.0),
    ("FSI-TRAINVAL/trainval", f"{_FSI}_00000_04491", 5.0),
    ("FSI-TRAINVAL/trainval", f"{_FSI}_01024_04491", 5.0),
)
_MATRIX_ONLY = f"{_SL}_07168_02140"


def write(tree: RawTree, seed: int) -> None:
    """Write three slices of spotlight and two of stripmap, one of them as a matrix only, and one of test."""
    for index, (folder, name, gsd) in enumerate(_SLICES):
        number = seed * 1_000 + 700 + index
        intensity = simulate(_SIDE, _SIDE, number, gsd, setting="harbour", looks=1).sar[..., 0]
        tree.mat(f"{folder}/SLCMats/{name}.mat", single_look(intensity, number))
        if name != _MATRIX_ONLY:
            tree.png(f"{folder}/PNGImages/{name}.png", picture(intensity))
        tree.text(f"{folder}/METAXmls/{name}.xml", _meta(gsd))
    train = _SLICES[0][0]
    broken = f"{train}/KeyPoints/{_SLICES[0][1]}.xml"
    tree.text(broken, "<annotation><object>")
    tree.plant(broken, "is XML that ends early", "kept", "malformed-xml", 1)
    tree.plant(f"{train}/SLCMats/{_MATRIX_ONLY}.mat", "has no PNG picture", "kept", "matrix-only", 1)
    test, name, _ = _SLICES[3]
    tree.plant(f"{test}/PNGImages/{name}.png", "belongs to the test part", "left-out", "split-test", 1)


def _meta(gsd: float) -> str:
    return (
        f"<annotation><imgingMode>{'SL' if gsd < 2 else 'FSI'}</imgingMode><nominalResolution>{gsd}</nominalResolution>"
        f"<polarizationMode>HH</polarizationMode><size><width>{_SIDE}</width><height>{_SIDE}</height></size></annotation>\n"
    )
