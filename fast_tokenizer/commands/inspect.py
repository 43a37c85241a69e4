"""`fast-tokenizer inspect`: what a tokenizer directory holds."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np

from fast_tokenizer import BinningCodec, FastCodec, FastTokenizer, FrequencyCodec
from fast_tokenizer.commands.arguments import Commands
from fast_tokenizer.commands.tokenizers import open_tokenizer
from fast_tokenizer.dataset_training import TrainingRecord
from fast_tokenizer.normalization import Normalizer
from fast_tokenizer.text_table import columns, labelled

_TOKENS_AT_ONCE = 256
_DIGITS_OF_A_HASH = 12


def add_to(commands: Commands) -> argparse.ArgumentParser:
    """Adds the command with its options."""
    parser = commands.add_parser(
        "inspect",
        help="tell what a tokenizer directory holds",
        description="Tells how a tokenizer writes actions, what its vocabulary is made of, which units it takes "
        "actions in, and where it comes from.",
    )
    parser.add_argument("tokenizer", metavar="DIR", help="the tokenizer's directory, or its repository on the hub")
    parser.set_defaults(run=_run)
    return parser


def _run(options: argparse.Namespace) -> None:
    tokenizer, record = open_tokenizer(options.tokenizer)
    rows = [("tokenizer", options.tokenizer), *_codec_rows(tokenizer.codec), *_rows_of_any_codec(tokenizer)]
    print(labelled([*rows, *_origin_rows(record)]))
    for name, normalizer in (tokenizer.normalizer or {}).items():
        clip = "held within [-1, 1]" if normalizer.clip else "not clipped"
        print(f"\n{name}: formulas {normalizer.convention!r}, {clip}\n{_normalizer_table(normalizer, record)}")


def _codec_rows(codec: object) -> Iterator[tuple[str, str]]:
    """How actions become ids."""
    if isinstance(codec, FastCodec):
        size, merged = codec.vocabulary.size, len(np.unique(codec.merges[:, 2]))
        yield "scheme", f"FAST, {codec.scheme}"
        yield (
            "vocabulary",
            f"{size} tokens: {size - merged} base symbols, {merged} merged, "
            f"the longest of {_longest_token(codec)} coefficients",
        )
    elif isinstance(codec, FrequencyCodec):
        yield "scheme", f"frequencies: the lowest {codec.frequencies}, an id a coefficient"
        yield "vocabulary", f"{codec.vocabulary.size} ids"
    elif isinstance(codec, BinningCodec):
        yield "scheme", "bins: an id a value"
        yield "bins", repr(codec.bins).removeprefix("Bins(").removesuffix(")")
        yield "vocabulary", f"{codec.vocabulary.size} ids"
    if isinstance(codec, FastCodec | FrequencyCodec):
        yield "scale", f"{codec.scale:g}"
        yield "coefficients", f"{codec.min_coefficient}..{codec.max_coefficient}, others are clipped"


def _longest_token(codec: FastCodec) -> int:
    """Coefficients of the token that has most of them; a part of a character is none."""
    horizon = max(map(len, codec.tokens))
    ids = np.arange(codec.vocabulary.size)[:, None]
    groups = np.array_split(ids, -(-len(ids) // _TOKENS_AT_ONCE))
    decoded = (codec.decode_checked(group, horizon=horizon, action_dim=1).decoded for group in groups)
    return max(int(one.max()) for one in decoded)


def _rows_of_any_codec(tokenizer: FastTokenizer) -> Iterator[tuple[str, str]]:
    vocabulary = tokenizer.vocabulary
    yield "special ids", f"pad {vocabulary.pad_id}, eos {vocabulary.eos_id}, mask {vocabulary.mask_id}"
    shape = tokenizer.time_horizon, tokenizer.action_dim
    horizon, action_dim = ("any number of" if one is None else one for one in shape)
    yield "chunk", f"{horizon} steps x {action_dim} dimensions"
    if tokenizer.normalizer is None:
        yield "normaliser", "none: actions are taken and given normalised, to about [-1, 1]"
    else:
        several, default = len(tokenizer.normalizer) > 1, tokenizer.normalizer.default
        names = [f"{name} (default)" if several and name == default else name for name in tokenizer.normalizer]
        yield "normaliser", f"{', '.join(names)}: actions are taken and given in the robot's units"


def _origin_rows(record: TrainingRecord | None) -> Iterator[tuple[str, str]]:
    if record is None:
        yield "trained on", "not known, as there is no training.json"
        return
    yield (
        "trained on",
        f"{record.dataset}: {record.chunks} chunks of {record.episodes} episodes, {len(record.held_out)} held out",
    )
    yield "hash", f"{record.sha256[:_DIGITS_OF_A_HASH]}, of the actions"
    if record.relative is not None:
        names = dict(enumerate(_known_names(record)))
        relative = ", ".join(names.get(place, str(place)) for place in record.relative.dimensions)
        yield "relative", f"{relative}: to the state that a chunk begins in"
    if record.command is not None:
        yield "command", record.command


def _normalizer_table(normalizer: Normalizer, record: TrainingRecord | None) -> str:
    """What -1, 1 and a difference of 1 are in the robot's units, dimension by dimension."""
    count = normalizer.statistics.action_dim
    known = () if record is None else _known_names(record)
    names = known if len(known) == count else tuple(map(str, range(count)))
    modes = (normalizer.mode,) * count if isinstance(normalizer.mode, str) else normalizer.mode
    ends = (normalizer.unnormalize(np.full(count, end)) for end in (-1.0, 1.0))
    rows = [
        [name, mode, *(f"{number:.4g}" for number in numbers)]
        for name, mode, *numbers in zip(names, modes, *ends, normalizer.gain, strict=True)
    ]
    return columns(["dimension", "mode", "-1 is", "1 is", "one unit"], rows)


def _known_names(record: TrainingRecord) -> tuple[str, ...]:
    """What the dimensions were called, or their places in the dataset where only some were taken."""
    return record.names or tuple(map(str, record.dims or ()))
