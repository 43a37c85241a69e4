"""Ids and merges against the published files and recorded actions: no chunk differs.

A sample of each; `benchmarks` has the full run.
"""

import numpy as np
import pytest
from reference import ReferencePipeline
from strategies import codec_of, values_of_kind

from fast_tokenizer import FastTokenizer
from fast_tokenizer.chunking import cut_chunks, split_episodes
from fast_tokenizer.normalization import Normalizer

pytestmark = pytest.mark.parity

CHUNKS_PER_FILE = 600
CHUNKS_PER_SHAPE = 200
FITTED_CHUNKS = 1500

RECORDINGS = [
    "adroit_door_human_28d_100hz",
    "aloha_sim_lerobot_14d_50hz",
    "aloha_sim_scripted_14d_50hz",
    "bridge_widowx_7d_5hz",
    "droid_franka_8d_15hz",
    "gr1_humanoid_sim_44d_20hz",
    "metaworld_scripted_4d_80hz",
    "pusht_human_2d_10hz",
    "robosuite_panda_scripted_7d_20hz",
    "unitree_g1_inspire_26d_30hz",
]
FITTED = ["aloha_sim_scripted_14d_50hz", "droid_franka_8d_15hz", "robosuite_panda_scripted_7d_20hz"]
SHAPES = [(1, 7), (4, 7), (5, 7), (16, 7), (50, 14), (100, 8), (50, 32)]


@pytest.fixture(scope="module")
def published(shared):
    folder = shared / "fast_plus"
    return FastTokenizer.from_pretrained(folder), ReferencePipeline.from_directory(folder)


def second_long_chunks(shared, name, count):
    """float64 [B, hz, D], normalised by quantiles: `count` of them at most, spread over the recording."""
    with np.load(shared / "data" / f"{name}.npz") as recording:
        actions, ends, horizon = recording["actions"], recording["episode_ends"], round(float(recording["hz"]))
    normalised = Normalizer.fit(actions).normalize(actions)
    chunks = cut_chunks(split_episodes(normalised, ends), horizon, max(1, horizon // 4))
    return chunks[:: -(-len(chunks) // count)]


def assert_same_ids(published, chunks):
    tokenizer, reference = published
    expected = reference.encode(chunks)
    differing = [place for place, ids in enumerate(tokenizer(chunks)) if ids != expected[place]]
    assert differing == []
    # What the reference decodes well, all of it here, is decoded to the same.
    decoded, wanted = tokenizer.decode(expected, **shape_of(chunks)), reference.decode(expected, *chunks.shape[1:])
    np.testing.assert_allclose(decoded, wanted, rtol=0, atol=1e-12 * max(1, np.abs(wanted).max()))


def shape_of(chunks):
    return {"time_horizon": chunks.shape[1], "action_dim": chunks.shape[2]}


def test_the_list_of_recordings_is_complete(shared):
    assert sorted(path.stem for path in (shared / "data").glob("*.npz")) == RECORDINGS


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("name", RECORDINGS)
def test_ids_of_recorded_chunks(shared, published, name, dtype):
    chunks = second_long_chunks(shared, name, CHUNKS_PER_FILE)
    assert len(chunks) > 20
    assert_same_ids(published, chunks.astype(dtype))


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("kind", ["smooth", "grid", "heavy-tailed"])
@pytest.mark.parametrize("shape", SHAPES)
def test_ids_of_generated_chunks(published, shape, kind, dtype):
    rng = np.random.default_rng([*shape, len(kind)])
    chunks = values_of_kind(kind, (CHUNKS_PER_SHAPE, *shape), rng) * (5 if kind == "heavy-tailed" else 1)
    assert_same_ids(published, chunks.astype(dtype))


@pytest.mark.parametrize("vocab_size", [512, 1024, 2048])
@pytest.mark.parametrize("name", FITTED)
def test_merges_of_recorded_chunks(shared, name, vocab_size):
    chunks = second_long_chunks(shared, name, FITTED_CHUNKS)
    reference = ReferencePipeline.fit(chunks, vocab_size=vocab_size)
    expected = codec_of(reference.tokenizer, "bytes", min_coefficient=reference.min_token)
    fitted = FastTokenizer.fit(chunks, vocab_size=vocab_size, scheme="bytes").codec
    assert fitted.tokens == expected.tokens
    np.testing.assert_array_equal(fitted.merges, expected.merges)
    assert fitted == expected
