"""The command lines."""

import os

# Threads of a parallel CPU loop that wait by spinning take the cores from each other as soon as anything else runs;
# benchmarks/busy_cores.py measures it. The variable is read when torch is first imported.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
