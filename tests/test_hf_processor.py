"""The processor for transformers: the contract of the published class, and no state."""

import copy
import pickle

import numpy as np
import pytest
from frameworks import import_or_skip

from fast_tokenizer import DecodeError, DecodeStatus, FastTokenizer

transformers = import_or_skip("transformers")

from fast_tokenizer.hf import FastActionProcessor  # noqa: E402


@pytest.fixture(scope="module")
def processor(tokenizer):
    return FastActionProcessor(tokenizer)


def test_calls_of_the_published_class(processor, tokenizer, motions):
    tokens = processor(motions)
    assert tokens == tokenizer(motions)
    assert processor(motions[0]) == tokens[:1]
    expected = tokenizer.decode(tokens)
    np.testing.assert_array_equal(processor.decode(tokens), expected)
    np.testing.assert_array_equal(processor.decode([*tokens], time_horizon=20, action_dim=7), expected)
    np.testing.assert_array_equal(processor.batch_decode([*tokens], time_horizon=20, action_dim=7), expected)


def test_its_properties_are_those_of_the_tokenizer(processor, tokenizer):
    for name in ("scale", "min_token", "vocab_size", "time_horizon", "action_dim"):
        assert getattr(processor, name) == getattr(tokenizer, name)
    assert processor.fast_tokenizer == tokenizer
    assert isinstance(processor, transformers.ProcessorMixin)
    assert repr(processor).startswith("FastActionProcessor(FastTokenizer(")
    assert processor.to_dict()["scale"] == tokenizer.scale


def test_padding_on_request(processor, tokenizer, motions):
    encoding = processor(motions, padding=True, padding_side="left", return_tensors="np")
    np.testing.assert_array_equal(encoding["input_ids"], tokenizer.encode(motions).padded("left")[0])


def test_a_decoded_shape_is_not_remembered(processor, motions):
    first = processor(motions)
    processor.decode(first, time_horizon=20, action_dim=7)
    with pytest.raises(ValueError, match="shape of these tokens is not known"):
        processor.decode([*first])
    np.testing.assert_array_equal(processor.decode(processor(motions[:, :9])).shape, (150, 9, 7))


def test_bad_ids_raise_or_are_told_of(processor, motions):
    cut = [processor(motions)[0][:-1]]
    with pytest.raises(DecodeError):
        processor.decode(cut, time_horizon=20, action_dim=7)
    actions, status = processor.decode_checked(cut, time_horizon=20, action_dim=7)
    assert actions.shape == (1, 20, 7)
    assert status.tolist() == [DecodeStatus.TOO_SHORT]


def test_fit_as_it_is_called_elsewhere(processor, motions):
    """On an instance, with the keywords of the published method."""
    fitted = processor.fit([*motions], scale=5, vocab_size=300, time_horizon=20, action_dim=7)
    expected = FastTokenizer.fit(motions, scale=5, vocab_size=300, time_horizon=20, action_dim=7)
    assert fitted.fast_tokenizer == expected
    assert FastActionProcessor.fit(motions, scheme="bytes").fast_tokenizer.codec.scheme == "bytes"


def test_loading_with_changes(processor, tokenizer, motions, tmp_path):
    files = processor.save_pretrained(tmp_path, max_shard_size="5GB")
    assert str(tmp_path / "processor_config.json") in files
    assert FastActionProcessor.from_pretrained(tmp_path).fast_tokenizer == tokenizer
    changed = FastActionProcessor.from_pretrained(tmp_path, scale=25, time_horizon=20, action_dim=7)
    assert (changed.scale, changed.time_horizon, changed.action_dim) == (25, 20, 7)
    small = motions / 10
    error = abs(changed.decode([*changed(small)]) - small).mean()
    assert error < abs(tokenizer.decode(tokenizer(small)) - small).mean()
    nested = FastActionProcessor.from_pretrained(tmp_path.parent, subfolder=tmp_path.name)
    assert nested.fast_tokenizer == tokenizer


def test_copies(processor, motions):
    for other in (copy.copy(processor), copy.deepcopy(processor), pickle.loads(pickle.dumps(processor))):
        assert other(motions) == processor(motions)
