"""What a dataset is to everything above the readers: episodes that come one after the other."""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from fast_tokenizer.actions import require_finite
from fast_tokenizer.errors import FormatError
from fast_tokenizer.json_files import short


@dataclass(frozen=True)
class Episode:
    """One recorded trajectory.

    Attributes:
        name: What the dataset calls it, for people: `episode 3`, `demo_10`.
        actions: `[T, D]` in the robot's units, float32 or float64. Not to be written to: it may be a
            view of what the reader holds.
        states: `[T, S]` where states were asked for, else None.
    """

    name: str
    actions: npt.NDArray[Any]
    states: npt.NDArray[Any] | None = None


@dataclass(frozen=True)
class Episodes:
    """A dataset of any format, read episode by episode and as often as wanted.

    An episode without a step is given like any other, as `[0, D]`: `len()` and the order of the episodes are those
    of the dataset, and no chunk is cut from it. Everything else that is not a `[T, D]` array of finite numbers
    is an error that names the episode, and for NaN and infinity the step.

    Attributes:
        origin: Where the episodes come from, for messages.
        count: Episodes that there are.
        width: Dimensions that are stored; `action_dim` are given.
        read: Begins to read from the first episode. What it gives is checked here, for all formats.
        hz: Steps a second, if the dataset tells.
        stored_names: Names of the stored dimensions, if the dataset tells.
        horizon: Steps of every episode where the dataset holds chunks, cut already, else None.
        dims: The stored dimensions to give, in this order; None for all.

    Raises:
        FormatError: If the rate is no number above 0.

    Examples:
        >>> from fast_tokenizer.datasets import open_episodes
        >>> episodes = open_episodes([np.zeros((5, 7)), np.ones((9, 7))], dims=[0, 6])
        >>> len(episodes), episodes.action_dim, [episode.actions.shape for episode in episodes]
        (2, 2, [(5, 2), (9, 2)])
    """

    origin: str
    count: int
    width: int
    read: Callable[[], Iterator[Episode]]
    hz: float | None = None
    stored_names: tuple[str, ...] | None = None
    horizon: int | None = None
    dims: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if self.hz is not None and not 0 < self.hz <= sys.float_info.max:
            raise FormatError(f"got {short(self.hz)} steps a second, expected a number above 0", self.origin)

    @property
    def action_dim(self) -> int:
        """Dimensions D of the actions that are given."""
        return self.width if self.dims is None else len(self.dims)

    @property
    def names(self) -> tuple[str, ...] | None:
        """Names of these dimensions, if the dataset tells."""
        if self.stored_names is None or self.dims is None:
            return self.stored_names
        return tuple(self.stored_names[index] for index in self.dims)

    @property
    def labels(self) -> tuple[str, ...]:
        """What to call the dimensions that are given: their names, or else their numbers in the dataset."""
        return self.names or tuple(str(place) for place in self.dims or range(self.width))

    def __len__(self) -> int:
        """Episodes that there are."""
        return self.count

    def __iter__(self) -> Iterator[Episode]:
        """Reads the episodes in their order.

        Raises:
            FormatError: If an episode does not fit the others, or a file is damaged.
            FastTokenizerError: If a value is NaN or infinite.
        """
        for episode in self.read():
            yield self._checked(episode)

    def select(self, dims: Sequence[int | str]) -> Episodes:
        """The same episodes with some of the stored dimensions, by index or name, in the order given.

        States keep all of theirs.

        Raises:
            FormatError: If a dimension is not there, stands twice, or none is left.
        """
        indices = tuple(self._index(dim) for dim in dims)
        if not indices or len(set(indices)) < len(indices):
            raise FormatError(f"dims is {list(dims)}: expected some of them, each once", self.origin)
        return replace(self, dims=indices)

    def places(self, dims: Sequence[int | str]) -> tuple[int, ...]:
        """Where some of the stored dimensions, by index or name, stand among those that are given.

        Raises:
            FormatError: If a dimension is not there, or not among those given.

        Examples:
            >>> from fast_tokenizer.datasets import open_episodes
            >>> open_episodes([np.zeros((5, 7))], dims=[4, 5, 6]).places([6, 4])
            (2, 0)
        """
        given = range(self.width) if self.dims is None else self.dims
        indices = [self._index(dim) for dim in dims]
        for dim, index in zip(dims, indices, strict=True):
            if index not in given:
                raise FormatError(f"the dimension {dim!r} is not among those chosen: {list(given)}", self.origin)
        return tuple(given.index(index) for index in indices)

    def _index(self, dim: int | str) -> int:
        names = self.stored_names
        if isinstance(dim, str):
            if names is None or dim not in names:
                known = f"its dimensions are {', '.join(names)}" if names else "its dimensions have no names"
                raise FormatError(f"there is no dimension {dim!r}: {known}", self.origin)
            return names.index(dim)
        index = operator.index(dim)
        if not 0 <= index < self.width:
            raise FormatError(f"there is no dimension {index}: expected 0..{self.width - 1}", self.origin)
        return index

    def _checked(self, episode: Episode) -> Episode:
        actions, states = self._floats(episode, "actions"), None
        if actions.ndim != 2 or actions.shape[1] != self.width:
            message = f"{episode.name}: actions have shape {actions.shape}, expected [T, {self.width}]"
            raise FormatError(message, self.origin)
        if self.dims is not None:
            actions = actions[:, self.dims]
        require_finite(actions, f"{self.origin}: {episode.name}: actions")
        if episode.states is not None:
            states = self._floats(episode, "states")
            if states.ndim != 2 or len(states) != len(actions):
                message = f"{episode.name}: states have shape {states.shape}, expected [{len(actions)}, S]"
                raise FormatError(message, self.origin)
            require_finite(states, f"{self.origin}: {episode.name}: states")
        return Episode(episode.name, actions, states)

    def _floats(self, episode: Episode, field: str) -> npt.NDArray[Any]:
        """Half precision becomes float32, whole numbers float64, as everywhere in the package."""
        array = np.asarray(getattr(episode, field))
        if array.dtype.kind not in "fiub":
            raise FormatError(f"{episode.name}: {field}: type {array.dtype}, expected numbers", self.origin)
        if array.dtype.kind == "f" and array.dtype.itemsize <= 4:
            return array.astype(np.float32, copy=False)
        return array.astype(np.float64, copy=False)
