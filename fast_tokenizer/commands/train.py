"""`fast-tokenizer train`: from a dataset to a tokenizer with its normaliser inside."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import get_args

from fast_tokenizer.chunking import Chunking, Padding
from fast_tokenizer.codecs.fast import Scheme
from fast_tokenizer.commands.arguments import (
    Commands,
    as_number,
    positive_float,
    positive_int,
    seed,
)
from fast_tokenizer.commands.quantities import Seconds, dimensions, error_limits, steps_or_seconds
from fast_tokenizer.dataset_training import Resampling, TrainedTokenizer, TrainingSettings, train
from fast_tokenizer.datasets import Episodes, open_episodes
from fast_tokenizer.errors import TrainingError
from fast_tokenizer.normalization import Mode, Normalizer
from fast_tokenizer.published_statistics import read_normalizer
from fast_tokenizer.relative_actions import RelativeActions
from fast_tokenizer.serialization import require_writable
from fast_tokenizer.text_table import labelled
from fast_tokenizer.training import VocabularySettings

_STEPS = 50  # of a chunk, where the dataset does not tell its rate
_MOST_STEPS = 10**6  # of a chunk, far more than policies predict
_STRIDES_A_CHUNK = 4


def add_to(commands: Commands) -> argparse.ArgumentParser:
    """Adds the command with its options."""
    parser = commands.add_parser(
        "train",
        help="train a tokenizer on a dataset",
        description="Reads a dataset, normalises its actions, trains a vocabulary on chunks of them, and saves a "
        "tokenizer that takes and gives actions in the robot's units. At the end it tells what episodes that were "
        "held out take in tokens, and how exactly they come back.",
    )
    parser.add_argument(
        "dataset",
        type=Path,
        metavar="DATASET",
        help="LeRobotDataset, Zarr or RLDS directory, HDF5 file or folder of them, .npz or .npy",
    )
    parser.add_argument(
        "--out", type=_directory, required=True, metavar="DIR", help="where the tokenizer is saved"
    )
    _add_options_of_data(parser)
    _add_options_of_chunks(parser)
    _add_options_of_tokens(parser)
    parser.add_argument(
        "--seed", type=seed, default=0, help="of the episodes held out and of --sample (%(default)s)"
    )
    parser.add_argument("--num-threads", type=positive_int, metavar="N", help="all cores unless given")
    parser.add_argument("--push-to-hub", metavar="REPO", help="upload it too: me/my-tokenizer")
    parser.set_defaults(run=_run)
    return parser


def _add_options_of_data(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("actions", "Dimensions are named, or counted as the dataset does, from 0.")
    group.add_argument("--key", help="what to read as actions; the format's usual name unless given")
    group.add_argument(
        "--dims", type=dimensions, metavar="D,D", help="dimensions to take, in this order; all unless given"
    )
    group.add_argument(
        "--relative",
        type=dimensions,
        metavar="D,D",
        help="dimensions that become relative to the state in which a chunk begins; needs --state-key",
    )
    group.add_argument("--state-key", help="what to read as states, for --relative")
    group.add_argument("--hz", type=positive_float, help="rate to bring the episodes to")
    group.add_argument(
        "--held",
        type=dimensions,
        metavar="D,D",
        help="dimensions that --hz must not interpolate, such as a gripper",
    )
    group.add_argument(
        "--normalize",
        default="quantile",
        metavar="HOW",
        help=f"{', '.join(get_args(Mode))}, or a file of statistics: openpi's norm_stats.json, OpenVLA's "
        "dataset_statistics.json, LeRobot's stats.json, or a normalizer.json (%(default)s)",
    )
    group.add_argument("--clip", action="store_true", help="hold normalised actions within [-1, 1]")
    group.add_argument(
        "--embodiment",
        metavar="NAME",
        help="what to call the robot in the tokenizer, and whose statistics to take of a file with several",
    )


def _add_options_of_chunks(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("chunks")
    group.add_argument(
        "--horizon",
        type=steps_or_seconds,
        metavar="H",
        help="steps of a chunk, or seconds such as 1s (1s; 50 steps where the dataset does not tell its rate)",
    )
    group.add_argument(
        "--stride", type=positive_int, metavar="N", help="steps from chunk to chunk (a quarter of the horizon)"
    )
    group.add_argument(
        "--padding",
        choices=get_args(Padding),
        default="drop",
        help="what becomes of a chunk that reaches beyond its episode (%(default)s)",
    )
    group.add_argument(
        "--sample", type=_share, default=1.0, metavar="SHARE", help="the share of the chunks to keep (%(default)g)"
    )
    group.add_argument(
        "--hold-out",
        type=_share_or_none,
        default=0.2,
        metavar="SHARE",
        help="the share of the episodes kept out of the training, for the figures (%(default)g)",
    )


def _add_options_of_tokens(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("tokens")
    exactness = group.add_mutually_exclusive_group()
    exactness.add_argument(
        "--scale", type=positive_float, default=10.0, help="multiplier before rounding (%(default)g)"
    )
    exactness.add_argument(
        "--max-error",
        type=error_limits,
        metavar="E",
        help="choose the least scale with which no value of a training chunk is off by more: 1mm for all "
        "dimensions, or x=1mm,gripper=0.05; in mm, cm, m, rad, deg (of a dataset in m and rad), or without a unit "
        "in those of the dataset",
    )
    group.add_argument("--vocab-size", type=positive_int, default=1024, help="tokens wanted (%(default)s)")
    group.add_argument(
        "--scheme",
        choices=get_args(Scheme),
        default="symbols",
        help="how coefficients are written; bytes is the published format (%(default)s)",
    )
    group.add_argument(
        "--max-token-length",
        type=positive_int,
        default=10_000,
        metavar="N",
        help="tokens have fewer coefficients (or bytes) than this (%(default)s)",
    )


def _run(options: argparse.Namespace) -> None:
    require_writable(options.out)
    episodes = open_episodes(options.dataset, key=options.key, state_key=options.state_key, dims=options.dims)
    settings = _settings(options, episodes)
    trained = train(
        episodes,
        settings,
        key=options.key,
        state_key=options.state_key,
        command=options.command_line,
        num_threads=options.num_threads,
    )
    trained.save(options.out)
    print(_summary(trained, episodes, settings))
    print(labelled([("saved", str(options.out))]))
    if options.push_to_hub is not None:
        print(labelled([("uploaded", trained.push_to_hub(options.push_to_hub))]))


def _settings(options: argparse.Namespace, episodes: Episodes) -> TrainingSettings:
    if (options.relative is None) != (options.state_key is None):
        raise TrainingError("--relative and --state-key go together: actions are relative to states")
    if options.held is not None and options.hz is None:
        raise TrainingError("--held is for --hz: without it nothing is interpolated")
    horizon = _horizon(options, episodes)
    return TrainingSettings(
        chunking=Chunking(
            horizon=horizon,
            stride=options.stride or max(1, horizon // _STRIDES_A_CHUNK),
            padding=options.padding,
            sample=options.sample,
            seed=options.seed,
        ),
        vocabulary=VocabularySettings(
            scale=options.scale,
            vocab_size=options.vocab_size,
            scheme=options.scheme,
            max_token_length=options.max_token_length,
        ),
        normalization=_normalization(options),
        clip=options.clip,
        embodiment=options.embodiment or "default",
        relative=None if options.relative is None else RelativeActions(episodes.places(options.relative)),
        resampling=None if options.hz is None else Resampling(options.hz, episodes.places(options.held or [])),
        hold_out=options.hold_out,
        seed=options.seed,
        max_error=_max_error(options.max_error, episodes),
    )


def _normalization(options: argparse.Namespace) -> Mode | Normalizer:
    """The mode, or the normaliser of a file."""
    if options.normalize in get_args(Mode):
        mode: Mode = options.normalize
        return mode
    if not Path(options.normalize).exists():
        expected = f"{', '.join(get_args(Mode))}, or a file of statistics"
        raise TrainingError(f"--normalize is {options.normalize!r}: expected {expected}")
    return read_normalizer(options.normalize, options.embodiment)


def _horizon(options: argparse.Namespace, episodes: Episodes) -> int:
    """Steps of a chunk: as asked for, as the dataset's chunks have, or of a second."""
    hz = options.hz or episodes.hz
    if isinstance(options.horizon, Seconds):
        if hz is None:
            raise TrainingError(f"{episodes.origin} does not tell its rate: give the horizon in steps")
        asked: float | None = options.horizon.value * hz
    else:
        asked = options.horizon
    if asked is not None:
        if asked > _MOST_STEPS:
            raise TrainingError(f"--horizon is more than {_MOST_STEPS} steps: expected a few seconds")
        asked = max(1, round(asked))
    if episodes.horizon is not None:
        if options.hz is not None:
            raise TrainingError(f"{episodes.origin} holds chunks, which are cut already: leave --hz out")
        if asked not in (None, episodes.horizon):
            raise TrainingError(
                f"{episodes.origin} holds chunks of {episodes.horizon} steps: leave the horizon of {asked} out"
            )
        return episodes.horizon
    return asked or (_STEPS if hz is None else max(1, round(hz)))


def _max_error(limits: float | dict[int | str, float] | None, episodes: Episodes) -> tuple[float, ...] | None:
    """The bound of each dimension; infinity where there is none."""
    if limits is None:
        return None
    if isinstance(limits, float):
        return (limits,) * episodes.action_dim
    bounds = [math.inf] * episodes.action_dim
    for place, limit in zip(episodes.places(list(limits)), limits.values(), strict=True):
        bounds[place] = limit
    return tuple(bounds)


def _summary(trained: TrainedTokenizer, episodes: Episodes, settings: TrainingSettings) -> str:
    chunking, tokenizer, record = settings.chunking, trained.tokenizer, trained.record
    dataset, chosen = record["dataset"], "" if settings.max_error is None else ", chosen for --max-error"
    rate = "" if dataset["hz"] is None else f" at {dataset['hz']:g} Hz"
    held_out, tried = f"{trained.held_out_chunks} held out", "held-out episodes"
    if not trained.held_out_chunks:
        held_out, tried = "none held out", "the chunks trained on, as none were held out"
    rows = [
        ("data", f"{dataset['name']}: {dataset['episodes']} episodes, {dataset['steps']} steps{rate}"),
        (
            "chunks",
            f"{record['chunks']['count']} to train, {held_out}: {chunking.horizon} steps x {episodes.action_dim} "
            f"dimensions, one every {chunking.stride} step(s)",
        ),
        (
            "vocabulary",
            f"{tokenizer.vocab_size} tokens ({settings.vocabulary.vocab_size} asked for), "
            f"{settings.vocabulary.scheme}",
        ),
        ("scale", f"{tokenizer.scale:g}{chosen}"),
        ("time", ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in trained.seconds.items())),
        ("figures", f"of {tried}"),
        *trained.figures.rows(),
    ]
    names = episodes.names or [str(place) for place in episodes.dims or range(episodes.action_dim)]
    if settings.relative is not None:
        relative = ", ".join(names[place] for place in settings.relative.dimensions)
        rows.append(("relative", f"{relative}: the tokenizer takes and gives them relative to the state"))
    if trained.constant:
        constant = ", ".join(names[place] for place in trained.constant)
        rows.append(("constant", f"{constant}: in the training data, and so in whatever is decoded"))
    if not len(trained.figures.lengths):
        return labelled(rows)
    return f"{labelled(rows)}\n\n{trained.figures.error_table(names)}\n"


def _directory(text: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError("got an empty path, expected a directory")
    return Path(text)


def _share(text: str) -> float:
    number = as_number(text)
    if not 0 < number <= 1:
        raise argparse.ArgumentTypeError(f"got {text!r}, expected a share above 0, up to 1")
    return number


def _share_or_none(text: str) -> float:
    number = as_number(text)
    if not 0 <= number < 1:
        raise argparse.ArgumentTypeError(f"got {text!r}, expected a share from 0, below 1")
    return number
