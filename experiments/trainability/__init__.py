"""Parts of the experiment `trainability_boundary`."""
