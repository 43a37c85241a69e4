"""One tokenizer for many threads and processes: the same ids everywhere."""

import copy
import multiprocessing
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from fast_tokenizer import FastTokenizer


@pytest.fixture(scope="module")
def batches(motions):
    rng = np.random.default_rng(0)
    return [rng.permutation(motions)[: 10 + place] for place in range(24)]


def test_eight_threads_at_once(tokenizer, batches):
    expected = [tokenizer(batch) for batch in batches]
    fresh = pickle.loads(pickle.dumps(tokenizer))  # its caches are empty
    with ThreadPoolExecutor(8) as pool:
        for _ in range(3):
            assert list(pool.map(fresh, batches)) == expected
        decoded = list(pool.map(fresh.decode, expected))
    for actions, tokens in zip(decoded, expected, strict=True):
        np.testing.assert_array_equal(actions, tokenizer.decode(tokens))


def test_threads_that_start_threads(tokenizer, motions):
    many = np.tile(motions, (10, 1, 1))
    expected = tokenizer(many, num_threads=1)
    with ThreadPoolExecutor(4) as pool:
        results = pool.map(lambda threads: tokenizer(many, num_threads=threads), [1, 2, 3, None, 8])
        assert all(result == expected for result in results)


def test_fits_side_by_side(motions):
    expected = FastTokenizer.fit(motions, vocab_size=400)
    with ThreadPoolExecutor(4) as pool:
        fitted = pool.map(lambda _: FastTokenizer.fit(motions, vocab_size=400), range(4))
        assert all(one == expected for one in fitted)


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers_give_the_same_ids(tokenizer, batches, method):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"this system cannot {method}")
    expected = [tokenizer(batch, num_threads=2) for batch in batches]  # threads have run before the fork
    with multiprocessing.get_context(method).Pool(2) as pool:
        results = pool.map_async(tokenizer, batches).get(timeout=120)
        checked = pool.map_async(tokenizer.decode_checked, expected).get(timeout=120)
    assert results == expected
    assert [(one.horizon, one.action_dim) for one in results] == [(20, 7)] * len(batches)
    for one, tokens in zip(checked, expected, strict=True):
        np.testing.assert_array_equal(one.actions, tokenizer.decode(tokens))
        assert not one.status.any()
        assert (one.position == -1).all()


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_copies_are_equal(tokenizer, motions, copied):
    tokenizer = FastTokenizer(tokenizer.codec, time_horizon=20, action_dim=7)
    again = copied(tokenizer)
    assert again == tokenizer
    assert hash(again) == hash(tokenizer)
    assert again(motions) == tokenizer(motions)
    assert again.decode(list(tokenizer(motions))).shape == motions.shape


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_every_pickle_protocol(tokenizer, protocol):
    assert pickle.loads(pickle.dumps(tokenizer, protocol)) == tokenizer
