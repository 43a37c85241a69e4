"""The plain classes in a saved directory: what they load, encode and decode where the package is not installed."""

import copy
import importlib.util
import json
import pickle
import shutil
import sys

import numpy as np
import pytest
from frameworks import import_or_skip
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import damaged

from fast_tokenizer import FastTokenizer

transformers = import_or_skip("transformers")

# What transformers warns of is not the matter here.
pytestmark = pytest.mark.filterwarnings("ignore")

SHAPE = {"time_horizon": 20, "action_dim": 7}


@pytest.fixture(scope="module")
def saved(tokenizer, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved") / "mine"
    tokenizer.save_pretrained(folder)
    return folder


def load_file(folder, name):
    spec = importlib.util.spec_from_file_location(name, folder / "fast_action_tokenizer.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def plain(saved):
    """The file as it is where the package is absent."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setitem(sys.modules, "fast_tokenizer.hf", None)
        return load_file(saved, "fast_action_tokenizer")


@pytest.fixture(scope="module")
def processor(plain, saved):
    return plain.FastActionProcessor.from_pretrained(saved, trust_remote_code=True)


@pytest.fixture(scope="module")
def text_tokenizer(plain, saved):
    return plain.FastActionTokenizer.from_pretrained(saved, trust_remote_code=True)


def test_with_the_package_the_file_gives_its_classes(saved):
    from fast_tokenizer.hf import FastActionProcessor, FastActionTokenizer

    module = load_file(saved, "with_the_package")
    assert module.FastActionProcessor is FastActionProcessor
    assert module.FastActionTokenizer is FastActionTokenizer


def test_without_it_plain_ones(plain):
    assert plain.FastActionProcessor is plain.PlainActionProcessor
    assert plain.FastActionTokenizer is plain.PlainActionTokenizer


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_the_same_ids_and_actions(processor, text_tokenizer, tokenizer, motions, dtype):
    chunks = motions.astype(dtype)
    lists = tokenizer(chunks)
    assert processor(chunks) == text_tokenizer(chunks) == lists
    assert processor(chunks[0]) == lists[:1]
    for decoder in (processor, text_tokenizer):
        for ids in (lists, [np.array(one) for one in lists]):
            np.testing.assert_allclose(decoder.decode(ids, **SHAPE), tokenizer.decode(lists), atol=1e-12)
        np.testing.assert_array_equal(decoder.batch_decode(lists, **SHAPE), decoder.decode(lists, **SHAPE))
    padded, _ = tokenizer.encode(chunks).padded("left")
    np.testing.assert_allclose(processor.decode(padded, **SHAPE), tokenizer.decode(lists), atol=1e-12)


def test_text(processor, text_tokenizer, tokenizer, motions):
    for ids in tokenizer(motions)[:20]:
        text = text_tokenizer.decode(ids)
        assert len(text) == 140
        assert text_tokenizer(text)["input_ids"] == ids
        assert processor.bpe_tokenizer.decode(np.array(ids)) == text
        assert text_tokenizer.convert_tokens_to_string(text_tokenizer.convert_ids_to_tokens(ids)) == text


@given(data=st.data())
@settings(max_examples=150)
def test_damaged_ids_raise_or_are_actions_to_the_package_too(processor, tokenizer, motions, data):
    _, ids = data.draw(damaged(tokenizer(motions[:1])[0], tokenizer.vocab_size, padding=tokenizer.vocab_size))
    try:
        expected = tokenizer.decode([ids], **SHAPE)
    except ValueError:
        with pytest.raises(ValueError, match=r"expected|not UTF-8"):
            processor.decode([ids], **SHAPE)
    else:
        np.testing.assert_allclose(processor.decode([ids], **SHAPE), expected, atol=1e-9)


def test_an_unknown_shape_and_a_saved_one(plain, processor, tokenizer, motions, saved, tmp_path):
    lists = [*tokenizer(motions)]
    with pytest.raises(ValueError, match="give time_horizon and action_dim"):
        processor.decode(lists)
    FastTokenizer(tokenizer.codec, **SHAPE).save_pretrained(tmp_path)
    loaded = plain.FastActionProcessor.from_pretrained(tmp_path)
    np.testing.assert_array_equal(loaded.decode(lists), processor.decode(lists, **SHAPE))
    given_shape = plain.FastActionProcessor.from_pretrained(saved, **SHAPE)
    np.testing.assert_array_equal(given_shape.decode(lists), processor.decode(lists, **SHAPE))


def test_what_it_cannot_do_says_so(processor, text_tokenizer, motions):
    with pytest.raises(ImportError, match=r"pip install fast_tokenizer\[hf\]"):
        processor.fit([*motions], scale=10)
    with pytest.raises(ValueError, match=r"pip install fast_tokenizer\[hf\]"):
        processor(motions, padding=True)
    with pytest.raises(ValueError, match="expected finite numbers"):
        text_tokenizer(motions * np.nan)
    with pytest.raises(ValueError, match="expected finite numbers"):
        text_tokenizer(motions[None])


def test_what_the_vocabulary_lacks_raises(plain, motions, tmp_path):
    FastTokenizer.fit(motions, scheme="bytes", vocab_size=300).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="the vocabulary cannot write these actions"):
        plain.FastActionProcessor.from_pretrained(tmp_path)(motions * 3)


def test_properties(processor, text_tokenizer, tokenizer):
    assert (processor.scale, processor.min_token) == (tokenizer.scale, tokenizer.min_token)
    assert processor.vocab_size == text_tokenizer.vocab_size == len(text_tokenizer) == tokenizer.vocab_size
    assert repr(processor).startswith("PlainActionProcessor({")
    assert text_tokenizer.get_vocab() == {text: number for number, text in enumerate(tokenizer.codec.tokens)}


def test_copies(processor, text_tokenizer, motions):
    for one in (processor, text_tokenizer):
        for other in (copy.deepcopy(one), pickle.loads(pickle.dumps(one))):
            assert other(motions[:5]) == one(motions[:5])


def test_it_saves_the_whole_directory(processor, text_tokenizer, plain, tokenizer, saved, tmp_path):
    for number, one in enumerate([processor, text_tokenizer]):
        folder = tmp_path / str(number)
        one.save_pretrained(folder)
        assert FastTokenizer.from_pretrained(folder) == tokenizer
        assert json.loads((folder / "processor_config.json").read_text()) == one_config(saved)
        assert {str(path.relative_to(folder)) for path in folder.rglob("*")} == {
            str(path.relative_to(saved)) for path in saved.rglob("*")
        }
    shutil.copytree(saved, tmp_path / "again")
    again = plain.FastActionProcessor.from_pretrained(tmp_path / "again", scale=20)
    again.save_pretrained(tmp_path / "again")
    assert FastTokenizer.from_pretrained(tmp_path / "again").scale == 20


def one_config(folder):
    return json.loads((folder / "processor_config.json").read_text())
