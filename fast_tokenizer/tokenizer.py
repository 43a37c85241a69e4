"""The tokenizer that people use: load, save, fit, call, decode."""

from __future__ import annotations

import operator
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np

from fast_tokenizer.actions import Actions, Floats
from fast_tokenizer.codecs.codec import Codec, DecodedActions
from fast_tokenizer.codecs.fast import FastCodec, Scheme
from fast_tokenizer.decoding import CheckedActions, ErrorPolicy
from fast_tokenizer.model_card import model_card
from fast_tokenizer.serialization import SavedTokenizer, read_directory, write_directory
from fast_tokenizer.threads import thread_count
from fast_tokenizer.token_batch import Horizon, TokenBatch, TokenLists, as_sequences
from fast_tokenizer.training import Progress, fit_fast_codec
from fast_tokenizer.vocabulary import ActionVocabulary


class FastTokenizer:
    """Chunks of robot actions to FAST tokens and back (arXiv 2501.09747).

    Takes the place of the published `UniversalActionProcessor`: the same files, calls and ids. It differs where
    the reference fails: a sequence that is not an action raises `DecodeError` unless asked otherwise, and nothing
    is remembered between calls, so one tokenizer may serve many threads and processes.

    Args:
        codec: What turns actions into ids: a `FastCodec`, or any other; then transformers and the reference
            cannot read what is saved, and `scale` and `min_token` are there if the codec has them.
        time_horizon: Steps of a chunk, for decoding where neither the call nor the tokens tell.
        action_dim: Dimensions of an action, likewise.

    Examples:
        >>> chunks = np.random.default_rng(0).normal(size=(100, 16, 7)).cumsum(axis=1) / 10
        >>> tokenizer = FastTokenizer.fit(chunks)
        >>> tokens = tokenizer(chunks[:2])
        >>> tokenizer.decode(tokens).shape
        (2, 16, 7)
    """

    def __init__(self, codec: Codec, *, time_horizon: int | None = None, action_dim: int | None = None) -> None:
        self._codec = codec
        self._time_horizon = _positive("time_horizon", time_horizon)
        self._action_dim = _positive("action_dim", action_dim)

    @property
    def codec(self) -> Any:
        """What turns actions into ids: a `Codec`, of which each class has more to it."""
        return self._codec

    @property
    def vocabulary(self) -> ActionVocabulary:
        """The action ids and the special ids after them."""
        return self._codec.vocabulary

    @property
    def vocab_size(self) -> int:
        """Action ids that there are, which may be fewer than `fit` was asked for."""
        return self._codec.vocabulary.size

    @property
    def scale(self) -> float:
        """Multiplier of the DCT coefficients before rounding."""
        scale: float = self.codec.scale
        return scale

    @property
    def min_token(self) -> int:
        """The lowest rounded coefficient that encoding can write (the reference's name for it)."""
        min_coefficient: int = self.codec.min_coefficient
        return min_coefficient

    @property
    def time_horizon(self) -> int | None:
        """Steps of a chunk, as saved."""
        return self._time_horizon

    @property
    def action_dim(self) -> int | None:
        """Dimensions of an action, as saved."""
        return self._action_dim

    def __len__(self) -> int:
        """Action ids that there are."""
        return self.vocab_size

    def __call__(self, action_chunk: Actions, *, num_threads: int | None = None) -> TokenLists:
        """Encodes chunks to lists of ids.

        Args:
            action_chunk: `[H, D]`, `[B, H, D]`, or a list of `[H_i, D]`; normalised to about [-1, 1].
            num_threads: None for as many as are worth it.

        Returns:
            A list of ids for each chunk. It carries the shape of the chunks, which `decode` reads, and `clipped`.

        Raises:
            EncodeError: If the actions are not finite numbers of such a shape, or need a token that a fitted
                `"bytes"` vocabulary lacks.
        """
        return self._codec.encode_lists(action_chunk, num_threads=num_threads)

    def encode(
        self,
        action_chunk: Actions,
        *,
        on_clip: Literal["report", "raise"] = "report",
        rdo: float | None = None,
        num_threads: int | None = None,
    ) -> TokenBatch:
        """Encodes chunks to flat ids with offsets, from which lists or padded arrays can be had.

        Args:
            action_chunk: As in a call.
            on_clip: `"raise"` makes a coefficient outside the vocabulary's range an error.
            rdo: Rate-distortion optimisation: fewer tokens for some more error, by choosing which way each
                coefficient is rounded. How many tokens a squared rounding unit is worth; see `FastCodec.encode`.
            num_threads: None for as many as are worth it.

        Raises:
            EncodeError: As in a call, or if something was clipped and `on_clip="raise"`.
            ValueError: If `rdo` is not 0 or more, or this is no tokenizer of scheme `"symbols"`.

        Examples:
            >>> tokenizer = FastTokenizer.fit(np.zeros((3, 4, 2)))
            >>> ids, mask = tokenizer.encode(np.zeros((3, 4, 2))).padded(multiple_of=4)
            >>> ids.shape == mask.shape and ids.shape[1] % 4
            0
        """
        if rdo is None:
            return self._codec.encode(action_chunk, on_clip=on_clip, num_threads=num_threads)
        if not isinstance(self._codec, FastCodec):
            raise ValueError(
                f"rdo needs a FastCodec, as the number of ids of others is fixed: got {self._codec!r}"
            )
        return self._codec.encode(action_chunk, on_clip=on_clip, rdo=rdo, num_threads=num_threads)

    def decode(
        self,
        tokens: object,
        *,
        time_horizon: Horizon | None = None,
        action_dim: int | None = None,
        errors: ErrorPolicy = "strict",
        num_threads: int | None = None,
    ) -> DecodedActions:
        """Decodes ids to actions.

        The shape comes from the keywords, else from `tokens` where a call to the tokenizer made them, else from
        the saved configuration.

        Args:
            tokens: What a call or `encode` returned, lists of ids, an array `[B, L]`, or one flat sequence of ids,
                which is one chunk. Padding around the ids is passed over.
            time_horizon: Steps of a chunk.
            action_dim: Dimensions of an action.
            errors: `"strict"` raises on ids that are not an action of this shape; `"repair"` keeps the valid
                beginning, which holds the low frequencies, so the coarse motion; `"zeros"` is what the reference
                does.
            num_threads: None for as many as are worth it.

        Returns:
            float64 `[B, H, D]`; a list of `[H_i, D]` for tokens of chunks of several lengths.

        Raises:
            DecodeError: If `errors="strict"` and a sequence is not an action of this shape.
            ValueError: If no shape is known, or the keywords contradict the tokens.
        """
        horizon, dim = self._shape(tokens, time_horizon, action_dim)
        return self._codec.decode(tokens, horizon=horizon, action_dim=dim, errors=errors, num_threads=num_threads)

    def decode_checked(
        self,
        tokens: object,
        *,
        time_horizon: Horizon | None = None,
        action_dim: int | None = None,
        errors: Literal["repair", "zeros"] = "repair",
        num_threads: int | None = None,
    ) -> CheckedActions[DecodedActions]:
        """Decodes like `decode`, but tells of bad ids instead of raising.

        Returns:
            The actions, and an int8 array with the `DecodeStatus` of each chunk (0 is OK); the attribute
            `position` says where each failed.

        Examples:
            >>> tokenizer = FastTokenizer.fit(np.zeros((3, 4, 2)), time_horizon=4, action_dim=2)
            >>> actions, status = tokenizer.decode_checked([[0], []])
            >>> actions.shape, status.tolist()
            ((2, 4, 2), [1, 1])
        """
        horizon, dim = self._shape(tokens, time_horizon, action_dim)
        return self._codec.decode_checked(
            tokens, horizon=horizon, action_dim=dim, errors=errors, num_threads=num_threads
        )

    @classmethod
    def fit(
        cls,
        action_data: Sequence[Actions] | Floats,
        scale: float = 10,
        vocab_size: int = 1024,
        *,
        time_horizon: int | None = None,
        action_dim: int | None = None,
        scheme: Scheme = "symbols",
        margin: float | None = None,
        progress: Progress | None = None,
        num_threads: int | None = None,
    ) -> FastTokenizer:
        """Trains a tokenizer on chunks of one's own.

        Args:
            action_data: Chunks `[H_i, D]`, or `[B, H, D]`; normalised to about [-1, 1].
            scale: Multiplier of the DCT coefficients before rounding: more is finer and takes more tokens.
            vocab_size: Ids wanted; fewer are made where the data has no more pairs that occur twice.
            time_horizon: Saved with the tokenizer, for decoding.
            action_dim: Saved with the tokenizer, for decoding.
            scheme: `"symbols"`: one symbol a coefficient value, a known number of coefficients in each token.
                `"bytes"`: the published format, with the merges of the published training code.
            margin: How far beyond the largest training coefficient the range of the symbols goes, as a factor;
                1.5 unless given. Only for `"symbols"`.
            progress: Called now and then with tokens made and tokens wanted; what it raises ends the training.
            num_threads: None for as many as the process may use.

        Raises:
            TrainingError: If there is nothing to train on, or the range does not fit the vocabulary.
            EncodeError: If a chunk is not an array of finite numbers.
        """
        codec = fit_fast_codec(
            action_data,
            scale=scale,
            vocab_size=vocab_size,
            scheme=scheme,
            margin=margin,
            progress=progress,
            num_threads=thread_count(num_threads),
        )
        return cls(codec, time_horizon=time_horizon, action_dim=action_dim)

    @classmethod
    def from_pretrained(
        cls,
        name_or_path: str | os.PathLike[str],
        *,
        revision: str | None = None,
        local_files_only: bool = False,
    ) -> FastTokenizer:
        """Loads a tokenizer in the published layout, FAST+ included, without transformers or remote code.

        Args:
            name_or_path: A directory, or the id of a repository on the Hugging Face hub
                (`physical-intelligence/fast`), which needs the extra `hub`.
            revision: Branch, tag or commit on the hub.
            local_files_only: Take what is in the hub's cache and ask no network.

        Raises:
            FormatError: If a file is missing or damaged; the message names file and key.
            FileNotFoundError: If a path does not exist.
            NotADirectoryError: If it is a file.
        """
        directory = Path(name_or_path)
        if directory.exists() and not directory.is_dir():
            raise NotADirectoryError(f"{directory} is a file: expected the directory that it lies in")
        if not directory.is_dir():
            from fast_tokenizer.hub import download

            directory = download(str(name_or_path), revision=revision, local_files_only=local_files_only)
        saved = read_directory(directory)
        return cls(saved.codec, time_horizon=saved.time_horizon, action_dim=saved.action_dim)

    def save_pretrained(self, save_directory: str | os.PathLike[str]) -> None:
        """Saves to a directory that this class loads, and, if it is of FAST, transformers and the reference too.

        Other files in the directory are left alone. See `fast_tokenizer.serialization` for what happens when it
        is interrupted.
        """
        write_directory(Path(save_directory), self._saved())

    def push_to_hub(
        self,
        repo_id: str,
        *,
        private: bool | None = None,
        commit_message: str = "Upload tokenizer",
        revision: str | None = None,
        token: str | bool | None = None,
    ) -> str:
        """Uploads the directory to the Hugging Face hub, which needs the extra `hub`.

        A repository that has no README yet gets one that tells where the tokenizer comes from, its figures and
        how to use it.

        Args:
            repo_id: The repository, such as `me/my-tokenizer`; made if it is not there.
            private: Whether a new repository is private; None for the account's default.
            commit_message: Of the one commit that is made.
            revision: The branch to upload to.
            token: Unless given, the one that was logged in with.

        Returns:
            The address of the commit.
        """
        from fast_tokenizer.hub import publish

        return publish(
            repo_id,
            self.save_pretrained,
            model_card(self._saved(), repo_id),
            private=private,
            commit_message=commit_message,
            revision=revision,
            token=token,
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FastTokenizer) and self._state() == other._state()

    def __hash__(self) -> int:
        return hash(self._state())

    def __repr__(self) -> str:
        return f"FastTokenizer({self._codec!r}, time_horizon={self._time_horizon}, action_dim={self._action_dim})"

    def _saved(self) -> SavedTokenizer:
        return SavedTokenizer(self._codec, self._time_horizon, self._action_dim)

    def _state(self) -> tuple[Any, ...]:
        return self._codec, self._time_horizon, self._action_dim

    def _shape(self, tokens: object, time_horizon: Horizon | None, action_dim: int | None) -> tuple[Horizon, int]:
        if isinstance(tokens, TokenLists) and time_horizon is None and action_dim is None:
            return tokens.horizon, tokens.action_dim  # the usual case, at once
        carried_horizon: Horizon | None = None
        carried_dim: int | None = None
        if isinstance(tokens, TokenLists | TokenBatch):
            carried_horizon, carried_dim = tokens.horizon, tokens.action_dim
        horizon = _agreed("time_horizon", time_horizon, carried_horizon, self._time_horizon)
        dim = _agreed("action_dim", action_dim, carried_dim, self._action_dim)
        if horizon is None or dim is None:
            if len(as_sequences(tokens)[1]) == 1:  # an empty batch has no shape to get wrong
                return horizon or 1, cast("int", dim or 1)
            missing = " and ".join(
                name for name, value in (("time_horizon", horizon), ("action_dim", dim)) if value is None
            )
            raise ValueError(
                f"the shape of these tokens is not known: give {missing}, decode the list that the tokenizer "
                "returned, or save the tokenizer with a shape"
            )
        return horizon, cast("int", dim)


def _agreed(name: str, given: Horizon | None, carried: Horizon | None, saved: int | None) -> Horizon | None:
    if given is not None and carried is not None and not np.array_equal(given, carried):
        raise ValueError(f"{name}={given} was given, but the tokens are of chunks with {name}={carried}")
    if given is not None:
        return given
    return saved if carried is None else carried


def _positive(name: str, value: int | None) -> int | None:
    if value is not None and value < 1:
        raise ValueError(f"{name} is {value}: expected 1 or more, or None")
    return None if value is None else operator.index(value)
