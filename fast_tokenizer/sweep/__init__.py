"""Many tokenizers of one dataset, to see what fewer tokens cost in error before one is chosen."""

from fast_tokenizer.sweep.drawing import require_drawable, save_drawing
from fast_tokenizer.sweep.grid import SCALES, VOCAB_SIZES, Sweep, SweepPoint, sweep

__all__ = ["SCALES", "VOCAB_SIZES", "Sweep", "SweepPoint", "require_drawable", "save_drawing", "sweep"]
