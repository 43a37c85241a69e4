"""Ids of a `Codec` in PyTorch: chunks of which entries may be masked, as ids that a head can learn."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from fast_tokenizer.codecs.codec import Codec


def hold_valid(actions: Tensor, valid: Tensor) -> Tensor:
    """Actions `[B, H, D]` in which what is masked repeats the last valid value of its dimension.

    Before the first valid one it is that one; a dimension without any stays as it is.

    Examples:
        >>> hold_valid(torch.tensor([[[9.0], [1.0], [9.0]]]), torch.tensor([[[False], [True], [False]]])).flatten()
        tensor([1., 1., 1.])
    """
    steps = torch.arange(actions.shape[1], device=actions.device)[:, None]
    last = torch.where(valid, steps, -1).cummax(dim=1).values
    first = valid.int().argmax(dim=1, keepdim=True)
    return actions.gather(1, torch.where(last < 0, first, last))


@torch.compiler.disable  # type: ignore[untyped-decorator]
def encode(codec: Codec, actions: Tensor) -> tuple[Tensor, Tensor]:
    """Ids of chunks, and which of them count, on the device of the actions.

    Args:
        codec: It encodes on the CPU, so that the device is waited for and a compiled graph is left.
        actions: `[B, H, D]`.

    Returns:
        int64 `[B, L]` and bool `[B, L]`. Where the codec writes several lengths, `vocabulary.size` ends each.

    Raises:
        EncodeError: If the codec has no id that they need.
    """
    _, horizon, action_dim = actions.shape
    batch = codec.encode(actions)
    ids, counted = (torch.from_numpy(one).to(actions.device) for one in batch.padded())
    ids = ids.long()
    if codec.length(horizon, action_dim) is None:
        ids = pad(ids.masked_fill(~counted, codec.vocabulary.size), (0, 1), value=codec.vocabulary.size)
        counted = pad(counted, (1, 0), value=True)
    return ids, counted
