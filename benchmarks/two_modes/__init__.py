"""A masked diffusion model over action ids: two ways around an obstacle, a small transformer, pictures."""
