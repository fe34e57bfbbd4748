"""How long a training step takes on cores that do something else too, by how OpenMP's threads wait.

    python -m benchmarks.busy_cores [--quick] --json FILE

`tiny` takes steps of 16 pairs on a rehearsed dataset, in processes of their own, with OMP_WAIT_POLICY unset and passive
in turns, on free cores and beside one spinning process per core. Figures are medians of the steps after the first.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from osprep import BuildConfig, available_cores, build, rehearse

TRAIN = "from codemae import resolve, train; import sys; train(resolve(sys.argv[1:]))"
SPIN = "while True: pass"


def main() -> None:
    """Measure and report."""
    options = _options()
    rounds, steps = (1, 4) if options.quick else (3, 8)
    seconds: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        rehearse(root / "raw", ["qxs-saropt"])
        build(BuildConfig(raw=root / "raw", out=str(root / "data")))
        for number in range(rounds):
            for busy in (0, available_cores()):
                for policy in ("unset", "passive"):
                    name = f"{policy}, {busy} busy processes"
                    seconds.setdefault(name, []).append(
                        _median_step(root, f"{number}{busy}{policy}", policy, busy, steps)
                    )
    result = {name: {"median_step_s": statistics.median(times), "rounds": times} for name, times in seconds.items()}
    options.json.write_text(json.dumps(result, indent=1) + "\n")
    for name, figures in result.items():
        print(f"{name}: {figures['median_step_s']:.3f} s per step")


def _median_step(root: Path, run: str, policy: str, busy: int, steps: int) -> float:
    """Train in a fresh process beside `busy` spinning ones; return the median seconds of its steps but the first."""
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    if policy != "unset":
        environment["OMP_WAIT_POLICY"] = policy
    settings = [f"data={root / 'data'}", f"out={root / run}", "preset=tiny", f"steps={steps}", "batch=16"]
    spinning = [subprocess.Popen([sys.executable, "-c", SPIN]) for _ in range(busy)]
    try:
        subprocess.run([sys.executable, "-c", TRAIN, *settings], env=environment, check=True, capture_output=True)
    finally:
        for process in spinning:
            process.kill()
            process.wait()
    log = (root / run / "log.jsonl").read_text().splitlines()
    return statistics.median(json.loads(line)["seconds"] for line in log[1:])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="one round of few steps")
    parser.add_argument("--json", type=Path, required=True, help="where to write the figures")
    return parser.parse_args()


if __name__ == "__main__":
    main()
