"""The class that AutoTokenizer gives."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from transformers import AddedToken, BatchEncoding, PreTrainedTokenizer

from fast_tokenizer.actions import Actions
from fast_tokenizer.codecs.codec import DecodedActions
from fast_tokenizer.decoding import ErrorPolicy
from fast_tokenizer.hf.batch_encoding import as_batch_encoding
from fast_tokenizer.hf.coefficient_text import ids_of_text, text_of_ids
from fast_tokenizer.hub import publish
from fast_tokenizer.model_card import model_card
from fast_tokenizer.serialization import PROCESSOR_FILE, VOCABULARY_FILE, SavedTokenizer, write_directory
from fast_tokenizer.token_batch import TokenBatch, TokenLists
from fast_tokenizer.tokenizer import FastTokenizer

# Every text of ordinary characters may be a text of coefficients, "<pad>" too. U+10FFFD, the last character for
# private use, would be a coefficient of a million.
_SPECIAL_TOKENS = {name: f"\U0010fffd<{name}>" for name in ("pad", "eos", "mask")}


class FastActionTokenizer(PreTrainedTokenizer):  # type: ignore[misc]  # transformers has no types here
    """A `FastTokenizer` as a tokenizer of transformers, for collators, models and composite processors.

    Called on actions it gives a list of ids for each chunk, as the published processor does, or on request a
    `BatchEncoding`. Called on a `str` it encodes coefficient text (a character a coefficient), as the text
    tokenizer inside a published directory does: under transformers 4 the published processor takes this class
    for it. pad, eos and mask are the ids after the action ids.

    Args:
        vocab_file: `tokenizer.json` of a tokenizer directory; `from_pretrained` gives it.
        processor_config_file: `processor_config.json` beside it.
        fast_tokenizer: What to wrap, instead of the files. Its normaliser is saved with it, but not used: what
            transformers calls gives and takes normalised actions.
        **settings: What transformers knows, such as `padding_side`.

    Examples:
        >>> chunks = np.zeros((3, 4, 2))
        >>> tokenizer = FastActionTokenizer(fast_tokenizer=FastTokenizer.fit(chunks))
        >>> tokenizer(chunks, padding=True, return_tensors="np")["attention_mask"].tolist()
        [[1], [1], [1]]
        >>> tokenizer.decode(tokenizer(chunks)).shape
        (3, 4, 2)
        >>> len(tokenizer) - tokenizer.vocab_size  # pad, eos, mask
        3
    """

    vocab_files_names: ClassVar = {"vocab_file": VOCABULARY_FILE, "processor_config_file": PROCESSOR_FILE}
    model_input_names: ClassVar = ["input_ids", "attention_mask"]

    def __init__(
        self,
        vocab_file: str | None = None,
        processor_config_file: str | None = None,
        *,
        fast_tokenizer: FastTokenizer | None = None,
        **settings: Any,
    ) -> None:
        if fast_tokenizer is None:
            if vocab_file is None or processor_config_file is None:
                raise ValueError(
                    f"{VOCABULARY_FILE} or {PROCESSOR_FILE} is missing: expected the files of a tokenizer "
                    "directory, or fast_tokenizer=; load with from_pretrained"
                )
            fast_tokenizer = FastTokenizer.from_pretrained(Path(processor_config_file).parent)
        self._fast_tokenizer = FastTokenizer(
            fast_tokenizer.codec, time_horizon=fast_tokenizer.time_horizon, action_dim=fast_tokenizer.action_dim
        )
        self._normalizer = fast_tokenizer.normalizer
        self._ids = {text: number for number, text in enumerate(fast_tokenizer.codec.tokens)}
        special = {f"{name}_token": text for name, text in _SPECIAL_TOKENS.items()}
        added = {
            fast_tokenizer.vocab_size + place: AddedToken(text, special=True, normalized=False)
            for place, text in enumerate(_SPECIAL_TOKENS.values())
        }
        settings["added_tokens_decoder"] = added | settings.get("added_tokens_decoder", {})
        settings["clean_up_tokenization_spaces"] = False  # it would rewrite pairs of coefficients
        for loaded in ("auto_map", "processor_class"):  # of the files; saving writes its own
            settings.pop(loaded, None)
        super().__init__(**{**special, **settings})

    @classmethod
    def from_pretrained(cls, *arguments: Any, **options: Any) -> FastActionTokenizer:
        """Loads a directory or a repository of the hub; arguments are those of transformers.

        Raises:
            FormatError: If a file is missing or damaged; the message names file and key.
        """
        try:
            tokenizer: FastActionTokenizer = super().from_pretrained(*arguments, **options)
        except ImportError as error:
            # Without protobuf, transformers up to 5.5 takes what a constructor raises for an error about that.
            if isinstance(error.__context__, ValueError):
                raise error.__context__ from None
            raise
        return tokenizer

    @property
    def fast_tokenizer(self) -> FastTokenizer:
        """What is wrapped, without its normaliser."""
        return self._fast_tokenizer

    @property
    def vocab_size(self) -> int:
        """Action ids, without the special and added ones; `len()` counts those too."""
        return self._fast_tokenizer.vocab_size

    def __call__(
        self,
        text: str | list[str] | Actions,
        *arguments: Any,
        padding: bool | str = False,
        max_length: int | None = None,
        pad_to_multiple_of: int | None = None,
        padding_side: Literal["left", "right"] | None = None,
        return_tensors: str | None = None,
        return_dict: bool = False,
        truncation: Any = None,
        **options: Any,
    ) -> TokenLists | BatchEncoding:
        """Encodes chunks of actions, or coefficient text.

        Args:
            text: `[H, D]`, `[B, H, D]` or a list of `[H_i, D]`, normalised to about [-1, 1]; or text, which is
                handled as by any tokenizer of transformers. (The name is that of transformers.)
            *arguments: For text only.
            padding: True or `"longest"`, or `"max_length"`.
            max_length: The most ids that a chunk may have.
            pad_to_multiple_of: The width is rounded up to a multiple of this.
            padding_side: `"left"` or `"right"`; as the tokenizer is set unless given.
            return_tensors: `"np"` or `"pt"`.
            return_dict: A `BatchEncoding` where nothing else asks for it.
            truncation: Refused for actions: a part of the ids is not an action.
            **options: For text only.

        Returns:
            Lists of ids, which carry the shape for `decode`; a `BatchEncoding` of `input_ids` and
            `attention_mask` where padding, tensors or `return_dict` are asked for.

        Raises:
            EncodeError: As `FastTokenizer.encode` does.
            ValueError: If a chunk has more than `max_length` ids.
        """
        shared: dict[str, Any] = {
            "padding": padding,
            "max_length": max_length,
            "pad_to_multiple_of": pad_to_multiple_of,
            "return_tensors": return_tensors,
        }
        if _is_text(text):
            if padding_side is not None:
                options["padding_side"] = padding_side
            return super().__call__(text, *arguments, truncation=truncation, **shared, **options)
        if arguments or options or truncation not in (None, False, "do_not_truncate"):
            extra = [*map(repr, arguments), *options] + ["truncation"] * (not (arguments or options))
            raise ValueError(f"actions were given with {', '.join(extra)}: expected options of padding only")
        batch = self._fast_tokenizer.encode(text)
        asked = return_dict or padding not in (False, "do_not_pad") or return_tensors is not None
        if not asked and max_length is None:
            return batch.to_lists()
        encoding = as_batch_encoding(
            replace(batch, pad_id=self.pad_token_id), padding_side=padding_side or self.padding_side, **shared
        )
        return encoding if asked else batch.to_lists()

    def decode(
        self,
        token_ids: object,
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
        *,
        time_horizon: int | None = None,
        action_dim: int | None = None,
        errors: ErrorPolicy = "strict",
        **options: Any,
    ) -> DecodedActions | str:
        """Decodes a batch to actions, and one flat sequence without a shape to its coefficient text.

        Args:
            token_ids: What a call returned, lists of ids or `[B, L]`: a batch; ids `[L]`: one sequence.
            skip_special_tokens: Taken for compatibility: special ids around a sequence are passed over anyway.
            clean_up_tokenization_spaces: Taken for compatibility: nothing is cleaned up.
            time_horizon: Steps of a chunk; unless given, what the tokens carry, else what is saved.
            action_dim: Dimensions of an action, likewise.
            errors: As for `FastTokenizer.decode`; for text, `"strict"` only.
            **options: Taken for compatibility.

        Returns:
            float64 `[B, H, D]`; or text, where the sequence is flat and neither keyword is given. A saved shape
            does not make it actions: the published processor decodes flat sequences to text.

        Raises:
            DecodeError: If ids are not actions of the shape, or not coefficient text.
            ValueError: If no shape is known for a batch.
        """
        if time_horizon is None and action_dim is None and not _is_batch(token_ids):
            if errors != "strict":
                raise ValueError(f"errors is {errors!r}: expected 'strict' for text; give the shape for actions")
            return text_of_ids(self._fast_tokenizer.codec, np.atleast_1d(_as_array(token_ids)).tolist())
        return self._fast_tokenizer.decode(
            token_ids, time_horizon=time_horizon, action_dim=action_dim, errors=errors
        )

    def batch_decode(self, sequences: object, *arguments: Any, **options: Any) -> DecodedActions | str:
        """The same as `decode`."""
        return self.decode(sequences, *arguments, **options)

    def save_pretrained(
        self, save_directory: str | os.PathLike[str], *, push_to_hub: bool = False, **options: Any
    ) -> tuple[str, ...]:
        """Saves a directory as `FastTokenizer.save_pretrained` does, with the settings and added tokens.

        Args:
            save_directory: Where to.
            push_to_hub: Upload it too, to `repo_id` or to the directory's name.
            **options: `repo_id` and what else `push_to_hub` takes; others of transformers are of no meaning.

        Returns:
            The files.
        """
        directory = Path(save_directory)
        files = write_directory(directory, self._saved(), tokenizer_settings=self._settings())
        if push_to_hub:
            self.push_to_hub(options.pop("repo_id", directory.name), **options)
        return tuple(str(file) for file in files)

    def push_to_hub(self, repo_id: str, **options: Any) -> str:
        """Uploads to the Hugging Face hub; see `FastTokenizer.push_to_hub`."""
        return publish(repo_id, self.save_pretrained, model_card(self._saved(), repo_id), **options)

    def save_vocabulary(self, save_directory: str, filename_prefix: str | None = None) -> tuple[str, ...]:
        """Saves the whole directory: a vocabulary without scale and range has no meaning."""
        return self.save_pretrained(save_directory)

    def get_vocab(self) -> dict[str, int]:
        """Ids by their text, with special and added ones."""
        return {**self._ids, **self.added_tokens_encoder}

    def convert_tokens_to_string(self, tokens: Sequence[str]) -> str:
        """The coefficient text of tokens."""
        return text_of_ids(self._fast_tokenizer.codec, self.convert_tokens_to_ids(list(tokens)))

    def _tokenize(self, text: str, **options: Any) -> list[str]:
        codec = self._fast_tokenizer.codec
        return [codec.tokens[one] for one in ids_of_text(codec, text)]

    def _convert_token_to_id(self, token: str) -> int | None:
        return self._ids.get(token)

    def _convert_id_to_token(self, index: int) -> str | None:
        tokens = self._fast_tokenizer.codec.tokens
        return tokens[index] if 0 <= index < len(tokens) else None

    def _saved(self) -> SavedTokenizer:
        inner = self._fast_tokenizer
        return SavedTokenizer(inner.codec, inner.time_horizon, inner.action_dim, self._normalizer)

    def _settings(self) -> dict[str, Any]:
        """What differs from a new tokenizer, as `tokenizer_config.json` says it."""
        fresh = FastActionTokenizer(fast_tokenizer=self._fast_tokenizer)
        settings = {
            name: value
            for name, value in self.special_tokens_map.items()
            if value != fresh.special_tokens_map.get(name)
        }
        for name in ("padding_side", "model_max_length"):
            if getattr(self, name) != getattr(fresh, name):
                settings[name] = getattr(self, name)
        added = {
            str(number): token.__getstate__()
            for number, token in self.added_tokens_decoder.items()
            if fresh.added_tokens_decoder.get(number) != token
        }
        return settings | ({"added_tokens_decoder": added} if added else {})


def _is_text(value: object) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and bool(value) and isinstance(value[0], str))


def _is_batch(tokens: object) -> bool:
    if isinstance(tokens, TokenLists | TokenBatch):
        return True
    if isinstance(tokens, list | tuple):
        return len(tokens) > 0 and np.ndim(tokens[0]) > 0
    return np.ndim(_as_array(tokens)) > 1


def _as_array(tokens: Any) -> Any:
    return np.asarray(tokens.detach().cpu() if hasattr(tokens, "detach") else tokens)
