"""Many small runs side by side: a loop on small arrays becomes arithmetic on vectors of lanes.

`jax.vmap` of a loop over a 2-vector makes arrays of shape (lanes, 2), and every reduction and slice
then walks memory in steps of two. Here each number of a small array becomes a vector of its own,
one entry a lane, so that the body of a loop is straight-line arithmetic on contiguous vectors.
What does not depend on the lane (step counters, schedules, data) is computed once for all lanes,
and a branch that no lane takes is not taken. Everything else is left to `jax.vmap`.
"""

from jdescent.sweeps.lanes.walk import map_batched, map_lanes

__all__ = ["map_batched", "map_lanes"]
