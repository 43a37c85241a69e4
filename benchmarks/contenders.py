"""The tokenizer that is measured and its peers, on the same vocabulary."""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from chunks import generated_chunks
from peers import ReferencePipeline, installed_peers, train_byte_level
from tokenizers import pre_tokenizers

from fast_tokenizer import FastTokenizer

_SHARED = "FAST_TOKENIZER_SHARED"
_STAND_IN = {"scale": 10, "min_token": -354, "vocab_size": 2048}  # as FAST+


@dataclass(frozen=True)
class Contenders:
    """The tokenizer and its peers.

    Attributes:
        vocabulary: What they have loaded, for people.
        ours: The tokenizer.
        peers: The reference pipeline on tokenizers and, where it is installed, on transformers.
    """

    vocabulary: str
    ours: FastTokenizer
    peers: list[ReferencePipeline]


def add_fast_plus_argument(parser: argparse.ArgumentParser) -> None:
    """Adds `--fast-plus`."""
    parser.add_argument(
        "--fast-plus",
        type=Path,
        metavar="DIR",
        default=_shared("fast_plus"),
        help=f"the published FAST+ files (${_SHARED}/fast_plus); without them a vocabulary is trained",
    )


def add_data_argument(parser: argparse.ArgumentParser) -> None:
    """Adds `--data`."""
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        default=_shared("data"),
        help=f"folder of recordings (.npz of actions, episode_ends, hz; ${_SHARED}/data)",
    )


def load_contenders(fast_plus: Path | None) -> Contenders:
    """Loads the published vocabulary, or trains one like it with the tokenizers library where there is none."""
    if fast_plus is not None:
        ours = FastTokenizer.from_pretrained(fast_plus)
        return Contenders(f"FAST+ of {fast_plus}", ours, installed_peers(fast_plus))
    with TemporaryDirectory() as folder:
        _write_stand_in(Path(folder))
        note = "a stand-in for FAST+, trained on generated motions (give --fast-plus for the published one)"
        return Contenders(note, FastTokenizer.from_pretrained(folder), installed_peers(Path(folder)))


def _write_stand_in(folder: Path) -> None:
    untrained = ReferencePipeline(train_byte_level([], [], 0), _STAND_IN["scale"], _STAND_IN["min_token"])
    texts = untrained.texts(generated_chunks("smooth", 500, 50, 14))
    # All 256 bytes, as FAST+ has them: the alphabet of a usual fit cannot write what the data lacked.
    bpe = train_byte_level(texts, pre_tokenizers.ByteLevel.alphabet(), _STAND_IN["vocab_size"])
    bpe.save(str(folder / "tokenizer.json"))
    config = {**_STAND_IN, "action_dim": None, "time_horizon": None}
    (folder / "processor_config.json").write_text(json.dumps(config))


def _shared(name: str) -> Path | None:
    root = os.environ.get(_SHARED)
    return Path(root, name) if root and Path(root, name).is_dir() else None
