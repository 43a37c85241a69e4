"""The published processor, under the transformers that is installed, and this package read each other's files."""

import json
import shutil

import numpy as np
import pytest
import scipy.fft
from frameworks import import_or_skip

from fast_tokenizer import FastTokenizer
from fast_tokenizer.normalization import Normalizer

transformers = import_or_skip("transformers")

from published_processor import UniversalActionProcessor  # noqa: E402
from transformers import AutoTokenizer, PreTrainedTokenizerFast  # noqa: E402

import fast_tokenizer.hf  # noqa: E402, F401  # in version 4 the processor's tokenizer is ours

# What transformers warns of is not the matter here.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def saved(tokenizer, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def chunks(tokenizer, motions):
    """Motions, and chunks of every coefficient in the range: control characters, white space, pairs of them."""
    codec = tokenizer.codec
    rng = np.random.default_rng(0)
    coefficients = rng.integers(codec.min_coefficient, min(codec.max_coefficient, 700) + 1, (60, 20, 7))
    return np.concatenate([motions.astype("f8"), scipy.fft.idct(coefficients / codec.scale, axis=1, norm="ortho")])


def assert_same_ids_and_actions(reference, tokenizer, chunks):
    for precision in ("f4", "f8"):
        encoded = tokenizer.encode(chunks.astype(precision))
        inside = ~encoded.clipped
        assert inside.mean() > 0.5
        lists = [ids for ids, whole in zip(encoded.to_lists(), inside, strict=True) if whole]
        assert reference(chunks.astype(precision)[inside]) == lists
        shape = {"time_horizon": chunks.shape[1], "action_dim": chunks.shape[2]}
        decoded = tokenizer.decode(lists, **shape)
        np.testing.assert_allclose(decoded, reference.decode(lists, **shape), rtol=1e-12, atol=1e-11)


def openers(folder):
    yield AutoTokenizer.from_pretrained(folder)
    yield AutoTokenizer.from_pretrained(folder / "bpe_tokenizer")
    yield PreTrainedTokenizerFast(
        tokenizer_file=str(folder / "tokenizer.json"), clean_up_tokenization_spaces=False
    )


def test_its_tokenizer_opens_the_files(saved, tokenizer, chunks):
    for bpe_tokenizer in openers(saved):
        assert bpe_tokenizer.vocab_size == tokenizer.vocab_size
        reference = UniversalActionProcessor(bpe_tokenizer, tokenizer.scale, min_token=tokenizer.min_token)
        assert_same_ids_and_actions(reference, tokenizer, chunks)


def test_it_opens_the_folder(saved, tokenizer, chunks):
    reference = UniversalActionProcessor.from_pretrained(saved)
    assert (reference.scale, reference.min_token) == (tokenizer.scale, tokenizer.min_token)
    assert reference.vocab_size == tokenizer.vocab_size
    assert_same_ids_and_actions(reference, tokenizer, chunks)


def test_what_it_saves_is_loaded(saved, tokenizer, chunks, tmp_path):
    UniversalActionProcessor.from_pretrained(saved).save_pretrained(tmp_path)
    loaded = FastTokenizer.from_pretrained(tmp_path)
    assert loaded == tokenizer
    assert loaded(chunks) == tokenizer(chunks)


def test_the_place_that_this_version_writes_is_enough(saved, tokenizer, chunks, tmp_path):
    """Version 4 opens the root, version 5 the subfolder; so both are written."""
    folder = tmp_path / "saved"
    shutil.copytree(saved, folder)
    if int(transformers.__version__.split(".")[0]) < 5:
        shutil.rmtree(folder / "bpe_tokenizer")
    else:
        (folder / "tokenizer.json").unlink()
        (folder / "tokenizer_config.json").unlink()
    assert_same_ids_and_actions(UniversalActionProcessor.from_pretrained(folder), tokenizer, chunks)


def test_it_opens_a_folder_with_a_normaliser_and_expects_normalised_actions(tokenizer, motions, chunks, tmp_path):
    normalizer = Normalizer.fit(40.0 + 9.0 * motions)
    robot = FastTokenizer(tokenizer.codec, normalizer=normalizer)
    robot.save_pretrained(tmp_path)
    reference = UniversalActionProcessor.from_pretrained(tmp_path)
    assert_same_ids_and_actions(reference, tokenizer, chunks)
    actions = 40.0 + 9.0 * motions
    inside = ~robot.encode(actions).clipped
    tokens = robot(actions[inside])
    assert reference(normalizer.normalize(actions[inside])) == tokens
    theirs = normalizer.unnormalize(reference.decode(tokens, time_horizon=20, action_dim=7))
    np.testing.assert_allclose(robot.decode(tokens), theirs, rtol=1e-12, atol=1e-10)


def test_it_opens_a_copy_of_the_published_files(shared, motions, tmp_path):
    published = FastTokenizer.from_pretrained(shared / "fast_plus")
    published.save_pretrained(tmp_path)
    reference = UniversalActionProcessor.from_pretrained(tmp_path)
    assert json.loads((tmp_path / "processor_config.json").read_text())["min_token"] == reference.min_token == -354
    assert_same_ids_and_actions(reference, published, motions.astype("f8"))
