"""Some chunks of a dataset, as tokens and as actions: what the files hold, whatever their format."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fast_tokenizer.errors import FormatError


@dataclass(frozen=True, eq=False)
class EncodedChunks:
    """Tokens of B chunks of one shape, and where they are from.

    Attributes:
        ids: int32 `[N]`.
        offsets: int64 `[B + 1]`; chunk `b` has `ids[offsets[b]:offsets[b + 1]]`.
        episode: The place of each one's episode in the dataset, int64 `[B]`.
        start: The step of the episode that it begins at, int64 `[B]`.
        clipped: bool `[B]`: which chunks held a value outside the range of the tokenizer.
        horizon: Steps of a chunk.
        action_dim: Dimensions of an action.

    Raises:
        FormatError: If these contradict each other; its `key` is the one to blame.
    """

    ids: npt.NDArray[np.int32]
    offsets: npt.NDArray[np.int64]
    episode: npt.NDArray[np.int64]
    start: npt.NDArray[np.int64]
    clipped: npt.NDArray[np.bool_]
    horizon: int
    action_dim: int

    def __post_init__(self) -> None:
        for key in ("horizon", "action_dim"):
            if getattr(self, key) < 1:
                raise FormatError(f"got {getattr(self, key)}, expected 1 or more", key=key)
        offsets = self.offsets
        is_ascending = len(offsets) > 0 and (np.diff(offsets) >= 0).all()
        if not is_ascending or offsets[0] != 0 or offsets[-1] != len(self.ids):
            raise FormatError(
                f"expected numbers that ascend from 0 to {len(self.ids)}, the number of ids", key="offsets"
            )
        for key in ("episode", "start", "clipped"):
            if len(getattr(self, key)) != len(self):
                raise FormatError(f"got {len(getattr(self, key))} values for {len(self)} chunks", key=key)

    def __len__(self) -> int:
        """Chunks that there are."""
        return len(self.offsets) - 1

    def part(self, first: int, end: int) -> EncodedChunks:
        """The chunks from `first` to the one before `end`."""
        offsets, rows = self.offsets[first : end + 1], slice(first, end)
        return EncodedChunks(
            self.ids[offsets[0] : offsets[-1]],
            offsets - offsets[0],
            self.episode[rows],
            self.start[rows],
            self.clipped[rows],
            self.horizon,
            self.action_dim,
        )


@dataclass(frozen=True, eq=False)
class DecodedChunks:
    """Actions of B chunks, and where they are from.

    Attributes:
        actions: float64 `[B, H, D]`.
        episode: As of `EncodedChunks`.
        start: Likewise.
        status: int8 `[B]`: how the decoding of each ended, as a `DecodeStatus`; 0 is well.
    """

    actions: npt.NDArray[np.float64]
    episode: npt.NDArray[np.int64]
    start: npt.NDArray[np.int64]
    status: npt.NDArray[np.int8]
