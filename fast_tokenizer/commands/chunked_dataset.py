"""The dataset that a command tries a tokenizer on, read and cut as the training of the tokenizer did."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from fast_tokenizer import FastTokenizer, FastTokenizerError
from fast_tokenizer.chunking import Chunking
from fast_tokenizer.commands.arguments import positive_int
from fast_tokenizer.dataset_training import TrainingRecord
from fast_tokenizer.datasets import Episodes, open_episodes


def usual_horizon(hz: float | None) -> int:
    """Steps of a chunk where nobody says: those of a second, or 50 where the rate is not known either."""
    return 50 if hz is None else max(1, round(hz))


def usual_stride(horizon: int) -> int:
    """Steps from chunk to chunk where nobody says: a quarter of the horizon."""
    return max(1, horizon // 4)


def add_dataset(parser: argparse.ArgumentParser) -> None:
    """Adds the argument for the dataset."""
    parser.add_argument(
        "dataset",
        type=Path,
        metavar="DATASET",
        help="LeRobotDataset, Zarr or RLDS directory, HDF5 file or folder of them, .npz or .npy",
    )


def add_options_of_dataset(parser: argparse.ArgumentParser) -> None:
    """Adds the options that say what is read, and how it is cut."""
    parser.add_argument("--key", help="what to read as actions; the format's usual name unless given")
    parser.add_argument("--state-key", help="what to read as states, for a tokenizer of relative actions")
    parser.add_argument("--embodiment", metavar="NAME", help="whose normaliser to take, of several")
    parser.add_argument(
        "--horizon", type=positive_int, metavar="H", help="steps of a chunk; as in the training unless given"
    )
    parser.add_argument("--stride", type=positive_int, metavar="N", help="steps from chunk to chunk, likewise")


def open_dataset(
    options: argparse.Namespace, tokenizer: FastTokenizer, record: TrainingRecord | None
) -> tuple[Episodes, Chunking]:
    """Opens the dataset, and says how it is cut: as asked for, else as in the training, else by what is known.

    Raises:
        OSError: If there is no such path.
        FastTokenizerError: As `open_episodes` does.
    """
    key, state_key, dims = options.key, options.state_key, None
    if record is not None:
        key, state_key, dims = key or record.key, state_key or record.state_key, record.dims
    episodes = open_episodes(options.dataset, key=key, state_key=state_key, dims=dims)
    expected = tokenizer.action_dim
    if expected is not None and episodes.action_dim != expected:
        raise FastTokenizerError(
            f"{episodes.origin} has actions of {episodes.action_dim} dimensions, the tokenizer is for {expected}: "
            "choose another dataset, or another --key"
        )
    if record is not None:
        chunking = record.chunking
        horizon, stride = options.horizon or chunking.horizon, options.stride or chunking.stride
        return episodes, replace(chunking, horizon=horizon, stride=stride)
    horizon = options.horizon or tokenizer.time_horizon or episodes.horizon or usual_horizon(episodes.hz)
    return episodes, Chunking(horizon, options.stride or usual_stride(horizon))
