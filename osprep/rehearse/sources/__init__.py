"""What each source looks like on disk: one module per source, with a function that writes it in miniature."""

from collections.abc import Callable, Mapping

from osprep.rehearse.sources import (
    atrnet_star,
    ddhr,
    dfc23,
    earthmiss,
    fair1m,
    fair_csar,
    folder,
    gfge_so,
    oem_sar,
    ogsod_2,
    osdataset_2,
    qxs_saropt,
    rsd46,
    sardet_180k,
    spacenet6,
    whu_opt_sar,
)
from osprep.rehearse.tree import RawTree

Writer = Callable[[RawTree, int], None]

WRITERS: Mapping[str, Writer] = {
    "atrnet-star": atrnet_star.write,
    "ddhr": ddhr.write,
    "dfc23": dfc23.write,
    "earthmiss": earthmiss.write,
    "fair-csar": fair_csar.write,
    "fair1m": fair1m.write,
    "folder": folder.write,
    "gfge-so": gfge_so.write,
    "oem-sar": oem_sar.write,
    "ogsod-2": ogsod_2.write,
    "osdataset-2": osdataset_2.write,
    "qxs-saropt": qxs_saropt.write,
    "rsd46": rsd46.write,
    "sardet-180k": sardet_180k.write,
    "spacenet6": spacenet6.write,
    "whu-opt-sar": whu_opt_sar.write,
}
