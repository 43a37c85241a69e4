"""The reference pipeline, restated: what the published FAST processor does with scipy and a BPE library.

`ReferencePipeline` calls the tokenizers library directly. `ProcessorPipeline` goes through transformers, as the
published processor does, and so is what its users run.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import scipy.fft
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from fast_tokenizer.actions import Floats


class ReferencePipeline:
    """DCT, rounding, `chr`, BPE: one chunk after the other, with the calls of the published processor.

    Args:
        bpe: The byte-level tokenizer.
        scale: Multiplier of the coefficients before rounding.
        min_token: The rounded coefficient that `chr(0)` stands for.
    """

    name: ClassVar[str] = "tokenizers"

    def __init__(self, bpe: Tokenizer, scale: float, min_token: int) -> None:
        self.bpe = bpe
        self.scale = scale
        self.min_token = min_token

    @classmethod
    def from_directory(cls, directory: Path) -> ReferencePipeline:
        """Loads the published files."""
        config = json.loads((directory / "processor_config.json").read_text())
        bpe = Tokenizer.from_file(str(directory / "tokenizer.json"))
        return cls(bpe, config["scale"], config["min_token"])

    @classmethod
    def fit(cls, chunks: Iterable[Floats], vocab_size: int, scale: float = 10) -> ReferencePipeline:
        """Fits a vocabulary as the published processor does."""
        coefficients = [scipy.fft.dct(chunk, axis=0, norm="ortho").flatten() for chunk in chunks]
        rounded = np.around(np.concatenate(coefficients) * scale)
        lowest, highest = int(rounded.min()), int(rounded.max())
        if highest - lowest > vocab_size:
            raise ValueError(f"coefficients {lowest}..{highest} in a vocabulary of {vocab_size}")
        texts = ("".join(map(chr, (np.around(one * scale) - lowest).astype(int))) for one in coefficients)
        bpe = train_byte_level(texts, [chr(symbol) for symbol in range(highest - lowest + 1)], vocab_size)
        return cls(bpe, scale, lowest)

    def encode(self, chunks: Floats) -> list[list[int]]:
        """`[H, D]` or `[B, H, D]` to lists of ids."""
        return [self.encode_text(text) for text in self.texts(chunks)]

    def texts(self, chunks: Floats) -> list[str]:
        """The text that BPE gets of each chunk."""
        if chunks.ndim == 2:
            chunks = chunks[None]
        rounded = np.around(scipy.fft.dct(chunks, axis=1, norm="ortho") * self.scale)
        return [
            "".join(map(chr, np.maximum(chunk.flatten() - self.min_token, 0).astype(int))) for chunk in rounded
        ]

    def decode(self, sequences: Sequence[list[int]], horizon: int, dim: int) -> npt.NDArray[np.float64]:
        """Lists of ids to `[B, H, D]`; zeros where anything goes wrong."""
        return np.stack([self.actions_of(self.decode_ids(ids), horizon, dim) for ids in sequences])

    def actions_of(self, text: str, horizon: int, dim: int) -> npt.NDArray[np.float64]:
        """The actions `[H, D]` that a text stands for; zeros where it is none."""
        try:
            coefficients = np.array(list(map(ord, text))) + self.min_token
            coefficients = coefficients.reshape(horizon, dim)
        except ValueError:
            coefficients = np.zeros((horizon, dim))
        actions: npt.NDArray[np.float64] = scipy.fft.idct(coefficients / self.scale, axis=0, norm="ortho")
        return actions

    def encode_text(self, text: str) -> list[int]:
        """BPE of the text of a chunk."""
        return self.bpe.encode(text).ids

    def decode_ids(self, ids: list[int]) -> str:
        """The text of ids; bytes that are not UTF-8 become U+FFFD, unknown ids nothing."""
        return self.bpe.decode(ids, skip_special_tokens=False)


class ProcessorPipeline(ReferencePipeline):
    """The same through `PreTrainedTokenizerFast`."""

    name: ClassVar[str] = "transformers"

    def __init__(self, bpe: Tokenizer, scale: float, min_token: int) -> None:
        super().__init__(bpe, scale, min_token)
        transformers = importlib.import_module("transformers")
        self._bpe_tokenizer: Any = transformers.PreTrainedTokenizerFast(
            tokenizer_object=bpe, clean_up_tokenization_spaces=False
        )

    def encode_text(self, text: str) -> list[int]:
        """BPE of the text of a chunk."""
        ids: list[int] = self._bpe_tokenizer(text)["input_ids"]
        return ids

    def decode_ids(self, ids: list[int]) -> str:
        """The text of ids."""
        text: str = self._bpe_tokenizer.decode(ids)
        return text


def installed_peers(directory: Path) -> list[ReferencePipeline]:
    """The reference on tokenizers, and on transformers where that is installed."""
    kinds = [ReferencePipeline]
    if importlib.util.find_spec("transformers") is not None:
        kinds.append(ProcessorPipeline)
    return [kind.from_directory(directory) for kind in kinds]


def train_byte_level(texts: Iterable[str], alphabet: list[str], vocab_size: int) -> Tokenizer:
    """Trains byte-level BPE with the settings of the published processor."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=2,
        show_progress=False,
        special_tokens=[],
        initial_alphabet=alphabet,
        max_token_length=10000,
    )
    bpe.train_from_iterator(texts, trainer)
    return bpe


def vocabulary_and_merges(bpe: Tokenizer) -> tuple[list[str], list[tuple[str, str]]]:
    """The text of each id, and the pairs that are merged, by rank."""
    model = json.loads(bpe.to_str())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].__getitem__)
    return tokens, [(left, right) for left, right in model["merges"]]
