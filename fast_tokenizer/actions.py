"""What counts as actions and as a batch of chunks, and the message for what does not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias, TypeGuard

import numpy as np
import numpy.typing as npt

from fast_tokenizer.errors import EncodeError, FastTokenizerError, TrainingError

Actions: TypeAlias = "npt.ArrayLike | Any"
"""`[H, D]` or `[B, H, D]`: a numpy array, nested numbers, a torch tensor on any device, or whatever has
`__array__` or `__dlpack__`."""

_NARROW = ("bfloat16", "float8")
"""Float types that numpy itself has not, by the beginning of their names."""

Floats: TypeAlias = "npt.NDArray[np.float32] | npt.NDArray[np.float64]"


def as_chunks(actions: Actions) -> Floats:
    """Views actions as a batch of chunks.

    Args:
        actions: `[H, D]` or `[B, H, D]`, in any real type and layout.

    Returns:
        `[B, H, D]` in float32 (from half and single precision) or float64 (from everything else), without a
        copy where the input allows. Values are not looked at: that NaN and infinity are refused is the rule of
        the compiled core, which reads them anyway.

    Raises:
        EncodeError: If the input is not an array of real numbers of two or three axes, none of them empty but
            the batch.

    Examples:
        >>> as_chunks(np.zeros((50, 14), np.float32)).shape
        (1, 50, 14)
    """
    array = _as_array(actions)
    if array.ndim == 2:
        array = array[None]
    if array.ndim != 3:
        raise EncodeError(
            f"actions have shape {array.shape}: expected [horizon, action_dim] or [batch, horizon, action_dim]"
        )
    if array.shape[1] == 0 or array.shape[2] == 0:
        raise EncodeError(
            f"actions have shape {array.shape}: horizon and action_dim must be at least 1; "
            "an empty batch is [0, horizon, action_dim]"
        )
    return array


def is_ragged(actions: Actions) -> TypeGuard[list[Any] | tuple[Any, ...]]:
    """Whether `actions` is a list of chunks `[H_i, D]` of several lengths."""
    if not isinstance(actions, list | tuple):
        return False
    try:
        shapes = {np.shape(chunk) for chunk in actions}
    except ValueError:  # nested numbers of no shape; `as_chunks` has the words for it
        return False
    return len(shapes) > 1 and all(len(shape) == 2 for shape in shapes)


def group_by_shape(chunks: Sequence[Actions]) -> list[tuple[Floats, list[int]]]:
    """Stacks chunks of the same shape and type.

    Args:
        chunks: Arrays `[H_i, D_i]`.

    Returns:
        Batches `[B, H, D]`, each with the places that its chunks had.
    """
    groups: dict[tuple[tuple[int, ...], np.dtype[Any]], list[int]] = {}
    arrays = []
    for index, chunk in enumerate(chunks):
        array = _as_array(chunk)
        if array.ndim != 2:
            raise EncodeError(f"got the shape {array.shape}, expected [horizon, action_dim]", index)
        arrays.append(array)
        groups.setdefault((array.shape, array.dtype), []).append(index)
    return [(as_chunks(np.stack([arrays[i] for i in indices])), indices) for indices in groups.values()]


def chunks_to_fit(chunks: Sequence[Actions] | Floats) -> list[tuple[Floats, list[int]]]:
    """Stacks training chunks of the same shape and type, as `group_by_shape` does; an array is stacked already.

    Raises:
        TrainingError: If there are none.
    """
    if isinstance(chunks, np.ndarray):
        groups = [(as_chunks(chunks), list(range(len(chunks) if chunks.ndim == 3 else 1)))]
    else:
        groups = group_by_shape(chunks)
    if not any(len(places) for _, places in groups):
        raise TrainingError("there are no chunks: expected at least one to fit on")
    return groups


@contextmanager
def chunks_from(places: Sequence[int]) -> Iterator[None]:
    """Makes an `EncodeError` about a chunk of a group name its place in the caller's list."""
    try:
        yield
    except EncodeError as error:
        if error.chunk is None:
            raise
        raise EncodeError(error.detail, places[error.chunk]) from error


def require_shape(horizon: int, action_dim: int) -> None:
    """Raises a `ValueError` unless chunks may have this shape."""
    if horizon < 1 or action_dim < 1:
        raise ValueError(f"the shape is [{horizon}, {action_dim}]: expected both to be at least 1")


def require_finite(values: npt.NDArray[Any], name: str, advice: str = "drop or repair these steps") -> None:
    """Raises a `FastTokenizerError` that names the first cell of an array of numbers that is NaN or infinite.

    Args:
        values: The array.
        name: What the message calls it.
        advice: What the message says to do.

    Examples:
        >>> require_finite(np.zeros((2, 3)), "actions")
    """
    finite = np.isfinite(values)
    if not finite.all():
        cell = tuple(int(index) for index in np.argwhere(~finite)[0])
        raise FastTokenizerError(
            f"{name}{list(cell)} is {values[cell]} ({int((~finite).sum())} of {values.size} values are not "
            f"finite): {advice}"
        )


def _as_array(actions: Actions) -> Floats:
    if not isinstance(actions, np.ndarray):
        actions = _to_numpy(actions)
    if actions.dtype.name.startswith(_NARROW):  # of ml_dtypes: what jax gives
        actions = actions.astype(np.float32)
    kind, size = actions.dtype.kind, actions.dtype.itemsize
    if kind == "f" and size in (4, 8) and actions.dtype.isnative:
        array: Floats = actions
        return array
    if kind == "f" and size < 4:
        return actions.astype(np.float32)
    if kind in "fiub":
        return actions.astype(np.float64)
    raise EncodeError(f"actions have the type {actions.dtype}: expected real numbers")


def _to_numpy(actions: Any) -> npt.NDArray[Any]:
    # A torch tensor says what it is without torch being imported here.
    if hasattr(actions, "detach") and hasattr(actions, "cpu"):
        actions = actions.detach().cpu()
        if str(actions.dtype).removeprefix("torch.").startswith(_NARROW):
            actions = actions.float()
    elif isinstance(actions, list | tuple) and any(hasattr(one, "detach") for one in actions):
        actions = [_to_numpy(one) for one in actions]
    try:
        if hasattr(actions, "__dlpack__") and not hasattr(actions, "__array__"):
            return np.from_dlpack(actions)
        return np.asarray(actions)
    except (TypeError, ValueError, BufferError) as error:
        raise EncodeError(f"actions cannot be read as an array: {error}") from error
