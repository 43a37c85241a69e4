"""The class that AutoProcessor gives."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from transformers import BatchEncoding, ProcessorMixin

from fast_tokenizer.actions import Actions, Floats
from fast_tokenizer.codecs.codec import DecodedActions
from fast_tokenizer.codecs.fast import FastCodec, Scheme
from fast_tokenizer.decoding import CheckedActions, ErrorPolicy
from fast_tokenizer.hf.action_tokenizer import FastActionTokenizer
from fast_tokenizer.hub import download
from fast_tokenizer.token_batch import Horizon, TokenLists
from fast_tokenizer.tokenizer import FastTokenizer
from fast_tokenizer.training import VocabularySettings


class FastActionProcessor(ProcessorMixin):  # type: ignore[misc]  # transformers has no types here
    """A `FastTokenizer` as a processor of transformers, with the contract of the published one.

    `processor(actions)` gives lists of ids, `processor.decode(ids, time_horizon=, action_dim=)` actions. It
    differs as `FastTokenizer` does: what is not an action raises, and nothing is remembered between calls.

    Args:
        wrapped: The tokenizer. (Transformers 5 takes arguments whose names tell of a tokenizer for parts of its
            own.)
        time_horizon: Steps of a chunk, for decoding; unless given, what the tokenizer says.
        action_dim: Dimensions of an action, likewise.

    Examples:
        >>> import numpy as np
        >>> processor = FastActionProcessor.fit(np.zeros((3, 4, 2)), time_horizon=4, action_dim=2)
        >>> processor.decode(processor(np.zeros((4, 2)))).shape
        (1, 4, 2)
    """

    attributes: ClassVar[list[str]] = []  # no parts that transformers 4 would save and load

    def __init__(
        self, wrapped: FastTokenizer, time_horizon: int | None = None, action_dim: int | None = None
    ) -> None:
        super().__init__()
        self._tokenizer = FastActionTokenizer(
            fast_tokenizer=FastTokenizer(
                wrapped.codec,
                time_horizon=wrapped.time_horizon if time_horizon is None else time_horizon,
                action_dim=wrapped.action_dim if action_dim is None else action_dim,
                normalizer=wrapped.normalizer,
            )
        )

    @property
    def fast_tokenizer(self) -> FastTokenizer:
        """What is wrapped, without its normaliser."""
        return self._tokenizer.fast_tokenizer

    @property
    def bpe_tokenizer(self) -> FastActionTokenizer:
        """The text tokenizer that the published processor has: coefficient text to ids, and flat ids to text."""
        return self._tokenizer

    @property
    def scale(self) -> float:
        """Multiplier of the DCT coefficients before rounding."""
        return self.fast_tokenizer.scale

    @property
    def min_token(self) -> int:
        """The lowest rounded coefficient that encoding can write."""
        return self.fast_tokenizer.min_token

    @property
    def vocab_size(self) -> int:
        """Action ids that there are."""
        return self.fast_tokenizer.vocab_size

    @property
    def time_horizon(self) -> int | None:
        """Steps of a chunk, as saved."""
        return self.fast_tokenizer.time_horizon

    @property
    def action_dim(self) -> int | None:
        """Dimensions of an action, as saved."""
        return self.fast_tokenizer.action_dim

    def __call__(self, action_chunk: Actions, **options: Any) -> TokenLists | BatchEncoding:
        """Encodes chunks; the options are those of a `FastActionTokenizer`, which say how to pad.

        Args:
            action_chunk: `[H, D]`, `[B, H, D]` or a list of `[H_i, D]`, normalised to about [-1, 1].
            **options: `padding`, `max_length`, `pad_to_multiple_of`, `padding_side`, `return_tensors`,
                `return_dict`.

        Returns:
            Lists of ids, or a `BatchEncoding` where the options ask for one.
        """
        return self._tokenizer(action_chunk, **options)

    def decode(
        self,
        tokens: object,
        *,
        time_horizon: Horizon | None = None,
        action_dim: int | None = None,
        errors: ErrorPolicy = "strict",
    ) -> DecodedActions:
        """Decodes ids to actions, as `FastTokenizer.decode` does."""
        return self.fast_tokenizer.decode(tokens, time_horizon=time_horizon, action_dim=action_dim, errors=errors)

    def batch_decode(self, sequences: object, **options: Any) -> DecodedActions:
        """The same as `decode`."""
        return self.decode(sequences, **options)

    def decode_checked(
        self,
        tokens: object,
        *,
        time_horizon: Horizon | None = None,
        action_dim: int | None = None,
        errors: Literal["repair", "zeros"] = "repair",
    ) -> CheckedActions[DecodedActions]:
        """Decodes ids and tells of bad ones instead of raising, as `FastTokenizer.decode_checked` does."""
        return self.fast_tokenizer.decode_checked(
            tokens, time_horizon=time_horizon, action_dim=action_dim, errors=errors
        )

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
    ) -> FastActionProcessor:
        """Trains a tokenizer on chunks of one's own; `FastTokenizer.fit` explains the arguments, and has more."""
        return cls(
            FastTokenizer.fit(
                action_data, scale, vocab_size, time_horizon=time_horizon, action_dim=action_dim, scheme=scheme
            )
        )

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str],
        *,
        scale: float | None = None,
        time_horizon: int | None = None,
        action_dim: int | None = None,
        subfolder: str = "",
        revision: str | None = None,
        local_files_only: bool = False,
        cache_dir: str | None = None,
        token: str | bool | None = None,
        **options: Any,
    ) -> FastActionProcessor:
        """Loads a directory or a repository of the hub in the published layout; runs no code of it.

        Args:
            pretrained_model_name_or_path: The directory, or the id of the repository.
            scale: Instead of the saved one: more is finer and takes more tokens.
            time_horizon: Instead of the saved one.
            action_dim: Instead of the saved one.
            subfolder: Where in it.
            revision: Branch, tag or commit on the hub.
            local_files_only: Take what is in the hub's cache and ask no network.
            cache_dir: The hub's cache.
            token: For private repositories.
            **options: What AutoProcessor passes on besides, which is about remote code.

        Raises:
            FormatError: If a file is missing or damaged; the message names file and key.
        """
        directory = Path(pretrained_model_name_or_path)
        if not directory.is_dir():
            directory = download(
                str(pretrained_model_name_or_path),
                revision=revision,
                local_files_only=local_files_only,
                cache_dir=cache_dir,
                token=token,
            )
        loaded = FastTokenizer.from_pretrained(directory / subfolder)
        if scale is not None:
            codec = FastCodec.from_config({**loaded.codec.get_config(), "scale": scale})
            loaded = FastTokenizer(
                codec,
                time_horizon=loaded.time_horizon,
                action_dim=loaded.action_dim,
                normalizer=loaded.normalizer,
            )
        return cls(loaded, time_horizon, action_dim)

    def save_pretrained(
        self, save_directory: str | os.PathLike[str], push_to_hub: bool = False, **options: Any
    ) -> list[str]:
        """Saves a directory as `FastTokenizer.save_pretrained` does.

        Args:
            save_directory: Where to.
            push_to_hub: Upload it too, to `repo_id` or to the directory's name.
            **options: As for `FastActionTokenizer.save_pretrained`.

        Returns:
            The files.
        """
        return list(self._tokenizer.save_pretrained(save_directory, push_to_hub=push_to_hub, **options))

    def push_to_hub(self, repo_id: str, **options: Any) -> str:
        """Uploads to the Hugging Face hub; see `FastTokenizer.push_to_hub`."""
        return self._tokenizer.push_to_hub(repo_id, **options)

    def to_dict(self) -> dict[str, Any]:
        """What the saved configuration says, as plain JSON."""
        names = ("scale", "min_token", "vocab_size", "time_horizon", "action_dim")
        return {**{name: getattr(self, name) for name in names}, "processor_class": type(self).__name__}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.fast_tokenizer!r})"
