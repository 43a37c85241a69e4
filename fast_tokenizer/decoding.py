"""What to do with ids that are not an action: the policies that every codec shares."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Generic, Literal, NoReturn, TypeAlias, TypeVar, get_args

import numpy as np
import numpy.typing as npt

from fast_tokenizer.errors import DecodeError

ErrorPolicy: TypeAlias = Literal["strict", "repair", "zeros"]
"""`strict` raises `DecodeError`. `repair` keeps what is valid up to the first error, and fills the rest so that
the motion holds no surprise. `zeros` gives a chunk of zeros, as the reference does."""

UNREADABLE_BYTES = "the bytes up to {} are not UTF-8 text"
"""What a message says where ids of scheme `"bytes"` spell no coefficient."""

_NO_ID = -(2**31)
"""What the core reads an id as that does not fit its 32 bits."""

T = TypeVar("T")


class DecodeStatus(IntEnum):
    """How the decoding of a sequence ended."""

    OK = 0
    TOO_SHORT = 1
    TOO_LONG = 2
    NOT_A_COEFFICIENT = 3
    ID_OUTSIDE_VOCABULARY = 4
    SPECIAL_TOKEN_INSIDE = 5


class CheckedActions(tuple[T, npt.NDArray[np.int8]], Generic[T]):
    """`actions, status = decode_checked(...)`, and the places of the errors beside them.

    Attributes:
        position: int64 `[B]`: the place in each sequence where decoding stopped, -1 where it did not.
        decoded: int64 `[B]`: how many values each sequence tells; what they leave open was filled in.
    """

    position: npt.NDArray[np.int64]
    decoded: npt.NDArray[np.int64]

    def __new__(
        cls,
        actions: T,
        status: npt.NDArray[np.int8],
        position: npt.NDArray[np.int64],
        decoded: npt.NDArray[np.int64],
    ) -> CheckedActions[T]:
        """Pairs actions with status, and keeps the rest."""
        pair = super().__new__(cls, (actions, status))
        pair.position = position
        pair.decoded = decoded
        return pair

    def __getnewargs__(self) -> tuple[T, npt.NDArray[np.int8], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """What copies and pickles are made of."""
        return (*self, self.position, self.decoded)

    @property
    def actions(self) -> T:
        """The actions; those of a failed sequence as its policy filled them."""
        return self[0]

    @property
    def status(self) -> npt.NDArray[np.int8]:
        """int8 `[B]`, each a `DecodeStatus`."""
        return self[1]


def check_policy(errors: str, allowed: Sequence[str] = get_args(ErrorPolicy)) -> None:
    """Raises ValueError unless `errors` is one of the allowed policies."""
    if errors not in allowed:
        raise ValueError(f"errors is {errors!r}: expected one of {', '.join(map(repr, allowed))}")


def raise_decode_error(
    sequence: int,
    status: int,
    position: int,
    ids: Sequence[int],
    vocab_size: int,
    got: int,
    expected: int,
    value_name: str = "coefficients",
    unreadable: str = UNREADABLE_BYTES,
) -> NoReturn:
    """Raises the `DecodeError` that says why a sequence is not an action, and what to do.

    Args:
        sequence: Its place in the batch.
        status: The `DecodeStatus`.
        position: Where decoding stopped.
        ids: The sequence.
        vocab_size: Action ids that there are.
        got: Values that were decoded.
        expected: Values that the shape needs.
        value_name: What the values are.
        unreadable: What is wrong with an id that stands for none, as a format for that id.
    """
    reason = DecodeStatus(status)
    culprit = f"id {ids[position]}" if position < len(ids) else "the end"
    if position < len(ids) and ids[position] == _NO_ID:
        culprit = "an id beyond 32 bits"
    detail = {
        DecodeStatus.TOO_SHORT: f"the ids end after {got} of {expected} {value_name}",
        DecodeStatus.TOO_LONG: f"{culprit} goes past the {expected} {value_name} of the shape",
        DecodeStatus.NOT_A_COEFFICIENT: unreadable.format(culprit),
        DecodeStatus.ID_OUTSIDE_VOCABULARY: f"{culprit} is outside the vocabulary of {vocab_size}",
        DecodeStatus.SPECIAL_TOKEN_INSIDE: f"{culprit} is a special token (pad, eos or mask)",
    }[reason]
    raise DecodeError(
        f"sequence {sequence}, position {position}: {detail}; check time_horizon and action_dim, or decode with "
        'errors="repair" to keep what is valid, or with decode_checked to be told which chunks failed',
        sequence,
        position,
        reason,
    )
