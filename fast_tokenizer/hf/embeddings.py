"""Room for action tokens in a language model: tokens in its tokenizer, rows in its embeddings."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np

from fast_tokenizer.text_tokenizer import ACTION_TOKEN
from fast_tokenizer.vocabulary_map import VocabularyMap

EmbeddingInit = Literal["mean", "by_value"]
"""How rows of action ids begin. `mean`: all as the mean of the other rows. `by_value`: along a smooth curve with
the mean and spread of the other rows, so that neighbouring ids begin near each other: for bins, which are in the
order of their values."""

# 90 degrees of the curve; the rows of neighbours then have a cosine of 0.999, about their mean.
_IDS_A_QUARTER_TURN = 32


def add_action_tokens(text_tokenizer: Any, size: int) -> VocabularyMap:
    """Adds `<action_0>` and so on to a tokenizer of transformers, which is changed.

    Those that it has already are not added twice, so a saved tokenizer can be opened and asked again.

    Args:
        text_tokenizer: The language model's.
        size: Action ids that there are.

    Returns:
        Where they are. The model needs `resize_embeddings` next.
    """
    from transformers import AddedToken

    names = [ACTION_TOKEN.format(number) for number in range(size)]
    text_tokenizer.add_tokens([AddedToken(name, normalized=False) for name in names])
    return VocabularyMap.from_tokenizer(text_tokenizer, "added", size=size)


def resize_embeddings(model: Any, places: VocabularyMap, *, init: EmbeddingInit = "mean", seed: int = 0) -> None:
    """Gives every action id a row in the embeddings of a model of transformers, which is changed.

    Input and output embeddings grow where they are too small, and never shrink; tied ones stay tied. The rows of
    action ids are set anew, also those that were there (`"tail"` and `"reserved"` take rows of rare tokens).

    Args:
        model: A `PreTrainedModel`.
        places: Where the action ids lie.
        init: How their rows begin.
        seed: Of the curve of `"by_value"`.
    """
    if init not in get_args(EmbeddingInit):
        raise ValueError(f"init is {init!r}: expected 'mean' or 'by_value'")
    import torch

    old = model.get_input_embeddings().weight.shape[0]
    every = [*places.model_ids.tolist(), places.pad_id, places.eos_id, places.mask_id]
    needed = 1 + max(one for one in every if one is not None)
    if needed > old:
        model.resize_token_embeddings(needed, mean_resizing=False)
    others = torch.from_numpy(np.setdiff1d(np.arange(old), places.model_ids))
    ids = torch.from_numpy(places.model_ids.copy())
    head = model.get_output_embeddings()
    layers = [model.get_input_embeddings()] if head is None else [model.get_input_embeddings(), head]
    with torch.no_grad():
        for table in (layer.weight for layer in layers):  # tied ones get the same rows twice
            std, rows = torch.std_mean(table[others.to(table.device)].float(), dim=0)
            if init == "by_value":
                rows = rows + std * _curve(len(places), len(std), seed).to(std)
            table[ids.to(table.device)] = rows.to(table).expand(len(places), -1)
        bias = getattr(head, "bias", None)
        if bias is not None:
            bias[ids.to(bias.device)] = bias[others.to(bias.device)].mean()


def _curve(size: int, width: int, seed: int) -> Any:
    """Points `[size, width]` on a random curve, each normally distributed, from one quarter turn to the next."""
    import torch

    turns = torch.arange(size) / _IDS_A_QUARTER_TURN
    begin = turns.long()
    angle = (turns - begin)[:, None] * (torch.pi / 2)
    draws = torch.Generator().manual_seed(seed)
    corners = torch.randn(size // _IDS_A_QUARTER_TURN + 2, width, generator=draws)
    return corners[begin] * torch.cos(angle) + corners[begin + 1] * torch.sin(angle)
