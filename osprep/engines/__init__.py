"""Drivers: each runs one fixed list of tasks and yields what they return, in any order.

A driver is a generator function `(tasks, work, workers)`. `work(task)` publishes one shard and returns a
small record; tasks know nothing of each other, so a driver has nothing to do but to call it once per task and to stop
at the first error. `ENGINES` names them.
"""

from collections.abc import Mapping

from osprep.engines.local import Engine, run_local

ENGINES: Mapping[str, Engine] = {"local": run_local}

__all__ = ["ENGINES", "Engine", "run_local"]
