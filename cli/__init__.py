"""The command lines."""

import os

# Threads of a parallel CPU loop that wait by spinning take the cores from each other as soon as anything else runs: a
# training step on two busy cores took five times as long. The variable is read when torch is first imported.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
