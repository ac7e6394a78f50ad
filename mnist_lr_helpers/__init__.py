"""Helpers that keep the notebooks of the course short. Each module imports only what stands left of it.

exceptions → files → download → splits → handwriting → data → features → warps → models → training → checkpoints →
optimum → evaluation → plotting → findings
"""

import os

# Without this, idle OpenMP threads spin: on a machine that others use too, an epoch of
# logistic regression took 49 s instead of 0.4 s. It must be set before torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
