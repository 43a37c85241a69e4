"""Ctrl-C in the commands that try tokenizers: one line, exit status 130, and everything as it was."""

import numpy as np
import pytest
from bad_datasets import save_npz
from command_line import assert_interruptible, run

from fast_tokenizer import FastTokenizer

CUT = ("--horizon", "50", "--stride", "1")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Noise of which all work takes long, a tokenizer, and files that are in the way."""
    folder = tmp_path_factory.mktemp("noise")
    rng = np.random.default_rng(0)
    save_npz(folder / "noise.npz", [rng.normal(size=(2000, 6)) for _ in range(60)])
    FastTokenizer.fit(rng.normal(size=(50, 50, 6))).save_pretrained(folder / "tok")
    for name in ("page.html", "front.png", "actions.npz"):
        (folder / name).write_text("mine")
    return folder


@pytest.mark.parametrize("stage", ["all episodes", "measuring"])
def test_report(folder, stage):
    command = ("report", "tok", "noise.npz", "--out", "page.html", "--chunks", "50000")
    assert_interruptible(folder, *command, *CUT, stage=stage)


def test_compare(folder):
    assert_interruptible(folder, "compare", "tok", "noise.npz", *CUT, stage="all episodes")


def test_sweep(folder):
    command = ("sweep", "noise.npz", "--out", "front.png", "--vocab-sizes", "20000")
    assert_interruptible(folder, *command, *CUT, stage="merges at scale 2.5")


def test_decode(folder):
    encode = (
        "encode",
        "noise.npz",
        "--tokenizer",
        "tok",
        "--out",
        "tokens.npz",
        "--horizon",
        "50",
        "--stride",
        "9",
    )
    assert run(folder, *encode).returncode == 0
    command = ("decode", "tokens.npz", "--tokenizer", "tok", "--out", "actions.npz")
    assert_interruptible(folder, *command, stage="decoding")
