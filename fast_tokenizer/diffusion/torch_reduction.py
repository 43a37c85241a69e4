"""The reduction of logits in torch, for tensors that are on a GPU: nothing here waits for the device.

It gives what the compiled core gives: the same ids at temperature 0, and elsewhere too but where a uniform number
falls on the border between two ids, within the rounding of a sum.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fast_tokenizer.diffusion.query import Query


def reduce_on_device(logits: Any, query: Query, columns: npt.NDArray[np.int64] | None) -> Any:
    """Reduces the logits of some positions where they are.

    Args:
        logits: A tensor `[A, L, V]`.
        query: What is asked.
        columns: int64 `[ids]`: where the logit of each id lies; None: at its own number.

    Returns:
        A float64 tensor `[5, N]` on the device, of the positions in the order of `np.nonzero`: ids, largest and
        second probability, entropy, probability of the id. The largest is NaN where a logit is NaN or plus
        infinity, and 0 where no id may come.
    """
    import torch

    def there(array: npt.NDArray[Any]) -> Any:
        return torch.from_numpy(np.ascontiguousarray(array)).to(logits.device, non_blocking=True)

    at, where = np.nonzero(query.asked)
    rows, positions = there(at), there(where)
    if columns is None:
        values = logits.detach()[rows, positions]
    else:
        values = logits.detach()[rows[:, None], positions[:, None], there(columns)]
    values = values.double()
    if query.allowed is not None and query.allowed_rows is not None:
        values = values.masked_fill(~there(query.allowed)[there(query.allowed_rows[at, where])], -torch.inf)
    comparable = (values < torch.inf).all(dim=1)

    best = values.argmax(dim=1, keepdim=True)  # the first of those that are equal
    top = values.gather(1, best)
    others = values.scatter(1, best, -torch.inf)
    possible = comparable & (top[:, 0] > -torch.inf)
    differences = torch.where(possible[:, None], values - top, 0.0)
    weights = differences.exp()
    total = weights.sum(dim=1)
    weighted = torch.where(weights > 0, weights * differences, 0.0).sum(dim=1)
    entropy = total.log() - weighted / total
    # Where there is but one id, the next one has no column: minus infinity stands for it.
    second = (others.amax(dim=1) - top[:, 0]).exp() / total

    ids = best
    if query.temperatures is not None and query.uniforms is not None:
        temperatures = there(query.temperatures[at])[:, None]
        warm = torch.where(temperatures > 0, temperatures, 1.0)
        cumulative = (differences / warm).exp().cumsum(dim=1)
        target = there(query.uniforms[at, where])[:, None] * cumulative[:, -1:]
        # The first id beyond the target, and never one after the last that adds anything.
        reached = (cumulative <= target).sum(dim=1, keepdim=True)
        last = (cumulative < cumulative[:, -1:]).sum(dim=1, keepdim=True)
        ids = torch.where(temperatures > 0, torch.minimum(reached, last), best)

    looked_at = ids
    if query.kept is not None:
        kept = there(query.kept[at, where])[:, None]
        looked_at = torch.where(kept >= 0, kept, ids)
    probability = weights.gather(1, looked_at)[:, 0] / total
    largest = torch.where(possible, 1 / total, torch.where(comparable, 0.0, torch.nan))
    return torch.stack([ids[:, 0].double(), largest, second, entropy, probability])
