"""Sequences of tokens of several prompts, with the masks that a model is trained with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class PromptBatch:
    """Prompts, and the answers that a model is to learn, as ids of a language model.

    Attributes:
        tokens: int64 `[B, L]`.
        padding_mask: bool `[B, L]`, true on tokens.
        ar_mask: bool `[B, L]`, as openpi's and big_vision's `ar_mask`: true on a token that those before it do not
            see, as in an answer; false in a prompt that sees all of itself, and on padding.
        loss_mask: bool `[B, L]`, true on the tokens to be predicted.
        answer_start: int64 `[B]`: the column after the prompt, where the answer begins.
        dropped: int64 `[B]`: ids that did not fit.
        clipped: bool `[B]`: which chunks held a coefficient outside the range of the action tokenizer.
        action_is_pad: bool `[B, H, D]`, true on the actions that are padding; None without actions.
    """

    tokens: npt.NDArray[np.int64]
    padding_mask: npt.NDArray[np.bool_]
    ar_mask: npt.NDArray[np.bool_]
    loss_mask: npt.NDArray[np.bool_]
    answer_start: npt.NDArray[np.int64]
    dropped: npt.NDArray[np.int64]
    clipped: npt.NDArray[np.bool_]
    action_is_pad: npt.NDArray[np.bool_] | None

    def __len__(self) -> int:
        """Sequences in the batch."""
        return len(self.tokens)

    def labels(self, ignore_id: int = -100) -> npt.NDArray[np.int64]:
        """The tokens to be predicted, `ignore_id` elsewhere: int64 `[B, L]`, as Hugging Face models take them."""
        return np.where(self.loss_mask, self.tokens, ignore_id)


@dataclass(frozen=True)
class Part:
    """The ids of a prompt or of an answer, before padding.

    Attributes:
        ids: Of the language model.
        is_causal: What `ar_mask` is on them.
        loss_from: Where those to be predicted begin.
    """

    ids: list[int]
    is_causal: bool
    loss_from: int


@dataclass(frozen=True, eq=False)
class Block:
    """Columns of a batch: sequences of one or more parts, cut or padded to one width.

    Attributes:
        tokens: int64 `[B, W]`.
        padding_mask: bool `[B, W]`, as in `PromptBatch`.
        ar_mask: bool `[B, W]`.
        loss_mask: bool `[B, W]`.
        dropped: int64 `[B]`: ids beyond the width.
    """

    tokens: npt.NDArray[np.int64]
    padding_mask: npt.NDArray[np.bool_]
    ar_mask: npt.NDArray[np.bool_]
    loss_mask: npt.NDArray[np.bool_]
    dropped: npt.NDArray[np.int64]

    @classmethod
    def of(cls, rows: Sequence[Sequence[Part]], max_length: int, pads_to_max_length: bool, pad_id: int) -> Block:
        """Writes the parts of each row one after the other.

        Args:
            rows: The parts of each sequence.
            max_length: Columns at most.
            pads_to_max_length: Whether there are as many columns, or only as many as the longest sequence needs.
            pad_id: Fills the rest of a row.
        """
        lengths = np.array([sum(len(part.ids) for part in row) for row in rows], np.int64)
        width = max_length if pads_to_max_length else min(max_length, int(lengths.max(initial=0)))
        tokens = np.full((len(rows), width), pad_id, np.int64)
        padding_mask = np.arange(width) < lengths[:, None]
        ar_mask, loss_mask = np.zeros_like(padding_mask), np.zeros_like(padding_mask)
        for index, row in enumerate(rows):
            begin = 0
            for part in row:
                end = min(begin + len(part.ids), width)
                tokens[index, begin:end] = part.ids[: end - begin]
                ar_mask[index, begin:end] = part.is_causal
                loss_mask[index, begin + part.loss_from : end] = True
                begin = end
        return cls(tokens, padding_mask, ar_mask, loss_mask, np.maximum(lengths - width, 0))
