"""Every format against its project, restated in `prompt_oracles.py`: no difference in any of the four arrays."""

from dataclasses import replace

import numpy as np
import prompt_oracles as oracles
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strategies import seeds
from text_tokenizers import hugging_face, like_llama, like_paligemma

from fast_tokenizer import VocabularyMap
from fast_tokenizer.prompting import LEROBOT_PI0_FAST, OPENVLA, PI0_FAST, PI05, PromptBuilder

EXAMPLES = settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])

words = st.sampled_from(
    [
        "pick_up",
        "The CUP",
        "Öffne",
        "拿起",
        "🌅",
        "Action: ",
        "|",
        "State: 7;",
        "\n",
        " ",
        "_",
        "\t",
        "{state}",
        "ẞ",
        "İ",
    ]
)
instructions = st.lists(words | st.text(max_size=8), max_size=12).map("".join)


@st.composite
def samples(draw, max_state=32, horizon=20, dim=7):
    """Instructions, states `[B, S]` and actions `[B, H, D]` or None."""
    rng = np.random.default_rng(draw(seeds))
    texts = draw(st.lists(instructions, min_size=1, max_size=3))
    states = rng.uniform(-1.3, 1.3, (len(texts), draw(st.integers(1, max_state))))
    on_edge = rng.random(states.shape) < 0.3
    states[on_edge] = rng.integers(-130, 131, on_edge.sum()) / 128
    actions = rng.normal(size=(len(texts), horizon, dim)).cumsum(axis=1) / 5
    dtype = draw(st.sampled_from(["f4", "f8"]))
    return texts, states.astype(dtype), actions.astype(dtype) if draw(st.booleans()) else None


@pytest.fixture(scope="module")
def paligemma():
    return like_paligemma()


@pytest.fixture(scope="module")
def llama():
    return like_llama()


@pytest.fixture(scope="module")
def gemma_pair():
    """The text tokenizer of the prompt, and the same one as LeRobot opens it for the answer."""
    return hugging_face(), hugging_face(begins=False, ends=True)


def assert_same(batch, rows):
    """All four arrays, and how much of each row was lost."""
    for name, expected in zip(
        ("tokens", "padding_mask", "ar_mask", "loss_mask"), zip(*rows, strict=True), strict=True
    ):
        np.testing.assert_array_equal(getattr(batch, name), np.stack(expected), err_msg=name)
        assert getattr(batch, name).dtype == (np.int64 if name == "tokens" else bool)


def one_by_one(texts, states, actions):
    return zip(texts, states, [None] * len(texts) if actions is None else actions, strict=True)


@EXAMPLES
@given(samples(), st.integers(3, 120) | st.just(250))
def test_pi0_fast_of_openpi(paligemma, tokenizer, sample, max_length):
    places = VocabularyMap.from_tokenizer(paligemma, "tail", size=tokenizer.vocab_size)
    builder = PromptBuilder(replace(PI0_FAST, max_length=max_length), paligemma, tokenizer, places)

    def rows_of(length):
        return [
            oracles.openpi_pi0_fast(paligemma, lambda one: tokenizer(one)[0], *row, length)
            for row in one_by_one(*sample)
        ]

    batch = builder.build(*sample, on_overflow="cut")
    assert_same(batch, rows_of(max_length))
    whole = [int(row[1].sum()) for row in rows_of(5000)]
    assert batch.dropped.tolist() == [max(0, length - max_length) for length in whole]


@EXAMPLES
@given(samples(), st.integers(3, 120) | st.just(200))
def test_pi05_of_openpi(paligemma, sample, max_length):
    texts, states, actions = sample
    builder = PromptBuilder(replace(PI05, max_length=max_length), paligemma)
    batch = builder.build(texts, states, actions, on_overflow="cut")
    np.testing.assert_array_equal(batch.answer_start, batch.padding_mask.sum(axis=1))
    rows = [oracles.openpi_pi05(paligemma, *row, max_length) for row in zip(texts, states, strict=True)]
    assert_same(batch, rows)


@EXAMPLES
@given(samples(), st.integers(3, 120) | st.just(200), st.integers(3, 60) | st.just(256))
def test_pi0_fast_of_lerobot(gemma_pair, tokenizer, sample, max_length, max_answer_length):
    places = VocabularyMap.from_tokenizer(gemma_pair[0], "tail", size=tokenizer.vocab_size)
    lengths = {"max_length": max_length, "max_answer_length": max_answer_length}
    builder = PromptBuilder(replace(LEROBOT_PI0_FAST, **lengths), gemma_pair[0], tokenizer, places)
    batch = builder.build(*sample, on_overflow="cut")
    rows = [
        oracles.lerobot_pi0_fast(*gemma_pair, lambda one: tokenizer(one)[0], *row, *lengths.values())
        for row in one_by_one(*sample)
    ]
    assert_same(batch, rows)
    for padding_mask, ar_mask in zip(batch.padding_mask, batch.ar_mask, strict=True):
        np.testing.assert_array_equal(
            oracles.openpi_attention(padding_mask, ar_mask), oracles.lerobot_attention(padding_mask, max_length)
        )


@EXAMPLES
@given(samples(horizon=1), st.integers(3, 40) | st.just(2048))
def test_openvla(llama, sample, max_length):
    texts, states, actions = sample
    if actions is None:
        actions = np.zeros((len(texts), 1, 7))
    pad_id = llama.vocab_size()  # a token that it adds
    places = VocabularyMap.from_tokenizer(llama, "tail", size=256, skip=0)
    builder = PromptBuilder(
        replace(OPENVLA, max_length=max_length, pad_id=pad_id), llama, oracles.OpenVLABins(), places
    )
    batch = builder.build(texts, states, actions, on_overflow="cut")
    rows = [oracles.openvla(llama, text, action[0]) for text, action in zip(texts, actions, strict=True)]
    assert_same(batch, zip(*oracles.openvla_batch(rows, max_length, pad_id), strict=True))
    np.testing.assert_array_equal(batch.labels() != -100, batch.loss_mask)


def test_the_lengths_are_those_of_the_projects():
    assert (PI0_FAST.max_length, PI05.max_length, OPENVLA.max_length) == (250, 200, 2048)
    assert (LEROBOT_PI0_FAST.max_length, LEROBOT_PI0_FAST.max_answer_length) == (200, 256)


@pytest.mark.parametrize("whole", [True, False])
def test_actions_are_extracted_as_openpi_does(paligemma, tokenizer, motions, whole):
    """Where its way through text works at all."""
    places = VocabularyMap.from_tokenizer(paligemma, "tail", size=tokenizer.vocab_size)
    builder = PromptBuilder(PI0_FAST, paligemma, tokenizer, places)
    chunks = motions[:50]
    batch = builder.build(["pick up the cup"] * 50, np.zeros((50, 7)), chunks)
    rows = [row if whole else row[start:] for row, start in zip(batch.tokens, batch.answer_start, strict=True)]
    shape = {"time_horizon": 20, "action_dim": 7}
    expected = [
        oracles.openpi_pi0_fast_actions(paligemma, lambda ids: tokenizer.decode([ids], **shape)[0], row.tolist())
        for row in rows
    ]
    np.testing.assert_array_equal(builder.extract_actions(rows, horizon=20, action_dim=7), expected)
    assert builder.extract_ids(rows) == tokenizer(chunks)
