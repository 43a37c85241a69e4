"""Everything that a report tells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fast_tokenizer import FastTokenizer
from fast_tokenizer.dataset_training import TrainingRecord
from fast_tokenizer.normalization import Normalizer
from fast_tokenizer.report.chunk_sets import ChunkSet
from fast_tokenizer.report.comparison import ComparedTokenizer
from fast_tokenizer.report.measurement import Measurement
from fast_tokenizer.report.wrong_tokens import WrongTokens


@dataclass(frozen=True, eq=False)
class Report:
    """What a tokenizer does to a dataset.

    Attributes:
        name: Of the tokenizer.
        tokenizer: It, taking actions in the robot's units.
        normalizer: Of the chunks.
        is_fitted: Whether the tokenizer had no normaliser, so that one was fitted to the chunks.
        dimensions: What each dimension is called.
        sets: The chunks, those first that the report is mainly about.
        measured: What came of each.
        spectrum: Root mean square of each coefficient of the first set, normalised, `[H, D]`.
        usage: How often each token was written, over all sets, `[vocab_size]`.
        wrong: What one wrong token does; None where there is no other token.
        compared: This tokenizer and others on the first set.
        record: How it was trained, if that is known.
    """

    name: str
    tokenizer: FastTokenizer
    normalizer: Normalizer
    is_fitted: bool
    dimensions: Sequence[str]
    sets: Sequence[ChunkSet]
    measured: Sequence[Measurement]
    spectrum: npt.NDArray[np.float64]
    usage: npt.NDArray[np.int64]
    wrong: WrongTokens | None
    compared: Sequence[ComparedTokenizer]
    record: TrainingRecord | None
