"""What the seeds say of action representations, and what the lab measured of it: a file a topic."""

from fast_tokenizer.lab.claims import distributions, motion, precision, speed, ways
from fast_tokenizer.lab.claims.judging import CLAIMS, Judged, judge_all

__all__ = ["CLAIMS", "Judged", "distributions", "judge_all", "motion", "precision", "speed", "ways"]
