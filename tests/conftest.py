"""Fixtures of many tests, and the rule that parity is not skipped where its data is said to be."""

import os
from pathlib import Path

import numpy as np
import pytest
import scipy.fft
import tokenizers
from frameworks import import_or_skip
from hypothesis import settings
from strategies import codec_of
from tokenizers import models, pre_tokenizers, trainers

from fast_tokenizer import FastTokenizer
from fast_tokenizer.chunking import cut_chunks
from fast_tokenizer.motions import generate_episodes

SHARED = "FAST_TOKENIZER_SHARED"

# How long an example takes says more about the machine than about the code.
settings.register_profile("default", deadline=None)
settings.load_profile("default")


@pytest.fixture(scope="session")
def shared():
    """The folder with the published FAST+ files and the recordings, which are no part of the project."""
    place = os.environ.get(SHARED)
    if not place:
        pytest.skip(f"{SHARED} is not set: it names the folder that holds data/ and fast_plus/")
    folder = Path(place)
    missing = [name for name in ("data", "fast_plus/tokenizer.json") if not (folder / name).exists()]
    if missing:
        pytest.fail(f"{SHARED} is {place}, which has no {' and no '.join(missing)}", pytrace=False)
    return folder


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    outcome = yield
    report = outcome.get_result()
    if report.skipped and item.get_closest_marker("parity") and os.environ.get(SHARED):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped although {SHARED} is set: {report.longrepr}"


@pytest.fixture(scope="session")
def motions():
    """float32 [150, 20, 7]: smooth motions, holds and a gripper."""
    return cut_chunks(generate_episodes(10, action_dim=7, hz=20.0, seconds=15.0, seed=7), 20, 20)


@pytest.fixture(scope="session")
def symbols_tokenizer(motions):
    return FastTokenizer.fit(motions, vocab_size=700)


@pytest.fixture(scope="session")
def bytes_tokenizer(motions):
    """Scheme "bytes" with every byte in its vocabulary, as FAST+ has, so that it can encode anything.

    Some of its tokens begin or end inside a character: half of the training text is noise.
    """
    rng = np.random.default_rng(0)
    symbols = 354 + np.around(scipy.fft.dct(motions, axis=1, norm="ortho") * 10).astype(int).reshape(150, -1)
    noise = rng.normal(354, 4, (150, 140)).astype(int)
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=700, show_progress=False, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet())
    )
    tokenizer.train_from_iterator(("".join(map(chr, row)) for row in (*symbols, *noise)), trainer)
    return FastTokenizer(codec_of(tokenizer, "bytes", min_coefficient=-354))


@pytest.fixture(scope="session", params=["symbols", "bytes"])
def tokenizer(request):
    """Both schemes, one after the other."""
    return request.getfixturevalue(f"{request.param}_tokenizer")


@pytest.fixture(scope="session")
def codec(tokenizer):
    return tokenizer.codec


@pytest.fixture(scope="module")
def one_thread():
    """Networks as small as those of tests wait for threads more than they compute."""
    torch = import_or_skip("torch")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
