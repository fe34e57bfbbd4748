"""The windows of the plan that this rank has open, and where each slot's image is in them."""

from bisect import bisect_right
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import accumulate

from manifests import Modality
from osloader.plan import EpochPlan, Plan, SlotReads, Span, StreamName
from osloader.read import Block, BlockReader
from osloader.selection import Selection


@dataclass(frozen=True, slots=True)
class Place:
    """An image that is read or on its way: number in its block, and the row of its source in the statistics."""

    block: "Future[Block]"
    number: int
    source: int
    where: str


@dataclass(frozen=True, slots=True, eq=False)
class _Window:
    """A window's ranges, the place in the window at which each begins, and the reads under way."""

    first: int
    begins: tuple[int, ...]
    spans: tuple[Span, ...]
    blocks: "tuple[Future[Block], ...]"


class Windows:
    """Open windows of one epoch. Each is read once, and dropped when its lane has gone on to the next one and the
    batches that hold its images are done. `sources` gives each shard's row of statistics by modality.
    """

    def __init__(
        self,
        plan: Plan,
        epoch: EpochPlan,
        selections: Mapping[StreamName, Selection],
        sources: Mapping[StreamName, Mapping[Modality, list[int]]],
        reader: BlockReader,
    ) -> None:
        self._plan, self._epoch, self._reader = plan, epoch, reader
        self._selections, self._sources = selections, sources
        self._open: dict[tuple[StreamName, int], tuple[int, _Window]] = {}
        self.requested = 0  # samples

    def places(self, stream: StreamName, reads: SlotReads) -> dict[Modality, list[Place]]:
        """Return where each slot's image of each modality is, by slot, asking for windows that are not open yet."""
        found: dict[Modality, list[Place]] = {modality: [] for modality in self._sources[stream]}
        shards = self._selections[stream].shards
        for lane, number, position in zip(
            reads.lane.tolist(), reads.window.tolist(), reads.position.tolist(), strict=True
        ):
            window = self._window(stream, lane, number)
            at = bisect_right(window.begins, position - window.first) - 1
            span, place = window.spans[at], position - window.first - window.begins[at]
            where = f"{shards[span.shard].path} samples {span.start}–{span.stop}"
            for modality, places in found.items():
                places.append(Place(window.blocks[at], place, self._sources[stream][modality][span.shard], where))
        return found

    def close(self) -> None:
        """Drop every window."""
        self._open.clear()

    def _window(self, stream: StreamName, lane: int, number: int) -> _Window:
        held = self._open.get((stream, lane))
        if held is None or held[0] != number:
            held = number, self._request(stream, lane, number)
            self._open[stream, lane] = held
        return held[1]

    def _request(self, stream: StreamName, lane: int, number: int) -> _Window:
        selection = self._selections[stream]
        spans = self._epoch.window(stream, lane, number)
        lengths = [span.stop - span.start for span in spans]
        self.requested += sum(lengths)
        return _Window(
            first=self._plan.lanes(stream).bounds(lane, number)[0],
            begins=tuple(accumulate(lengths[:-1], initial=0)),
            spans=spans,
            blocks=tuple(
                self._reader.request(selection.shards[span.shard], selection.tar_rows(*span)) for span in spans
            ),
        )
