"""Ids of a `Codec` in PyTorch: chunks of which entries may be masked, as ids that a head can learn."""

from __future__ import annotations

import torch
from torch import Tensor

from fast_tokenizer.actions import chunks_from
from fast_tokenizer.codecs.codec import Codec
from fast_tokenizer.constraint import ActionConstraint
from fast_tokenizer.errors import HeadError


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


def require_ids(codec: Codec, horizon: int, action_dim: int) -> ActionConstraint:
    """The constraint of chunks of this shape.

    Raises:
        HeadError: If the codec has no ids for them.
    """
    try:
        return codec.constraint(horizon, action_dim)
    except ValueError as error:
        raise HeadError(f"{codec!r} has no ids for chunks of [{horizon}, {action_dim}]: {error}") from error


@torch.compiler.disable  # type: ignore[untyped-decorator]
def encode(codec: Codec, actions: Tensor, valid: Tensor, *, most: int, name: str) -> tuple[Tensor, Tensor]:
    """Ids of chunks, and which of them a loss counts, on the device of the actions.

    The codec mixes steps, so that masked entries are filled by `hold_valid`, and all ids of a chunk count. A chunk
    that is masked throughout is not encoded.

    Args:
        codec: It encodes on the CPU: the device is waited for, and a compiled graph is left.
        actions: `[B, H, D]`, finite.
        valid: bool `[B, H, D]`, somewhere true.
        most: Ids of a chunk that the head has places for.
        name: What it calls their number.

    Returns:
        int64 `[B, L]` and bool `[B, L]`. `vocabulary.pad_id` stands where nothing counts, and first, if chunks
        differ in length, after each of them, where it counts as their end.

    Raises:
        EncodeError: If the codec has no id that a chunk needs.
        HeadError: If a chunk has more ids than there are places.
    """
    _, horizon, action_dim = actions.shape
    rows = valid.flatten(1).any(dim=1).nonzero().flatten()
    with chunks_from(rows.tolist()):
        batch = codec.encode(hold_valid(actions, valid)[rows])
    has_end = codec.length(horizon, action_dim) is None
    longest = int(batch.lengths.max())
    if longest > most:
        raise HeadError(
            f"chunk {int(rows[batch.lengths.argmax()])} has {longest} ids: more than {name} {most}: raise it, or "
            "encode with a lower scale"
        )
    ids = torch.full((len(actions), longest + has_end), codec.vocabulary.pad_id)
    lengths = torch.zeros(len(actions), dtype=torch.int64)
    ids[rows.cpu(), :longest] = torch.from_numpy(batch.padded()[0]).long()
    lengths[rows.cpu()] = torch.from_numpy(batch.lengths) + has_end
    counted = torch.arange(ids.shape[1]) < lengths[:, None]
    return ids.to(actions.device), counted.to(actions.device)
