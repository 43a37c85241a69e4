"""The tokenizer that people use: load, save, fit, call, decode."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from fast_tokenizer.actions import Actions, Floats
from fast_tokenizer.codecs.codec import Codec, DecodedActions
from fast_tokenizer.codecs.fast import FastCodec, Scheme
from fast_tokenizer.decoding import CheckedActions, ErrorPolicy
from fast_tokenizer.hub import local_directory, publish
from fast_tokenizer.model_card import model_card
from fast_tokenizer.normalization import Normalizer
from fast_tokenizer.normalizer_set import NormalizerSet, as_normalizer_set
from fast_tokenizer.robot_units import normalized, unnormalized
from fast_tokenizer.serialization import SavedTokenizer, read_directory, write_directory
from fast_tokenizer.shape_agreement import agreed_shape, saved_shape
from fast_tokenizer.threads import thread_count
from fast_tokenizer.token_batch import Horizon, TokenBatch, TokenLists
from fast_tokenizer.training import Progress, VocabularySettings, fit_fast_codec
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
        normalizer: Of one robot, or of several by name. With it, actions are taken and given in the robot's
            units; without it, normalised to about [-1, 1].

    Examples:
        >>> import numpy as np
        >>> chunks = np.random.default_rng(0).normal(size=(100, 16, 7)).cumsum(axis=1) / 10
        >>> tokenizer = FastTokenizer.fit(chunks)
        >>> tokens = tokenizer(chunks[:2])
        >>> tokenizer.decode(tokens).shape
        (2, 16, 7)
    """

    def __init__(
        self,
        codec: Codec,
        *,
        time_horizon: int | None = None,
        action_dim: int | None = None,
        normalizer: Normalizer | NormalizerSet | None = None,
    ) -> None:
        self._codec = codec
        self._shape = saved_shape(time_horizon, action_dim)
        self._normalizers = as_normalizer_set(normalizer)

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
        return self._shape[0]

    @property
    def action_dim(self) -> int | None:
        """Dimensions of an action, as saved."""
        return self._shape[1]

    @property
    def normalizer(self) -> NormalizerSet | None:
        """What brings actions to [-1, 1] and back, by embodiment; None where that is left to the caller."""
        return self._normalizers

    def __len__(self) -> int:
        """Action ids that there are."""
        return self.vocab_size

    def __call__(
        self, action_chunk: Actions, *, embodiment: str | None = None, num_threads: int | None = None
    ) -> TokenLists:
        """Encodes chunks to lists of ids.

        Args:
            action_chunk: `[H, D]`, `[B, H, D]`, or a list of `[H_i, D]`; normalised to about [-1, 1], or in the
                robot's units where the tokenizer has a normaliser.
            embodiment: Which of its robots; None for the default one.
            num_threads: None for as many as are worth it.

        Returns:
            A list of ids for each chunk. It carries the shape of the chunks, which `decode` reads, and `clipped`.

        Raises:
            EncodeError: If the actions are not finite numbers of such a shape, or need a token that a fitted
                `"bytes"` vocabulary lacks.
            FastTokenizerError: If there is no such embodiment, or its normaliser is of other dimensions.
        """
        if self._normalizers is not None or embodiment is not None:
            return self.encode(action_chunk, embodiment=embodiment, num_threads=num_threads).to_lists()
        return self._codec.encode_lists(action_chunk, num_threads=num_threads)

    def encode(
        self,
        action_chunk: Actions,
        *,
        on_clip: Literal["report", "raise"] = "report",
        embodiment: str | None = None,
        rdo: float | None = None,
        num_threads: int | None = None,
    ) -> TokenBatch:
        """Encodes chunks to flat ids with offsets, from which lists or padded arrays can be had.

        Args:
            action_chunk: As in a call.
            on_clip: `"raise"` makes a coefficient outside the vocabulary's range an error.
            embodiment: As in a call.
            rdo: Rate-distortion optimisation: fewer tokens for some more error, by choosing which way each
                coefficient is rounded. How many tokens a squared rounding unit is worth; see `FastCodec.encode`.
            num_threads: None for as many as are worth it.

        Raises:
            EncodeError: As in a call, or if something was clipped and `on_clip="raise"`.
            ValueError: If `rdo` is not 0 or more, or this is no tokenizer of scheme `"symbols"`.

        Examples:
            >>> tokenizer = FastTokenizer.fit([[[0.0, 0.0]] * 4])
            >>> ids, mask = tokenizer.encode([[0.0, 0.0]] * 4).padded(multiple_of=4)
            >>> ids.shape == mask.shape and ids.shape[1] % 4
            0
        """
        taken = None
        if self._normalizers is not None or embodiment is not None:
            taken = normalized(action_chunk, self._normalizers, embodiment)
            action_chunk = taken.chunks
        if rdo is None:
            batch = self._codec.encode(action_chunk, on_clip=on_clip, num_threads=num_threads)
        elif isinstance(self._codec, FastCodec):
            batch = self._codec.encode(action_chunk, on_clip=on_clip, rdo=rdo, num_threads=num_threads)
        else:
            raise ValueError(
                f"rdo needs a FastCodec, as the number of ids of others is fixed: got {self._codec!r}"
            )
        if taken is None:
            return batch
        if on_clip == "raise":
            taken.require_lossless()
        return replace(batch, clipped=taken.marked(batch.clipped), embodiment=embodiment)

    def decode(
        self,
        tokens: object,
        *,
        time_horizon: Horizon | None = None,
        action_dim: int | None = None,
        errors: ErrorPolicy = "strict",
        embodiment: str | None = None,
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
                beginning, which holds the low frequencies, so the coarse motion; `"zeros"`, of normalised
                actions, is what the reference does.
            embodiment: As in a call; what `tokens` carry unless given.
            num_threads: None for as many as are worth it.

        Returns:
            float64 `[B, H, D]`; a list of `[H_i, D]` for tokens of chunks of several lengths.

        Raises:
            DecodeError: If `errors="strict"` and a sequence is not an action of this shape.
            ValueError: If no shape is known, or the keywords contradict the tokens or the normaliser.
        """
        horizon, dim, embodiment = agreed_shape(tokens, time_horizon, action_dim, embodiment, self._shape)
        actions = self._codec.decode(
            tokens, horizon=horizon, action_dim=dim, errors=errors, num_threads=num_threads
        )
        if self._normalizers is not None or embodiment is not None:
            return unnormalized(actions, self._normalizers, embodiment)
        return actions

    def decode_checked(
        self,
        tokens: object,
        *,
        time_horizon: Horizon | None = None,
        action_dim: int | None = None,
        errors: Literal["repair", "zeros"] = "repair",
        embodiment: str | None = None,
        num_threads: int | None = None,
    ) -> CheckedActions[DecodedActions]:
        """Decodes like `decode`, but tells of bad ids instead of raising.

        Returns:
            The actions, and an int8 array with the `DecodeStatus` of each chunk (0 is OK); the attribute
            `position` says where each failed.

        Examples:
            >>> tokenizer = FastTokenizer.fit([[[0.0, 0.0]] * 4], time_horizon=4, action_dim=2)
            >>> actions, status = tokenizer.decode_checked([[0], []])
            >>> actions.shape, status.tolist()
            ((2, 4, 2), [1, 1])
        """
        horizon, dim, embodiment = agreed_shape(tokens, time_horizon, action_dim, embodiment, self._shape)
        checked = self._codec.decode_checked(
            tokens, horizon=horizon, action_dim=dim, errors=errors, num_threads=num_threads
        )
        if self._normalizers is not None or embodiment is not None:
            actions = unnormalized(checked.actions, self._normalizers, embodiment)
            return CheckedActions(actions, checked.status, checked.position, checked.decoded)
        return checked

    @classmethod
    def fit(
        cls,
        action_data: Sequence[Actions] | Floats,
        scale: float = VocabularySettings.scale,
        vocab_size: int = VocabularySettings.vocab_size,
        *,
        time_horizon: int | None = None,
        action_dim: int | None = None,
        scheme: Scheme = "symbols",
        margin: float | None = None,
        max_token_length: int = VocabularySettings.max_token_length,
        normalizer: Normalizer | NormalizerSet | None = None,
        embodiment: str | None = None,
        progress: Progress | None = None,
        num_threads: int | None = None,
    ) -> FastTokenizer:
        """Trains a tokenizer on chunks of one's own.

        Args:
            action_data: Chunks `[H_i, D]`, or `[B, H, D]`; normalised to about [-1, 1], or in the robot's units
                where a normaliser is given.
            scale: Multiplier of the DCT coefficients before rounding: more is finer and takes more tokens.
            vocab_size: Ids wanted; fewer are made where the data has no more pairs that occur twice.
            time_horizon: Saved with the tokenizer, for decoding.
            action_dim: Saved with the tokenizer, for decoding.
            scheme: `"symbols"`: one symbol a coefficient value, a known number of coefficients in each token.
                `"bytes"`: the published format, with the merges of the published training code.
            margin: How far beyond the largest training coefficient the range of the symbols goes, as a factor;
                1.5 unless given. Only for `"symbols"`.
            max_token_length: Tokens have fewer symbols or bytes than this, those of two aside.
            normalizer: Kept in the tokenizer.
            embodiment: Which of its robots `action_data` is of; None for the default one.
            progress: Called now and then with tokens made and tokens wanted; what it raises ends the training.
            num_threads: None for as many as the process may use.

        Raises:
            TrainingError: If there is nothing to train on, or the range does not fit the vocabulary.
            EncodeError: If a chunk is not an array of finite numbers.
        """
        normalizers = as_normalizer_set(normalizer)
        if normalizers is not None or embodiment is not None:
            action_data = normalized(action_data, normalizers, embodiment).chunks
        settings = VocabularySettings(scale, vocab_size, scheme, margin, max_token_length)
        codec = fit_fast_codec(action_data, settings, progress=progress, num_threads=thread_count(num_threads))
        return cls(codec, time_horizon=time_horizon, action_dim=action_dim, normalizer=normalizers)

    @classmethod
    def default(cls) -> FastTokenizer:
        """The tokenizer that comes with the package, and needs no download.

        It was fitted on generated and simulated motions of many robots, 2 to 44 dimensions at 5 to 100 steps a
        second, in chunks of one second; it expects actions normalised to about [-1, 1].

        Examples:
            >>> tokenizer = FastTokenizer.default()
            >>> tokenizer.decode(tokenizer([[[0.5, -0.5]] * 10])).round(1).tolist()[0][9]
            [0.5, -0.5]
        """
        return cls.from_pretrained(Path(__file__).with_name("default_tokenizer"))

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
        saved = read_directory(local_directory(name_or_path, revision=revision, local_files_only=local_files_only))
        return cls(**vars(saved))

    def save_pretrained(self, save_directory: str | os.PathLike[str]) -> None:
        """Saves to a directory that this class loads, and, if it is of FAST, transformers and the reference too.

        Other files in the directory are left alone. See `fast_tokenizer.serialization` for what happens when it
        is interrupted.
        """
        write_directory(Path(save_directory), self._saved)

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
        return publish(
            repo_id,
            self.save_pretrained,
            model_card(self._saved, repo_id),
            private=private,
            commit_message=commit_message,
            revision=revision,
            token=token,
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FastTokenizer) and self._saved == other._saved

    def __hash__(self) -> int:
        return hash(self._saved)

    def __repr__(self) -> str:
        shape = f"time_horizon={self.time_horizon}, action_dim={self.action_dim}"
        normalizer = "" if self._normalizers is None else f", normalizer={self._normalizers!r}"
        return f"FastTokenizer({self._codec!r}, {shape}{normalizer})"

    @property
    def _saved(self) -> SavedTokenizer:
        return SavedTokenizer(self._codec, *self._shape, self._normalizers)
