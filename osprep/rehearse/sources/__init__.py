"""What each source looks like on disk: one module per source, with a function that writes it in miniature."""

from collections.abc import Callable, Mapping

from osprep.rehearse.sources import fair1m, folder, qxs_saropt, spacenet6
from osprep.rehearse.tree import RawTree

Writer = Callable[[RawTree, int], None]

WRITERS: Mapping[str, Writer] = {
    "fair1m": fair1m.write,
    "folder": folder.write,
    "qxs-saropt": qxs_saropt.write,
    "spacenet6": spacenet6.write,
}
