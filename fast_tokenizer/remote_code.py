"""The classes of a tokenizer directory for transformers: of fast_tokenizer where it is installed, else plain ones.

A directory that the Python package fast_tokenizer saved holds this file as `fast_action_tokenizer.py`, and
`trust_remote_code=True` runs it. Without the package it takes numpy, scipy and transformers, and its plain classes
give the same ids and actions, slowly. They load, encode, decode and save; `pip install fast_tokenizer[hf]` brings
the rest. Ids that are no action raise: they never become zeros.
"""

from __future__ import annotations

import json
import shutil
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import scipy.fft
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizer, ProcessorMixin

__all__ = ["FastActionProcessor", "FastActionTokenizer"]

_CONFIG = "processor_config.json"
_FILES = ("tokenizer.json", "tokenizer_config.json", "fast_action_tokenizer.py")
_NESTED = "bpe_tokenizer"


class _ActionCoder:
    """Actions to ids and back: DCT, rounding, a character a coefficient, byte-pair encoding."""

    def __init__(self, directory: Path, changes: dict[str, Any]) -> None:
        self.directory = directory
        self.config: dict[str, Any] = {**json.loads((directory / _CONFIG).read_text("utf-8")), **changes}
        self.scale: float = self.config["scale"]
        self.min_token: int = self.config["min_token"]
        self.bpe = Tokenizer.from_file(str(directory / "tokenizer.json"))
        self.vocabulary: dict[str, int] = self.bpe.get_vocab()
        self.tokens = sorted(self.vocabulary, key=self.vocabulary.__getitem__)

    def encode(self, actions: Any) -> list[list[int]]:
        """`[H, D]` or `[B, H, D]` to lists of ids."""
        if hasattr(actions, "detach"):  # a tensor of torch
            actions = actions.detach().cpu()
            actions = actions.float() if "bfloat16" in str(actions.dtype) else actions
        chunks = np.asarray(actions)
        if chunks.dtype == np.float16:
            chunks = chunks.astype(np.float32)
        chunks = chunks[None] if chunks.ndim == 2 else chunks
        if chunks.ndim != 3 or not np.isfinite(chunks).all():
            raise ValueError(f"actions have shape {chunks.shape}: expected finite numbers [H, D] or [B, H, D]")
        coefficients = np.around(scipy.fft.dct(chunks, axis=1, norm="ortho") * self.scale) - self.min_token
        texts = ["".join(map(chr, np.maximum(one.ravel(), 0).astype(int))) for one in coefficients]
        return [self.ids(text) for text in texts]

    def ids(self, text: str) -> list[int]:
        """The ids of a text of coefficients."""
        ids: list[int] = self.bpe.encode(text, add_special_tokens=False).ids
        if self.text(ids) != text:
            raise ValueError(
                "the vocabulary cannot write these actions: expected some like those it was fitted on"
            )
        return ids

    def text(self, ids: list[int]) -> str:
        """The text that ids stand for; pad, eos and mask around them are passed over."""
        size = len(self.tokens)
        ids = list(ids)
        while ids and size <= ids[-1] < size + 3:
            ids.pop()
        while ids and size <= ids[0] < size + 3:
            ids.pop(0)
        bad = [one for one in ids if not 0 <= one < size]
        if bad:
            raise ValueError(f"id {bad[0]} is no action id: expected 0..{size - 1}")
        text = "".join(self.tokens[one] for one in ids)
        if self.bpe.pre_tokenizer is None:  # a character of a token is a coefficient
            return text
        try:
            return bytes(map(_byte_alphabet().index, text)).decode("utf-8")  # a character of a token is a byte
        except UnicodeDecodeError as error:
            raise ValueError(f"the ids are not coefficients: their bytes are not UTF-8 ({error})") from error

    def decode(self, sequences: Any, time_horizon: int | None, action_dim: int | None) -> Any:
        """A batch of ids to float64 `[B, H, D]`."""
        horizon, dim = time_horizon or self.config["time_horizon"], action_dim or self.config["action_dim"]
        if horizon is None or dim is None:
            raise ValueError("the shape of these tokens is not known: give time_horizon and action_dim")
        batch = sequences.tolist() if hasattr(sequences, "tolist") else list(sequences)
        batch = batch if not batch or np.ndim(batch[0]) else [batch]
        actions = np.zeros((len(batch), horizon, dim))
        for place, ids in enumerate(batch):
            text = self.text(np.asarray(ids, dtype=int).tolist())
            if len(text) != horizon * dim:
                raise ValueError(
                    f"sequence {place} holds {len(text)} coefficients: expected {horizon * dim}, "
                    f"{horizon} steps of {dim} dimensions"
                )
            coefficients = np.array([ord(character) for character in text]) + self.min_token
            actions[place] = scipy.fft.idct(coefficients.reshape(horizon, dim) / self.scale, axis=0, norm="ortho")
        return actions

    def save(self, target: Path) -> list[str]:
        """Copies the directory; the configuration, without which it does not load, comes last."""
        copied = [*_FILES, *(f"{_NESTED}/{name}" for name in _FILES[:2])]
        (target / _NESTED).mkdir(parents=True, exist_ok=True)
        for name in copied:
            if (target / name).resolve() != (self.directory / name).resolve():
                (target / _CONFIG).unlink(missing_ok=True)
                shutil.copyfile(self.directory / name, target / name)
        (target / _CONFIG).write_text(json.dumps(self.config, indent=2) + "\n", "utf-8")
        return [str(target / name) for name in (*copied, _CONFIG)]


@cache
def _byte_alphabet() -> str:
    """GPT-2's 256 characters by byte: printable ones stand for themselves, the rest follow U+0100."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    stand_ins = iter(range(256, 512))
    return "".join(chr(byte if byte in printable else next(stand_ins)) for byte in range(256))


def _directory(path: Any, options: dict[str, Any]) -> Path:
    """The directory of a tokenizer, fetched from the hub where it is none."""
    directory = Path(path)
    if not directory.is_dir():
        from huggingface_hub import snapshot_download

        passed_on = ("revision", "cache_dir", "token", "local_files_only")
        directory = Path(
            snapshot_download(str(path), **{key: options[key] for key in passed_on if key in options})
        )
    return directory / str(options.get("subfolder", ""))


class PlainActionTokenizer(PreTrainedTokenizer):  # type: ignore[misc]  # transformers has no types here
    """Actions, or coefficient text as a `str`, to ids."""

    model_input_names: ClassVar = ["input_ids", "attention_mask"]

    def __init__(self, directory: str, changes: dict[str, Any] | None = None) -> None:
        self.coder = _ActionCoder(Path(directory), changes or {})
        super().__init__(clean_up_tokenization_spaces=False)

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: Any, *inputs: Any, **options: Any) -> Any:
        """Loads a directory or a repository of the hub."""
        return cls(str(_directory(pretrained_model_name_or_path, options)))

    @property
    def vocab_size(self) -> int:
        """Action ids that there are."""
        return len(self.coder.tokens)

    def __call__(self, text: Any, *arguments: Any, **options: Any) -> Any:
        """Lists of ids of actions; text as any tokenizer of transformers takes it."""
        if isinstance(text, str) or (isinstance(text, list) and text and isinstance(text[0], str)):
            return super().__call__(text, *arguments, **options)
        if arguments or options:
            raise ValueError("to pad actions or to get tensors of them: pip install fast_tokenizer[hf]")
        return self.coder.encode(text)

    def decode(
        self,
        token_ids: Any,
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
        *,
        time_horizon: int | None = None,
        action_dim: int | None = None,
        **options: Any,
    ) -> Any:
        """A batch to actions; one flat sequence without a shape to text."""
        ids = token_ids.tolist() if hasattr(token_ids, "tolist") else token_ids
        is_batch = isinstance(ids, list | tuple) and len(ids) > 0 and np.ndim(ids[0]) > 0
        if time_horizon is None and action_dim is None and not is_batch:
            return self.coder.text(np.atleast_1d(np.asarray(ids, dtype=int)).tolist())
        return self.coder.decode(ids, time_horizon, action_dim)

    def batch_decode(self, sequences: Any, *arguments: Any, **options: Any) -> Any:
        """The same as `decode`."""
        return self.decode(sequences, *arguments, **options)

    def save_pretrained(self, save_directory: Any, **options: Any) -> Any:
        """Copies the directory that it was loaded from."""
        return tuple(self.coder.save(Path(save_directory)))

    def get_vocab(self) -> dict[str, int]:
        """Ids by their text."""
        return {**self.coder.vocabulary, **self.added_tokens_encoder}

    def convert_tokens_to_string(self, tokens: Any) -> str:
        """The coefficient text of tokens."""
        return self.coder.text(self.convert_tokens_to_ids(list(tokens)))

    def _tokenize(self, text: str, **options: Any) -> list[str]:
        return [self.coder.tokens[one] for one in self.coder.ids(text)]

    def _convert_token_to_id(self, token: str) -> int | None:
        return self.coder.vocabulary.get(token)

    def _convert_id_to_token(self, index: int) -> str | None:
        return self.coder.tokens[index] if 0 <= index < self.vocab_size else None


class PlainActionProcessor(ProcessorMixin):  # type: ignore[misc]
    """The contract of the published processor: actions to lists of ids, and ids to actions."""

    attributes: ClassVar[list[str]] = []

    def __init__(self, directory: str, **changes: Any) -> None:
        super().__init__()
        self.bpe_tokenizer = PlainActionTokenizer(directory, changes)
        config = self._coder.config
        self.scale, self.min_token = config["scale"], config["min_token"]
        self.time_horizon, self.action_dim = config["time_horizon"], config["action_dim"]
        self.vocab_size = self.bpe_tokenizer.vocab_size

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: Any,
        *,
        scale: float | None = None,
        time_horizon: int | None = None,
        action_dim: int | None = None,
        **options: Any,
    ) -> Any:
        """Loads a directory or a repository of the hub; what is given takes the place of what is saved."""
        given = {"scale": scale, "time_horizon": time_horizon, "action_dim": action_dim}
        changes = {key: value for key, value in given.items() if value is not None}
        return cls(str(_directory(pretrained_model_name_or_path, options)), **changes)

    @classmethod
    def fit(cls, *arguments: Any, **options: Any) -> Any:
        """Not here: training is a matter of the package."""
        raise ImportError("to fit a tokenizer: pip install fast_tokenizer[hf]")

    def __call__(self, action_chunk: Any, **options: Any) -> Any:
        """Lists of ids of `[H, D]` or `[B, H, D]`."""
        return self.bpe_tokenizer(action_chunk, **options)

    def decode(self, tokens: Any, *, time_horizon: int | None = None, action_dim: int | None = None) -> Any:
        """A batch of ids to float64 `[B, H, D]`."""
        return self._coder.decode(tokens, time_horizon, action_dim)

    def batch_decode(self, sequences: Any, **options: Any) -> Any:
        """The same as `decode`."""
        return self.decode(sequences, **options)

    def save_pretrained(self, save_directory: Any, **options: Any) -> Any:
        """Copies the directory that it was loaded from."""
        return list(self.bpe_tokenizer.save_pretrained(save_directory))

    def to_dict(self) -> dict[str, Any]:
        """The configuration."""
        return dict(self._coder.config)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.to_dict()})"

    @property
    def _coder(self) -> _ActionCoder:
        return self.bpe_tokenizer.coder


# In a `try`, which transformers skips when it looks for packages that a file cannot do without.
try:
    from fast_tokenizer.hf import FastActionProcessor, FastActionTokenizer
except ImportError:
    FastActionProcessor = PlainActionProcessor  # type: ignore[misc,assignment]
    FastActionTokenizer = PlainActionTokenizer  # type: ignore[misc,assignment]
