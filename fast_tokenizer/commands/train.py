"""`fast-tokenizer train`: from a dataset to a tokenizer with its normaliser inside."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from fast_tokenizer.commands.arguments import Commands, positive_float, positive_int, seed
from fast_tokenizer.commands.chunked_dataset import add_dataset
from fast_tokenizer.commands.quantities import error_limits
from fast_tokenizer.commands.training_options import (
    add_options_of_chunks,
    add_options_of_data,
    add_options_of_scheme,
    training_settings,
)
from fast_tokenizer.dataset_training import TrainedTokenizer, TrainingSettings, train
from fast_tokenizer.datasets import Episodes, open_episodes
from fast_tokenizer.serialization import require_writable
from fast_tokenizer.text_table import labelled
from fast_tokenizer.training import VocabularySettings


def add_to(commands: Commands) -> argparse.ArgumentParser:
    """Adds the command with its options."""
    parser = commands.add_parser(
        "train",
        help="train a tokenizer on a dataset",
        description="Reads a dataset, normalises its actions, trains a vocabulary on chunks of them, and saves a "
        "tokenizer that takes and gives actions in the robot's units. At the end it tells what episodes that were "
        "held out take in tokens, and how exactly they come back.",
    )
    add_dataset(parser)
    parser.add_argument(
        "--out", type=_directory, required=True, metavar="DIR", help="where the tokenizer is saved"
    )
    add_options_of_data(parser)
    add_options_of_chunks(parser)
    _add_options_of_tokens(parser)
    parser.add_argument(
        "--seed", type=seed, default=0, help="of the episodes held out and of --sample (%(default)s)"
    )
    parser.add_argument("--num-threads", type=positive_int, metavar="N", help="all cores unless given")
    parser.add_argument("--push-to-hub", metavar="REPO", help="upload it too: me/my-tokenizer")
    parser.set_defaults(run=_run)
    return parser


def _add_options_of_tokens(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("tokens")
    exactness = group.add_mutually_exclusive_group()
    exactness.add_argument(
        "--scale",
        type=positive_float,
        default=VocabularySettings.scale,
        help="multiplier before rounding (%(default)g)",
    )
    exactness.add_argument(
        "--max-error",
        type=error_limits,
        metavar="E",
        help="choose the least scale with which no value of a training chunk is off by more: 1mm for all "
        "dimensions, or x=1mm,gripper=0.05; in mm, cm, m, rad, deg (of a dataset in m and rad), or without a unit "
        "in those of the dataset",
    )
    group.add_argument(
        "--vocab-size",
        type=positive_int,
        default=VocabularySettings.vocab_size,
        help="tokens wanted (%(default)s)",
    )
    add_options_of_scheme(group)


def _run(options: argparse.Namespace) -> None:
    require_writable(options.out)
    episodes = open_episodes(options.dataset, key=options.key, state_key=options.state_key, dims=options.dims)
    vocabulary = VocabularySettings(
        options.scale, options.vocab_size, options.scheme, max_token_length=options.max_token_length
    )
    settings = training_settings(options, episodes, vocabulary, max_error=_max_error(options.max_error, episodes))
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
    names = episodes.labels
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
