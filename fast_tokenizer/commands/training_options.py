"""Options of the commands that train tokenizers: the data, the chunks, and how coefficients are written."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import get_args

from fast_tokenizer.chunking import Chunking, Padding
from fast_tokenizer.codecs.fast import Scheme
from fast_tokenizer.commands.arguments import as_number, positive_float, positive_int
from fast_tokenizer.commands.chunked_dataset import usual_horizon, usual_stride
from fast_tokenizer.commands.quantities import Seconds, dimensions, steps_or_seconds
from fast_tokenizer.dataset_training import Resampling, TrainingSettings
from fast_tokenizer.datasets import Episodes
from fast_tokenizer.errors import TrainingError
from fast_tokenizer.normalization import Mode, Normalizer
from fast_tokenizer.published_statistics import read_normalizer
from fast_tokenizer.relative_actions import RelativeActions
from fast_tokenizer.training import VocabularySettings

_MOST_STEPS = 10**6  # of a chunk, far more than policies predict


def add_options_of_data(parser: argparse.ArgumentParser) -> None:
    """Adds those that say what is read, and how it is normalised."""
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


def add_options_of_chunks(parser: argparse.ArgumentParser) -> None:
    """Adds those that say how chunks are cut, and which are trained on."""
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
        "--sample",
        type=_share,
        default=Chunking.sample,
        metavar="SHARE",
        help="the share of the chunks to keep, above 0 (%(default)g)",
    )
    group.add_argument(
        "--hold-out",
        type=_share,
        default=TrainingSettings.hold_out,
        metavar="SHARE",
        help="the share of the episodes kept out of the training, for the figures, below 1 (%(default)g)",
    )


def add_options_of_scheme(group: argparse._ArgumentGroup) -> None:
    """Adds those that say how coefficients are written."""
    group.add_argument(
        "--scheme",
        choices=get_args(Scheme),
        default="symbols",
        help="how coefficients are written; bytes is the published format (%(default)s)",
    )
    group.add_argument(
        "--max-token-length",
        type=positive_int,
        default=VocabularySettings.max_token_length,
        metavar="N",
        help="tokens have fewer coefficients (or bytes) than this (%(default)s)",
    )


def training_settings(
    options: argparse.Namespace,
    episodes: Episodes,
    vocabulary: VocabularySettings,
    *,
    max_error: tuple[float, ...] | None = None,
) -> TrainingSettings:
    """What the options say.

    Raises:
        FastTokenizerError: If they contradict each other, or the dataset.
    """
    if (options.relative is None) != (options.state_key is None):
        raise TrainingError("--relative and --state-key go together: actions are relative to states")
    if options.held is not None and options.hz is None:
        raise TrainingError("--held is for --hz: without it nothing is interpolated")
    horizon = _horizon(options, episodes)
    return TrainingSettings(
        chunking=Chunking(
            horizon=horizon,
            stride=options.stride or usual_stride(horizon),
            padding=options.padding,
            sample=options.sample,
            seed=options.seed,
        ),
        vocabulary=vocabulary,
        normalization=_normalization(options),
        clip=options.clip,
        embodiment=options.embodiment or "default",
        relative=None if options.relative is None else RelativeActions(episodes.places(options.relative)),
        resampling=None if options.hz is None else Resampling(options.hz, episodes.places(options.held or [])),
        hold_out=options.hold_out,
        seed=options.seed,
        max_error=max_error,
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
    return asked or usual_horizon(hz)


def _share(text: str) -> float:
    """Of something; whether all or none of it will do is for the settings to say."""
    number = as_number(text)
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"got {text!r}, expected a share from 0 to 1")
    return number
