"""FAIR1M: optical TIFFs without georeference and XML boxes; train and validation reuse each other's file names."""

from xml.sax.saxutils import escape

from osprep.rehearse.products import photograph
from osprep.rehearse.simulator import Setting, SimulatedScene, simulate
from osprep.rehearse.tree import RawTree

_LARGE, _SMALL = (1000, 1000), (600, 800)
_IMAGES: tuple[tuple[str, int, tuple[int, int], Setting], ...] = (
    ("train/part1", 0, _LARGE, "harbour"),
    ("train/part1", 1, _SMALL, "suburb"),
    ("train/part2", 2, _LARGE, "city"),
    ("train/part2", 3, _SMALL, "village"),
    ("train/part2", 4, _LARGE, "farmland"),
    ("validation", 0, _SMALL, "city"),
    ("validation", 1, _SMALL, "harbour"),
    ("test", 0, _SMALL, "suburb"),
)
_NAMES = {"ship": "Dry Cargo Ship", "car": "Small Car", "box": "Cargo Truck"}


def write(tree: RawTree, seed: int) -> None:
    """Write five training images in two parts, two of validation that bear the same names, and one of test."""
    for index, (part, number, (height, width), setting) in enumerate(_IMAGES):
        scene = simulate(height, width, seed * 1_000 + 200 + index, 0.6, setting=setting)
        tree.tif(f"{part}/images/{number}.tif", photograph(scene))
        if part != "test":
            tree.text(f"{part}/labelXml/{number}.xml", _annotation(scene, number))
    for number in (0, 1):
        name = f"validation/images/{number}.tif"
        tree.plant(name, "bears the name of a training image", "left-out", "split-validation", 1)
    tree.plant("test/images/0.tif", "belongs to the test split", "left-out", "split-test", 1)


def _annotation(scene: SimulatedScene, number: int) -> str:
    """Return the boxes of ships and vehicles: five points each, the last one the first again."""
    height, width = scene.land_cover.shape
    objects = []
    for thing in scene.structures:
        low, high = thing.outline.min(axis=0), thing.outline.max(axis=0)
        if thing.kind not in _NAMES or (low < 0).any() or (high > (width, height)).any():
            continue
        (x0, y0), (x1, y1) = low.tolist(), high.tolist()
        corners = ((x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0))
        points = "".join(f"<point>{x:.6f},{y:.6f}</point>" for x, y in corners)
        name = escape(_NAMES[thing.kind])
        objects.append(
            "<object><coordinate>pixel</coordinate><type>rectangle</type><description>None</description>"
            f"<possibleresult><name>{name}</name></possibleresult><points>{points}</points></object>"
        )
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        f"<annotation><source><filename>{number}.tif</filename><origin>GF2/GF3</origin></source>"
        f"<objects>{''.join(objects)}</objects></annotation>\n"
    )
