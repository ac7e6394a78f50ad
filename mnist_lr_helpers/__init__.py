"""Helpers that keep the notebooks of the course short. Each module imports only what stands left of it.

exceptions → files → download → splits → handwriting → data → features → warps → models → training → checkpoints →
optimum → evaluation → plotting → findings
"""

import os
import sys

# Idle OpenMP threads spin unless they are told to wait: on a machine that others use too, an epoch of logistic
# regression took 49 s instead of 0.4 s. They are told when torch is imported. If that has happened already, one thread
# is left, which has nobody to wait for.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
