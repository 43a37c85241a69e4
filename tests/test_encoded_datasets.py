"""Files of tokens and actions, for chunks of any shape."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strategies import chunk_batches

from fast_tokenizer import DecodeError
from fast_tokenizer.dataset_training.chunk_groups import ChunkGroup
from fast_tokenizer.encoded_datasets import (
    EncodedChunks,
    decode_groups,
    encode_groups,
    read_encoded,
    write_decoded,
    write_encoded,
)
from fast_tokenizer.errors import FormatError

anywhere = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)


def groups_of(chunks, sizes):
    """The chunks in groups, from places that tell them apart."""
    places = np.arange(len(chunks))
    for part in np.split(places, np.cumsum(sizes)[np.cumsum(sizes) < len(chunks)]):
        yield ChunkGroup(chunks[part], part % 3, part * 7)


@anywhere
@given(
    chunks=chunk_batches(max_batch=9, max_horizon=20, kinds=("smooth", "grid", "heavy-tailed", "constant")),
    sizes=st.lists(st.integers(1, 4), max_size=4),
    suffix=st.sampled_from([".npz", ".parquet"]),
)
def test_there_and_back_is_what_the_tokenizer_does(symbols_tokenizer, tmp_path, chunks, sizes, suffix):
    path = tmp_path / f"tokens{suffix}"
    write_encoded(path, encode_groups(symbols_tokenizer, groups_of(chunks, sizes)))
    expected = symbols_tokenizer.encode(chunks)
    read = list(read_encoded(path))
    np.testing.assert_array_equal(np.concatenate([one.ids for one in read]), expected.ids)
    lengths = np.concatenate([np.diff(one.offsets) for one in read])
    np.testing.assert_array_equal(lengths, expected.lengths)
    np.testing.assert_array_equal(np.concatenate([one.clipped for one in read]), expected.clipped)
    decoded = list(decode_groups(symbols_tokenizer, read))
    actions = np.concatenate([one.actions for one in decoded])
    np.testing.assert_array_equal(actions, symbols_tokenizer.decode(expected))
    places = np.arange(len(chunks))
    np.testing.assert_array_equal(np.concatenate([one.start for one in decoded]), places * 7)
    np.testing.assert_array_equal(np.concatenate([one.episode for one in decoded]), places % 3)
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("suffix", [".npz", ".parquet"])
def test_a_failure_leaves_the_file_as_it_was(symbols_tokenizer, motions, tmp_path, suffix):
    path = tmp_path / f"tokens{suffix}"
    path.write_text("mine")

    def groups():
        yield from groups_of(motions[:5], [])
        raise KeyboardInterrupt

    encoded = encode_groups(symbols_tokenizer, groups())
    with pytest.raises(KeyboardInterrupt):
        write_encoded(path, encoded)
    with pytest.raises(KeyboardInterrupt):
        write_decoded(path, decode_groups(symbols_tokenizer, encode_groups(symbols_tokenizer, groups())))
    assert path.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [path]


def test_parquet_is_written_as_it_comes(symbols_tokenizer, motions, tmp_path):
    """What was written takes no memory: the file grows while groups are still made."""
    sizes = []

    def groups():
        for group in groups_of(np.repeat(motions, 20, axis=0), [1000, 1000]):
            sizes.append(max((path.stat().st_size for path in tmp_path.iterdir()), default=0))
            yield group

    write_encoded(tmp_path / "tokens.parquet", encode_groups(symbols_tokenizer, groups()))
    assert len(sizes) == 3
    assert sizes[1] > sizes[0] + 1000
    assert sizes[2] > sizes[1] + 1000


def test_the_row_of_an_error_counts_all_groups(symbols_tokenizer, motions):
    first, second = encode_groups(symbols_tokenizer, groups_of(motions[:5], [3]))
    cut = EncodedChunks(
        second.ids[:-1],
        second.offsets - (second.offsets == second.offsets[-1]),
        second.episode,
        second.start,
        second.clipped,
        second.horizon,
        second.action_dim,
    )
    with pytest.raises(DecodeError, match=r"^row 4 \(episode 1, step 28\), position \d+: the ids end") as caught:
        list(decode_groups(symbols_tokenizer, [first, cut]))
    assert caught.value.sequence == 4


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"horizon": 0}, "horizon"),
        ({"offsets": np.array([0, 2, 1, 3])}, "offsets"),
        ({"offsets": np.array([], np.int64)}, "offsets"),
        ({"clipped": np.array([True])}, "clipped"),
    ],
)
def test_contents_that_contradict_each_other_are_refused(change, key):
    arrays = {"ids": np.arange(3, dtype=np.int32), "offsets": np.array([0, 1, 2, 3])}
    places = {"episode": np.zeros(3, int), "start": np.arange(3), "clipped": np.zeros(3, bool)}
    with pytest.raises(FormatError) as caught:
        EncodedChunks(**arrays | places | {"horizon": 1, "action_dim": 1} | change)
    assert caught.value.key == key
