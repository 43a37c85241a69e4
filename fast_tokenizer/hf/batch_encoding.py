"""Encoded chunks as transformers' `BatchEncoding`: padded, with an attention mask, as arrays or tensors."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from transformers import BatchEncoding
from transformers.utils import PaddingStrategy

from fast_tokenizer.token_batch import TokenBatch


def as_batch_encoding(
    batch: TokenBatch,
    *,
    padding: bool | str | PaddingStrategy,
    max_length: int | None,
    pad_to_multiple_of: int | None,
    padding_side: Literal["left", "right"],
    return_tensors: str | None,
) -> BatchEncoding:
    """Lays ids out as a model of transformers takes them.

    Args:
        batch: The ids.
        padding: False for none; True or `"longest"` to the longest chunk; `"max_length"` to `max_length`.
        max_length: The most ids that a chunk may have.
        pad_to_multiple_of: The width is rounded up to a multiple of this.
        padding_side: `"left"` or `"right"`.
        return_tensors: `"np"`, `"pt"`, or None for lists.

    Returns:
        `input_ids` and `attention_mask`: lists, or int64 `[B, L]`.

    Raises:
        ValueError: If a chunk has more than `max_length` ids, as nothing is cut off; or if tensors are wanted of
            chunks that differ in length, without padding.
    """
    names = {True: PaddingStrategy.LONGEST, False: PaddingStrategy.DO_NOT_PAD}
    strategy = names[padding] if isinstance(padding, bool) else PaddingStrategy(padding)
    if strategy is PaddingStrategy.MAX_LENGTH and max_length is None:
        raise ValueError('padding="max_length" needs max_length: the number of ids to pad to')
    if strategy is PaddingStrategy.DO_NOT_PAD and return_tensors is not None and len(set(batch.lengths)) > 1:
        raise ValueError(
            f"the chunks have {batch.lengths.min()} to {batch.lengths.max()} ids: tensors need padding=True"
        )
    # A limit holds without padding too. It is the width only where that is asked for.
    ids, mask = batch.padded(padding_side, pad_to_multiple_of or 1, max_length)
    if strategy is PaddingStrategy.LONGEST:
        ids, mask = batch.padded(padding_side, pad_to_multiple_of or 1)
    if strategy is PaddingStrategy.DO_NOT_PAD:
        lists = batch.to_lists()
        data: dict[str, Any] = {"input_ids": lists, "attention_mask": [[1] * len(one) for one in lists]}
        return BatchEncoding(data, tensor_type=return_tensors)
    data = {"input_ids": ids.astype(np.int64), "attention_mask": mask.astype(np.int64)}
    if return_tensors is None:
        data = {name: array.tolist() for name, array in data.items()}
    return BatchEncoding(data, tensor_type=return_tensors)
