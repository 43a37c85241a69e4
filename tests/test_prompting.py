"""What the builder promises beyond the projects' own formats: shortening, widening, extraction, refusals."""

import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest
import scipy.fft
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prompt_oracles import OpenVLABins
from reference import byte_alphabet, utf8_decode
from text_tokenizers import hugging_face, like_llama, like_paligemma

from fast_tokenizer import DecodeError, DecodeStatus, EncodeError, FastTokenizerError, VocabularyMap
from fast_tokenizer.prompting import LEROBOT_PI0_FAST, OPENVLA, PI0_FAST, PI05, PromptBuilder, PromptFormat

SHAPE = {"horizon": 20, "action_dim": 7}
STATE = np.zeros(7)


@pytest.fixture(scope="module")
def paligemma():
    return like_paligemma()


@pytest.fixture(scope="module")
def places(paligemma, tokenizer):
    return VocabularyMap.from_tokenizer(paligemma, "tail", size=tokenizer.vocab_size)


@pytest.fixture(scope="module")
def builder(paligemma, tokenizer, places):
    return PromptBuilder(PI0_FAST, paligemma, tokenizer, places)


def answer_of(batch, row):
    return batch.tokens[row, batch.answer_start[row] :][batch.padding_mask[row, batch.answer_start[row] :]]


# ---- Too long ----------------------------------------------------------------------------------------------


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 149), st.integers(4, 40))
def test_a_shortened_answer_holds_the_low_frequencies(paligemma, tokenizer, places, motions, chunk, room):
    prompt = ["push the button"], [STATE]
    wide = PromptBuilder(PI0_FAST, paligemma, tokenizer, places)
    overhead = int(wide.build(*prompt).answer_start[0]) + len(paligemma.encode("Action: ")) + 2
    short = PromptBuilder(replace(PI0_FAST, max_length=overhead + room), paligemma, tokenizer, places)
    whole = tokenizer(motions[chunk])[0]

    batch = short.build(*prompt, motions[chunk], on_overflow="shorten")
    kept = short.extract_ids(batch.tokens)[0]
    assert kept == whole[: len(kept)]
    assert batch.dropped.tolist() == [len(whole) - len(kept)]
    assert len(whole) - len(kept) == 0 if len(whole) <= room else room - 3 <= len(kept) <= room
    assert answer_of(batch, 0)[-2:].tolist() == [*paligemma.encode("|"), paligemma.eos_id()]

    # Coefficients in the order of their frequency: those of the whole chunk, then zeros.
    repaired = short.extract_actions(batch.tokens, **SHAPE, errors="repair")[0]
    low, every = (
        np.around(scipy.fft.dct(one, axis=0, norm="ortho") * tokenizer.scale).ravel()
        for one in (repaired, tokenizer.decode([whole], time_horizon=20, action_dim=7)[0])
    )
    first_lost = int(np.argmax(low != every)) if (low != every).any() else len(every)
    assert not low[first_lost:].any()
    if kept != whole:
        with pytest.raises(DecodeError, match="the ids end after"):
            short.extract_actions(batch.tokens, **SHAPE)


def test_a_token_that_ends_inside_a_character_is_not_kept(bytes_tokenizer, paligemma):
    codec = bytes_tokenizer.codec
    places = VocabularyMap.from_tokenizer(paligemma, "tail", size=codec.vocabulary.size)
    letters = byte_alphabet()
    coefficients = np.random.default_rng(0).choice([-120, 0, 300], (20, 4, 3))
    stepped_back = 0
    for chunk in scipy.fft.idct(coefficients / codec.scale, axis=1, norm="ortho"):
        (whole,) = codec.encode(chunk).to_lists()
        # How many ids end with a whole character: the law, read off the bytes of the tokens.
        texts = [[letters.index(letter) for letter in codec.tokens[one]] for one in whole]
        ends = [end for end in range(len(whole) + 1) if is_whole([byte for text in texts[:end] for byte in text])]
        for room in range(ends[1], len(whole)):
            lengths = replace(LEROBOT_PI0_FAST, max_answer_length=room + len(paligemma.encode("Action: ")) + 3)
            builder = PromptBuilder(lengths, paligemma, codec, places)
            batch = builder.build("x", STATE, chunk, on_overflow="shorten")
            kept = len(whole) - int(batch.dropped[0])
            assert kept == max(end for end in ends if end <= room)
            stepped_back += kept < room
    assert stepped_back > 20


def is_whole(text):
    try:
        utf8_decode(text)
    except ValueError:
        return False
    return True


def test_too_long_is_an_error_unless_asked(paligemma, tokenizer, places, motions):
    texts, states, chunks = ["push", "push", "push " * 60], np.zeros((3, 7)), motions[:3]
    needed = PromptBuilder(replace(PI0_FAST, max_length=9999), paligemma, tokenizer, places).build(
        texts, states, chunks
    )
    lengths = needed.padding_mask.sum(axis=1)
    assert needed.dropped.tolist() == [0, 0, 0]
    tight = PromptBuilder(replace(PI0_FAST, max_length=int(lengths[0])), paligemma, tokenizer, places)
    assert tight.build(texts[:1], states[:1], chunks[:1]).padding_mask.all()
    tight = PromptBuilder(replace(PI0_FAST, max_length=int(lengths[0]) - 1), paligemma, tokenizer, places)
    with pytest.raises(
        EncodeError, match=r"^chunk 0: the actions take (\d+) ids, and there is room for \d+: raise"
    ):
        tight.build(texts[:1], states[:1], chunks[:1])
    for policy in ("raise", "shorten"):  # and with no actions too
        for actions in (chunks, None):
            with pytest.raises(
                EncodeError, match=r"^chunk 2: the prompt takes \d+ ids, more than max_length"
            ) as caught:
                tight.build(texts, states, actions, on_overflow=policy)
            assert caught.value.chunk == 2


def test_no_room_for_an_action_id_cannot_be_shortened(paligemma, tokenizer, places, motions):
    start = PromptBuilder(PI0_FAST, paligemma, tokenizer, places).build("push", STATE).answer_start[0]
    for max_length in (start, start + 4):
        tight = PromptBuilder(replace(PI0_FAST, max_length=int(max_length)), paligemma, tokenizer, places)
        with pytest.raises(EncodeError, match="there is room for 0"):
            tight.build("push", STATE, motions[0], on_overflow="shorten")


def test_a_processor_without_a_check_cannot_shorten():
    llama = like_llama()
    places = VocabularyMap.from_tokenizer(llama, "tail", size=256, skip=0)
    builder = PromptBuilder(replace(OPENVLA, max_length=42, pad_id=0), llama, OpenVLABins(), places)
    with pytest.raises(EncodeError, match="the actions take 7 ids"):
        builder.build("go", None, np.zeros((1, 7)))
    with pytest.raises(FastTokenizerError, match="OpenVLABins has no decode_checked"):
        builder.build("go", None, np.zeros((1, 7)), on_overflow="shorten")


# ---- Widths and masks --------------------------------------------------------------------------------------


def test_states_and_actions_are_widened(paligemma, tokenizer, places, motions):
    wide = replace(PI0_FAST, state_dim=32, action_dim=32, max_length=900)
    builder = PromptBuilder(wide, paligemma, tokenizer, places)
    ended = np.arange(20) >= np.array([[20], [12]])
    batch = builder.build(["a", "b"], np.ones((2, 5)), motions[:2], action_is_pad=ended)

    padded = np.pad(motions[:2], [(0, 0), (0, 0), (0, 25)])
    assert builder.extract_ids(batch.tokens) == tokenizer(padded)
    plain = PromptBuilder(replace(wide, state_dim=None), paligemma, tokenizer, places)
    states = np.pad(np.ones((2, 5)), [(0, 0), (0, 27)])
    np.testing.assert_array_equal(batch.tokens, plain.build(["a", "b"], states, padded).tokens)

    assert batch.action_is_pad.shape == (2, 20, 32)
    np.testing.assert_array_equal(batch.action_is_pad[:, :, :7], np.broadcast_to(ended[:, :, None], (2, 20, 7)))
    assert batch.action_is_pad[:, :, 7:].all()
    actions = builder.extract_actions(batch.tokens, **SHAPE)
    np.testing.assert_array_equal(actions, tokenizer.decode(tokenizer(padded))[:, :, :7])
    assert plain.build("a", STATE, motions[0]).action_is_pad.sum() == 20 * 25
    assert builder.build("a", STATE).action_is_pad is None


def test_what_the_tokenizer_clipped_is_told(builder, motions):
    chunks = motions[:3] * np.array([1, 1e6, 1])[:, None, None]
    batch = builder.build(["a"] * 3, np.zeros((3, 2)), chunks, on_overflow="cut")
    assert batch.clipped.tolist() == [False, True, False]


def test_a_codec_does_as_well_as_its_tokenizer(builder, paligemma, tokenizer, places, motions):
    codec = PromptBuilder(PI0_FAST, paligemma, tokenizer.codec, places)
    ours, other = (one.build("a", STATE, motions[0]) for one in (codec, builder))
    np.testing.assert_array_equal(ours.tokens, other.tokens)
    np.testing.assert_array_equal(
        codec.extract_actions(ours.tokens, **SHAPE), builder.extract_actions(other.tokens, **SHAPE)
    )


def test_a_tokenizer_of_transformers_does_as_well(tokenizer, motions):
    text = hugging_face(begins=False)  # whatever it adds by itself is not asked for
    places = VocabularyMap.from_tokenizer(text, "tail", size=tokenizer.vocab_size)
    builder = PromptBuilder(PI0_FAST, text, tokenizer, places)
    batch = builder.build(["Pick_it up"], [STATE], motions[:1])
    row = batch.tokens[0].tolist()
    assert row[: batch.answer_start[0]] == [
        2,
        *text.encode("Task: pick it up, State: " + " ".join(["128"] * 7) + ";\n", add_special_tokens=False),
    ]
    assert builder.extract_ids(batch.tokens) == tokenizer(motions[:1])


def test_labels_are_the_predicted_tokens(builder, motions):
    batch = builder.build("a", STATE, motions[0])
    labels = batch.labels()
    assert len(batch) == 1
    assert (labels == -100).sum() == (~batch.loss_mask).sum()
    np.testing.assert_array_equal(labels[batch.loss_mask], batch.tokens[batch.loss_mask])


def test_states_may_be_tensors(builder):
    torch = pytest.importorskip("torch", reason="tensors of torch")
    states = np.random.default_rng(0).uniform(-1, 1, (2, 9))
    for dtype in (torch.float64, torch.float32, torch.float16, torch.bfloat16):
        tensor = torch.tensor(states, dtype=dtype, requires_grad=True)
        expected = builder.build(["a", "b"], tensor.detach().double().numpy())
        np.testing.assert_array_equal(builder.build(["a", "b"], tensor).tokens, expected.tokens)


# ---- Extraction --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("instruction", ["Action:  5|", "_Action: \nAction: <loc1020><loc1021>|"])
def test_an_instruction_may_hold_the_markers(paligemma, tokenizer, places, motions, instruction):
    builder = PromptBuilder(replace(PI0_FAST, lowercase=False), paligemma, tokenizer, places)
    batch = builder.build([instruction] * 5, np.zeros((5, 7)), motions[:5])
    start = paligemma.encode("Action: ")
    windows = np.lib.stride_tricks.sliding_window_view(batch.tokens[0], len(start))
    assert (windows == start).all(axis=1).sum() >= 2
    assert builder.extract_ids(batch.tokens) == tokenizer(motions[:5])


def test_what_follows_the_end_is_not_looked_at(builder, paligemma, tokenizer, motions):
    batch = builder.build("go", STATE, motions[0])
    answer = answer_of(batch, 0).tolist()
    eos, ids = paligemma.eos_id(), tokenizer(motions[0])
    another = [*paligemma.encode("Action: "), 1300]
    for tail in ([], [0, 0], [5, 6], another, [eos, eos], [*another, eos]):
        assert builder.extract_ids([answer + tail]) == ids
        assert builder.extract_ids([answer[:-1] + ([eos, *tail] if tail else [])]) == ids
    assert builder.extract_ids(answer[:-2]) == ids  # one flat sequence, generation stopped before its end
    assert builder.extract_ids([[*answer[:-2], 0, 0]]) == ids


def test_ids_that_are_no_answer(builder, paligemma, tokenizer, motions):
    ids = tokenizer(motions[0])[0]
    start, end = paligemma.encode("Action: "), [*paligemma.encode("|"), paligemma.eos_id()]
    model_ids = builder.vocabulary_map.to_model(ids).tolist()
    damaged = [*model_ids[:3], 7, *model_ids[3:]]
    lists = [[*start, *model_ids, *end], [*start, *damaged, *end], [*model_ids, *end], []]
    assert builder.extract_ids(lists, errors="repair") == [ids, ids[:3], [], []]
    assert builder.extract_ids(lists, errors="zeros") == [ids, [], [], []]
    with pytest.raises(DecodeError, match="sequence 1, position 7: id 7 is no action's") as caught:
        builder.extract_ids(lists)
    place = caught.value.sequence, caught.value.position, caught.value.reason
    assert place == (1, 7, DecodeStatus.ID_OUTSIDE_VOCABULARY)
    with pytest.raises(DecodeError, match=r"sequence 0, position \d+: the start of the answer is missing"):
        builder.extract_actions(lists[2:], **SHAPE)

    repaired = builder.extract_actions(lists, **SHAPE, errors="repair")
    coarse = tokenizer.decode([ids, ids[:3]], time_horizon=20, action_dim=7, errors="repair")
    np.testing.assert_array_equal(repaired[:2], coarse)
    assert not repaired[2:].any()
    zeros = builder.extract_actions(lists, **SHAPE, errors="zeros")
    np.testing.assert_array_equal(zeros, [coarse[0], *np.zeros((3, 20, 7))])


def test_actions_of_openvla_are_what_follows_the_prompt():
    llama = like_llama()
    places = VocabularyMap.from_tokenizer(llama, "tail", size=256, skip=0)
    builder = PromptBuilder(replace(OPENVLA, pad_id=llama.vocab_size()), llama, OpenVLABins(), places)
    actions = np.linspace(-1, 1, 14).reshape(2, 1, 7)
    batch = builder.build(["stack the blocks", "go"], None, actions)
    generated = [answer_of(batch, row) for row in (0, 1)]
    extracted = builder.extract_actions(generated, horizon=1, action_dim=7)
    assert abs(extracted - actions).max() <= 1 / 255 + 1e-12
    with pytest.raises(DecodeError, match="position 0: id 1 is no action's; give what was generated, without"):
        builder.extract_actions(batch.tokens, horizon=1, action_dim=7)


def test_a_format_without_action_ids_has_none_to_extract(paligemma):
    with pytest.raises(FastTokenizerError, match="this format has no action ids"):
        PromptBuilder(PI05, paligemma).extract_actions([[1]], **SHAPE)


# ---- Objects and refusals ----------------------------------------------------------------------------------


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda builder: pickle.loads(pickle.dumps(builder))])
def test_copies_build_the_same(builder, motions, copied):
    one, other = (which.build("a", STATE, motions[0]) for which in (builder, copied(builder)))
    np.testing.assert_array_equal(one.tokens, other.tokens)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((["a"], np.zeros((2, 7))), "got 2 states for 1 instruction"),
        ((["a", "b"], np.zeros((2, 7)), np.zeros((3, 4, 2))), "got 3 chunks of actions for 2 instruction"),
        (("a",), r"the prompt holds the state: expected states \[B, S\]"),
        (("a", np.zeros((1, 2, 3))), r"states have shape \(1, 2, 3\)"),
        (("a", ["x"]), "expected real numbers"),
        ((["a", "b"], [[0.0], [np.nan]]), "chunk 1: a number of the state is NaN"),
        (("a", [np.inf]), "chunk 0: a number of the state is NaN or infinite"),
        (("a", STATE, np.zeros(3)), "actions have shape"),
        (("a", STATE, [[np.nan]]), "chunk 0"),
    ],
)
def test_what_does_not_fit_is_refused(builder, arguments, message):
    with pytest.raises(EncodeError, match=message):
        builder.build(*arguments)


def test_widths_and_masks_are_checked(paligemma, tokenizer, places, motions):
    narrow = PromptBuilder(replace(PI0_FAST, state_dim=4, action_dim=5), paligemma, tokenizer, places)
    with pytest.raises(EncodeError, match="state has 7 dimensions: expected at most 4"):
        narrow.build("a", STATE)
    with pytest.raises(EncodeError, match="actions has 7 dimensions: expected at most 5"):
        narrow.build("a", STATE[:4], motions[0])
    with pytest.raises(EncodeError, match=r"action_is_pad has shape \(1, 3\): expected \(1, 20\)"):
        narrow.build("a", STATE[:4], motions[0, :, :5], action_is_pad=[True] * 3)
    with pytest.raises(ValueError, match="'trim': expected 'raise', 'shorten' or 'cut'"):
        narrow.build("a", STATE[:4], on_overflow="trim")
    with pytest.raises(ValueError, match="'ignore': expected one of"):
        narrow.extract_ids([[1]], errors="ignore")


def test_a_builder_needs_what_its_format_writes(paligemma, tokenizer, places):
    with pytest.raises(FastTokenizerError, match="expected an action_tokenizer and a vocabulary_map"):
        PromptBuilder(PI0_FAST, paligemma, tokenizer)
    with pytest.raises(FastTokenizerError, match="has no id for the padding"):
        PromptBuilder(OPENVLA, like_llama(), tokenizer, places)
    text = hugging_face()
    text.bos_token = None
    with pytest.raises(FastTokenizerError, match="has no id for the beginning of a sequence"):
        PromptBuilder(PI05, text)
    with pytest.raises(TypeError, match="the text tokenizer is a str: expected a tokenizer of transformers"):
        PromptBuilder(PI05, "google/paligemma")


@pytest.mark.parametrize(
    ("name", "piece"),
    [("answer_start", ":"), ("answer_end", "|"), ("the end of a sequence", "<eos>"), ("padding", 0)],
)
def test_actions_must_not_take_what_the_format_writes(paligemma, tokenizer, name, piece):
    taken = {"<eos>": paligemma.eos_id(), 0: 0}.get(piece)
    taken = paligemma.encode(piece)[0] if taken is None else taken
    others = np.arange(paligemma.vocab_size() - tokenizer.vocab_size, paligemma.vocab_size())[:-1]
    places = VocabularyMap.table([taken, *others])
    with pytest.raises(FastTokenizerError, match=f"the id {taken} of {name} is also that of action id 0"):
        PromptBuilder(PI0_FAST, paligemma, tokenizer, places)


def test_a_map_that_is_too_small_is_refused_with_the_numbers(paligemma, tokenizer, motions):
    size = min(tokenizer(motions[0])[0]) + 1
    builder = PromptBuilder(PI0_FAST, paligemma, tokenizer, VocabularyMap.tail(paligemma.vocab_size(), size=size))
    with pytest.raises(
        FastTokenizerError, match=rf"action_ids\[\d+\] is \d+: expected an action id, 0\.\.{size - 1}"
    ):
        builder.build("a", STATE, motions[0])


def test_a_format_of_ones_own(paligemma, tokenizer, places, motions):
    own = PromptFormat("{instruction} >", max_length=200, answer_end=";", causal_prompt=True)
    builder = PromptBuilder(own, paligemma, tokenizer, places)
    batch = builder.build(" {state} ", None, motions[0])
    start = int(batch.answer_start[0])
    assert batch.tokens[0, :start].tolist() == [paligemma.bos_id(), *paligemma.encode("{state} >")]
    assert batch.ar_mask[0].sum() == batch.padding_mask[0].sum()
    assert builder.extract_ids(batch.tokens[:, start:]) == tokenizer(motions[0])
