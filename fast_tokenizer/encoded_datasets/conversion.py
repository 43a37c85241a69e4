"""Groups of chunks to tokens and back, with the place in the dataset in whatever goes wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from fast_tokenizer import DecodeError, EncodeError, FastTokenizer, TokenBatch
from fast_tokenizer.dataset_training.chunk_groups import ChunkGroup
from fast_tokenizer.decoding import ErrorPolicy
from fast_tokenizer.encoded_datasets.contents import DecodedChunks, EncodedChunks


def encode_groups(
    tokenizer: FastTokenizer, groups: Iterable[ChunkGroup], *, embodiment: str | None = None
) -> Iterator[EncodedChunks]:
    """Encodes chunks, group by group.

    Args:
        tokenizer: What encodes them.
        groups: In the robot's units, or normalised where the tokenizer has no normaliser.
        embodiment: Whose normaliser to take, of several.

    Raises:
        EncodeError: If a chunk cannot be encoded; the message names its episode and step.
    """
    for group in groups:
        try:
            batch = tokenizer.encode(group.chunks, embodiment=embodiment)
        except EncodeError as error:
            if error.chunk is None:
                raise
            episode, start = group.episode[error.chunk], group.start[error.chunk]
            raise EncodeError(f"episode {episode}, the chunk from step {start}: {error.detail}") from error
        _, horizon, action_dim = group.chunks.shape
        yield EncodedChunks(
            batch.ids, batch.offsets, group.episode, group.start, batch.clipped, horizon, action_dim
        )


def decode_groups(
    tokenizer: FastTokenizer,
    groups: Iterable[EncodedChunks],
    *,
    errors: ErrorPolicy = "strict",
    embodiment: str | None = None,
) -> Iterator[DecodedChunks]:
    """Decodes chunks, group by group.

    Args:
        tokenizer: The one that encoded them: ids alone do not tell.
        groups: Tokens.
        errors: What to do with a chunk whose ids are no action, as in `FastTokenizer.decode`.
        embodiment: Whose normaliser to take, of several.

    Raises:
        DecodeError: If `errors="strict"` and a chunk's ids are no action; the message names its row.
    """
    row = 0
    for group in groups:
        pad_id = tokenizer.vocabulary.pad_id
        batch = TokenBatch(group.ids, group.offsets, group.horizon, group.action_dim, group.clipped, pad_id)
        status = np.zeros(len(group), np.int8)
        if errors == "strict":
            try:
                actions = tokenizer.decode(batch, embodiment=embodiment)
            except DecodeError as error:
                raise _of_row(error, group, row) from error
        else:
            actions, status = tokenizer.decode_checked(batch, errors=errors, embodiment=embodiment)
        yield DecodedChunks(np.asarray(actions), group.episode, group.start, status)
        row += len(group)


def _of_row(error: DecodeError, group: EncodedChunks, first: int) -> DecodeError:
    """The error that names the row and the chunk, where the other one named the sequence in its group."""
    place, row = error.sequence, first + error.sequence
    where = f"row {row} (episode {group.episode[place]}, step {group.start[place]})"
    message = str(error).removeprefix(f"sequence {place}")
    return DecodeError(where + message, row, error.position, error.reason)
