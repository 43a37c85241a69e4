"""The compiled arithmetic. Private: its functions check memory, not meaning. See csrc/bindings."""

from collections.abc import Callable, Sequence
from typing import Literal, TypeVar, overload

import numpy as np
import numpy.typing as npt

_Float32 = npt.NDArray[np.float32]
_Float64 = npt.NDArray[np.float64]
_Int32 = npt.NDArray[np.int32]
_Int64 = npt.NDArray[np.int64]
_Scheme = Literal["bytes", "symbols"]
_Real = TypeVar("_Real", np.float32, np.float64)

class CoefficientCoder:
    """Rounded coefficients to ids and back."""

    def __init__(self, scheme: _Scheme, min_coefficient: int, tokens: Sequence[str], merges: _Int32) -> None: ...
    def encode(self, coefficients: _Int32, num_threads: int = 0) -> tuple[_Int32, _Int64, npt.NDArray[np.bool_]]:
        """Ids, offsets `[B + 1]` and clipped `[B]` of coefficients `[B, ...]`."""

    def encode_lists(
        self, coefficients: _Int32, num_threads: int = 0
    ) -> tuple[list[list[int]], npt.NDArray[np.bool_]]:
        """A list of ids for each chunk, and clipped `[B]`."""

    def decode_arrays(
        self,
        ids: _Int32,
        offsets: _Int64,
        horizon: int,
        action_dim: int,
        scale: float,
        keep_prefix: bool,
        num_threads: int = 0,
    ) -> tuple[_Float64, _Int64 | None, int]:
        """Actions `[B, H, D]`; status, position and decoded count `[3, B]`, or None; first failure or -1.

        A failed sequence keeps the coefficients before its error, or none of them.
        """

    def decode_lists(
        self,
        lists: Sequence[object],
        horizon: int,
        action_dim: int,
        scale: float,
        keep_prefix: bool,
        num_threads: int = 0,
    ) -> tuple[_Float64, _Int64 | None, int]:
        """The same of a list of lists, with no array in between."""

    @property
    def size(self) -> int: ...
    @property
    def min_coefficient(self) -> int: ...
    @property
    def max_coefficient(self) -> int: ...

class BinTable:
    """Values to bins and back: an axis for each dimension, or one for all."""

    def __init__(self, low: _Float64, high: _Float64, thresholds: _Float64, values: _Float64) -> None:
        """Of low and high `[axes]`, thresholds `[axes, bins - 1]`, values `[axes, bins]`."""

    def encode(self, actions: _Float32 | _Float64, num_threads: int = 0) -> tuple[_Int32, npt.NDArray[np.bool_]]:
        """Ids `[B * H * D]` and clipped `[B]` of actions `[B, H, D]`."""

    def decode(
        self,
        ids: _Int32,
        offsets: _Int64,
        horizon: int,
        action_dim: int,
        size: int,
        keep_prefix: bool,
        num_threads: int = 0,
    ) -> tuple[_Float64, _Int64 | None, int]:
        """As `CoefficientCoder.decode_arrays`, of ids of a vocabulary of `size`."""

class TokenGrammar:
    """Which token may follow which: of `size` ids of one coefficient each, or of a vocabulary."""

    @overload
    def __init__(self, size: int) -> None: ...
    @overload
    def __init__(self, coder: CoefficientCoder, canonical: bool, largest: int, num_threads: int = 0) -> None: ...

class RateDistortionSearch:
    """Coefficients that are worth their tokens, of a coder of scheme symbols and its canonical grammar."""

    def __init__(self, coder: CoefficientCoder, grammar: TokenGrammar) -> None: ...
    def choose(self, scaled: _Float64, rounded: _Int32, rdo: float, num_threads: int = 0) -> _Int32:
        """Coefficients `[B, ...]` for those before and after rounding; outside the alphabet, the latter."""

class LengthAutomaton:
    """Which ids may come next, if a sequence is to hold `length` coefficients. Places are int32 `[B, 3]`."""

    def __init__(self, grammar: TokenGrammar, length: int) -> None: ...
    @property
    def possible(self) -> bool: ...
    def start(self, rows: int) -> _Int32: ...
    def follow(self, places: _Int32, ids: _Int32, offsets: _Int64) -> tuple[_Int32, _Int64]:
        """Places after the ids, and the position of the first id of each row that is not allowed, or -1."""

    def allowed(self, places: _Int32) -> npt.NDArray[np.bool_]: ...

class CanvasConstraint:
    """What the masks of canvases of `length` ids may become, if each is to hold `total` coefficients."""

    def __init__(self, grammar: TokenGrammar, length: int, total: int) -> None: ...
    @property
    def possible(self) -> bool: ...
    def allowed(self, canvases: _Int64, rows: _Int64, positions: _Int64) -> npt.NDArray[np.bool_]:
        """Masks `[N, size + 1]` for positions `[N]` of the canvases `rows` `[N]`: the action ids, then pad."""

class BitmaskPlaces:
    """Where the ids of an automaton have their bits in a mask over another vocabulary; negative: nowhere."""

    def __init__(self, places: _Int64) -> None: ...
    def write(self, automaton: LengthAutomaton, places: _Int32, bitmask: _Int32) -> None: ...

PROBABILITY_GRID: float

@overload
def reduce_logits(
    logits: _Float32,
    asked: npt.NDArray[np.bool_],
    columns: _Int64 | None,
    allowed: npt.NDArray[np.bool_] | None,
    allowed_rows: _Int64 | None,
    kept: _Int64 | None,
    temperatures: _Float64 | None,
    uniforms: _Float64 | None,
) -> tuple[_Int64, _Float64, int]:
    """Ids `[A, L]`; largest and second probability, entropy and probability of the id `[4, A, L]`; first failure.

    The failure is the first cell of those asked that has no answer, or -1.
    """

@overload
def reduce_logits(
    logits: _Float64,
    asked: npt.NDArray[np.bool_],
    columns: _Int64 | None,
    allowed: npt.NDArray[np.bool_] | None,
    allowed_rows: _Int64 | None,
    kept: _Int64 | None,
    temperatures: _Float64 | None,
    uniforms: _Float64 | None,
) -> tuple[_Int64, _Float64, int]: ...
def commit(
    rows: _Int64,
    rounds: _Int64,
    committed: npt.NDArray[np.bool_],
    ids: _Int64,
    probability: _Float64,
    canvas_ids: _Int64,
    masked: npt.NDArray[np.bool_],
    canvas_probability: _Float64,
    committed_round: _Int64,
) -> None:
    """Writes what is committed `[A, L]` into the canvases `rows` `[A]` of a batch, the last four `[B, L]`."""

def rank(eligible: npt.NDArray[np.bool_], keys: Sequence[_Float64], count: _Int64) -> _Int64:
    """The places `[A, L]` of the best `count` `[A]` positions of each row, from 0; L for all others.

    Those that are eligible `[A, L]` are compared by the first key, larger is better, then by the next one, then by
    position. Keys are `[A, L]`, or `[L]` for all rows.
    """

def uniforms(purpose: int, seeds: npt.NDArray[np.uint64], rounds: _Int64, length: int) -> _Float64:
    """Numbers `[A, length]` in `[0, 1)` that depend on purpose, seed, round and position alone."""

def dct(actions: npt.NDArray[_Real], num_threads: int = 0) -> npt.NDArray[_Real]: ...
def idct(coefficients: npt.NDArray[_Real], num_threads: int = 0) -> npt.NDArray[_Real]: ...
def quantize(
    actions: _Float32 | _Float64, scale: float, tie_tolerance: float, num_threads: int = 0
) -> tuple[_Int32, _Int64]:
    """Coefficients `[B, H, D]` and the columns (chunk * D + dimension) that hold a near tie."""

def decode_frequencies(
    ids: _Int32,
    offsets: _Int64,
    horizon: int,
    action_dim: int,
    frequencies: int,
    size: int,
    min_coefficient: int,
    scale: float,
    keep_prefix: bool,
    num_threads: int = 0,
) -> tuple[_Float64, _Int64 | None, int]:
    """As `CoefficientCoder.decode_arrays`, of one id a coefficient, the lowest frequencies first."""

def to_lists(ids: _Int32, offsets: _Int64) -> list[list[int]]: ...
def from_lists(lists: Sequence[object]) -> tuple[_Int32, _Int64]: ...
def train_vocabulary(
    scheme: _Scheme,
    symbols: _Int32,
    offsets: _Int64,
    num_symbols: int,
    vocab_size: int,
    min_frequency: int,
    max_token_length: int,
    num_threads: int = 0,
    progress: Callable[[int, int], object] | None = None,
) -> tuple[list[str], _Int32]:
    """Tokens by id and merges `[M, 3]` by rank."""

def gpt2_split(code_points: _Int32) -> _Int64: ...
def utf8_encode(code_points: _Int32) -> bytes: ...
def utf8_decode_strict(data: bytes) -> _Int32 | None: ...
