"""What one wrong token does to an action, by where in the chunk it stands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fast_tokenizer import FastTokenizer
from fast_tokenizer.normalization import Normalizer
from fast_tokenizer.report.measurement import Measurement, relative_error

_PLACES = 10
_CHUNKS = 200


@dataclass(frozen=True, eq=False)
class WrongTokens:
    """Each of P places of a chunk, from its first token (0) to its last (1), had its token replaced by another.

    Attributes:
        place: `[P]`.
        noticed: `[P]`: the share of chunks that strict decoding then refuses.
        typical: `[P]`: the median root mean square error of what `errors="repair"` gives, in units of the
            normaliser.
        bad: `[P]`: the same of the worst tenth.
    """

    place: npt.NDArray[np.float64]
    noticed: npt.NDArray[np.float64]
    typical: npt.NDArray[np.float64]
    bad: npt.NDArray[np.float64]


def wrong_tokens(
    tokenizer: FastTokenizer, measured: Measurement, normalizer: Normalizer, *, seed: int = 0
) -> WrongTokens | None:
    """Replaces one token of each chunk by one drawn from the vocabulary; None where there is no other."""
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.permutation(len(measured.chunks))[:_CHUNKS])
    lists = [measured.ids[measured.offsets[i] : measured.offsets[i + 1]].tolist() for i in chosen]
    if tokenizer.vocab_size < 2 or not all(lists):
        return None
    _, horizon, action_dim = measured.chunks.shape
    noticed, typical, bad = [], [], []
    for part in range(_PLACES):
        damaged = [ids.copy() for ids in lists]
        for ids in damaged:
            at = min(int((part + 0.5) / _PLACES * len(ids)), len(ids) - 1)
            ids[at] = (ids[at] + int(rng.integers(1, tokenizer.vocab_size))) % tokenizer.vocab_size
        actions, status = tokenizer.decode_checked(damaged, time_horizon=horizon, action_dim=action_dim)
        errors = relative_error(np.asarray(actions) - measured.decoded[chosen], normalizer)
        noticed.append(float((status != 0).mean()))
        typical.append(float(np.median(errors)))
        bad.append(float(np.quantile(errors, 0.9)))
    place = (np.arange(_PLACES) + 0.5) / _PLACES
    return WrongTokens(place, np.array(noticed), np.array(typical), np.array(bad))
