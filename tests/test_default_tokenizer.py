"""The tokenizer in the wheel."""

import subprocess
import sys

import numpy as np
import pytest
from frameworks import import_or_skip
from hypothesis import given
from hypothesis import strategies as st

from fast_tokenizer import BinningCodec, FastTokenizer
from fast_tokenizer.chunking import cut_chunks
from fast_tokenizer.codecs.bins import uniform
from fast_tokenizer.motions import generate_episodes

DEFAULT = FastTokenizer.default()


def test_what_it_is():
    assert (DEFAULT.vocab_size, DEFAULT.scale, DEFAULT.codec.scheme) == (2048, 10, "symbols")
    assert (DEFAULT.time_horizon, DEFAULT.action_dim, DEFAULT.normalizer) == (None, None, None)
    assert FastTokenizer.default() == DEFAULT


@pytest.mark.parametrize(("action_dim", "hz"), [(2, 10), (7, 5), (7, 20), (14, 50), (44, 30), (28, 100)])
def test_it_serves_robots_of_every_kind(action_dim, hz):
    """With motions that it has not seen: exact to the rounding, and far fewer tokens than values."""
    motions = generate_episodes(4, action_dim=action_dim, hz=hz, seconds=5.0, seed=987)
    chunks = cut_chunks(motions, max(4, hz), hz)
    batch = DEFAULT.encode(chunks)
    assert not batch.clipped.any()
    error = DEFAULT.decode(batch) - chunks
    assert np.sqrt((error**2).mean()) < 0.5 / DEFAULT.scale
    assert batch.lengths.mean() < 0.6 * chunks[0].size
    bins = BinningCodec(uniform(-1, 1))
    assert batch.lengths.mean() < 0.6 * bins.encode(chunks).lengths.mean()


@given(st.integers(1, 100), st.integers(1, 44), st.floats(-3, 3))
def test_a_robot_that_stands_still_beyond_its_range_is_not_clipped(horizon, action_dim, value):
    chunks = np.full((1, horizon, action_dim), value)
    batch = DEFAULT.encode(chunks)
    assert not batch.clipped.any()
    assert DEFAULT.decode(batch) == pytest.approx(chunks, abs=0.5 / DEFAULT.scale)


def test_it_comes_with_the_package_alone(tmp_path):
    """In a process without network, home or the hub's library."""
    program = """
import sys, socket
socket.socket = None
sys.modules["huggingface_hub"] = None
from fast_tokenizer import FastTokenizer
print(len(FastTokenizer.default()([[[0.1] * 7] * 20])[0]))
"""
    environment = {"HOME": str(tmp_path), "PATH": ""}
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert 1 <= int(result.stdout) <= 30


def test_saved_it_is_a_tokenizer_like_any_other(tmp_path):
    DEFAULT.save_pretrained(tmp_path / "mine")
    assert FastTokenizer.from_pretrained(tmp_path / "mine") == DEFAULT
    tokenizers = import_or_skip("tokenizers")
    peer = tokenizers.Tokenizer.from_file(str(tmp_path / "mine" / "tokenizer.json"))
    coefficients = np.array([0, 5, -3, 0, 0, 0, 1, 0], np.int32)
    text = "".join(chr(value - DEFAULT.min_token) for value in coefficients.tolist())
    ours = DEFAULT.codec.encode_coefficients(coefficients.reshape(1, 4, 2)).ids
    assert peer.encode(text).ids == ours.tolist()
