"""Episodes of robot actions from the formats that they are recorded in."""

from fast_tokenizer.datasets.episodes import Episode, Episodes
from fast_tokenizer.datasets.opening import open_episodes

__all__ = ["Episode", "Episodes", "open_episodes"]
