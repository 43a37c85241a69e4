"""What a training gives: the tokenizer, the record of how it was made, and what it does to chunks."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from fast_tokenizer import FastTokenizer
from fast_tokenizer.dataset_training.figures import Figures
from fast_tokenizer.hub import publish
from fast_tokenizer.model_card import model_card
from fast_tokenizer.serialization import SavedTokenizer, write_directory


@dataclass(frozen=True)
class TrainedTokenizer:
    """A tokenizer with its normaliser inside.

    Attributes:
        tokenizer: Takes and gives actions in the robot's units.
        record: What it was trained on, and how: plain JSON, which is saved with it.
        figures: Of chunks of the episodes that were held out, or if there are none, of those trained on.
        held_out_chunks: How many were held out.
        constant: Dimensions that do not move in the training data, and so not in what is decoded either.
        seconds: What each stage of the work took.
    """

    tokenizer: FastTokenizer
    record: Mapping[str, Any]
    figures: Figures
    held_out_chunks: int
    constant: tuple[int, ...]
    seconds: Mapping[str, float]

    def save(self, directory: str | os.PathLike[str]) -> None:
        """Saves as `FastTokenizer.save_pretrained` does, and the record in `training.json`."""
        write_directory(Path(directory), self._saved, training=self.record)

    def push_to_hub(self, repo_id: str) -> str:
        """Uploads what `save` writes, as `FastTokenizer.push_to_hub` does.

        Returns:
            The address of the commit.
        """
        write = partial(write_directory, saved=self._saved, training=self.record)
        return publish(repo_id, write, model_card(self._saved, repo_id))

    @property
    def _saved(self) -> SavedTokenizer:
        one = self.tokenizer
        return SavedTokenizer(one.codec, one.time_horizon, one.action_dim, one.normalizer)
