"""The calls of openpi and LeRobot, restated: the same with our processor and with the published one.

benchmarks/drop_in_lerobot.py runs LeRobot's own code.
"""

import numpy as np
import pytest
import scipy.fft
from frameworks import import_or_skip

from fast_tokenizer import DecodeError

transformers = import_or_skip("transformers")

from published_processor import UniversalActionProcessor  # noqa: E402

import fast_tokenizer.hf  # noqa: E402, F401  # registers the classes

# What transformers warns of is not the matter here.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def processors(tokenizer, tmp_path_factory):
    """(ours, the published one), of one directory."""
    folder = tmp_path_factory.mktemp("saved")
    tokenizer.save_pretrained(folder)
    ours = transformers.AutoProcessor.from_pretrained(folder, trust_remote_code=True)
    return ours, UniversalActionProcessor.from_pretrained(folder, trust_remote_code=True)


def coefficients_in_lerobot(processor, ids):
    """As `decode_actions_with_fast` of its pi0_fast policy reads them."""
    text = processor.bpe_tokenizer.decode(ids)
    return np.array(list(map(ord, text))) + processor.min_token


def test_openpi(processors, motions):
    """`tokenize` takes one chunk of a batch of one; `extract_actions` gives a list in a list."""
    outcomes = []
    for processor in processors:
        tokens = [processor(chunk[None])[0] for chunk in motions]
        decoded = [processor.decode([list(ids)], time_horizon=20, action_dim=7)[0] for ids in tokens]
        outcomes.append((tokens, np.stack(decoded)))
    (our_ids, our_actions), (their_ids, their_actions) = outcomes
    assert our_ids == their_ids
    np.testing.assert_allclose(our_actions, their_actions, rtol=0, atol=1e-12)


def test_the_decoding_of_lerobot(processors, motions):
    ours, theirs = processors
    for ids in ours(motions):
        sequence = np.array(ids)
        expected = coefficients_in_lerobot(theirs, sequence)
        np.testing.assert_array_equal(coefficients_in_lerobot(ours, sequence), expected)
    assert ours.scale == theirs.scale
    actions = scipy.fft.idct(expected.reshape(20, 7) / ours.scale, axis=0, norm="ortho")
    np.testing.assert_allclose(ours.decode([ids], time_horizon=20, action_dim=7)[0], actions, atol=1e-12)


def test_tensors_of_lerobot(processors, motions):
    """Its step gives tensors `[1, H, D]`, its policy takes tensors of ids."""
    torch = import_or_skip("torch")
    ours, theirs = processors
    for chunk in torch.tensor(motions[:30]):
        ids = torch.tensor(ours(chunk[None].cpu()), dtype=torch.long)
        assert ids.tolist() == theirs(chunk[None].cpu())
        np.testing.assert_array_equal(
            coefficients_in_lerobot(ours, ids.flatten()), coefficients_in_lerobot(theirs, ids.flatten())
        )


def test_an_id_of_the_language_model_raises(processors, motions):
    """LeRobot catches it and says so; the published text tokenizer would drop it."""
    ours, _ = processors
    with pytest.raises(DecodeError, match="outside the vocabulary"):
        ours.bpe_tokenizer.decode(np.array([*ours(motions)[0], 200_000]))
