"""Action ids, special ids, and their places in a language model's vocabulary."""

import copy
import json
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from text_tokenizers import hugging_face, like_llama, like_paligemma, sentencepiece_model

from fast_tokenizer import ActionVocabulary, FastTokenizerError, FormatError, VocabularyMap

LARGEST = 2**63 - 1


@st.composite
def maps(draw):
    """Maps of each kind, with some of the special ids."""
    size = draw(st.integers(1, 40))
    special = dict(zip(("pad_id", "eos_id", "mask_id"), draw(st.permutations([0, 1, 2])), strict=True))
    special = {name: one if draw(st.booleans()) else None for name, one in special.items()}
    kind = draw(st.sampled_from(["tail", "offset", "table"]))
    if kind == "tail":
        skip = draw(st.integers(0, 9))
        return VocabularyMap.tail(3 + size + skip + draw(st.integers(0, 9)), size=size, skip=skip, **special)
    if kind == "offset":
        return VocabularyMap.offset(draw(st.integers(3, 300_000)), size=size, **special)
    ids = draw(st.lists(st.integers(3, 10**6), min_size=size, max_size=size, unique=True))
    return VocabularyMap.table(ids, **special)


def known_ids(places):
    """Action ids, and special ids that the model has, with what they become."""
    vocabulary = ActionVocabulary(len(places))
    pairs = dict(enumerate(places.model_ids.tolist()))
    special = {"pad_id": vocabulary.pad_id, "eos_id": vocabulary.eos_id, "mask_id": vocabulary.mask_id}
    return pairs | {
        one: getattr(places, name) for name, one in special.items() if getattr(places, name) is not None
    }


@given(maps(), st.data())
def test_there_and_back(places, data):
    known = known_ids(places)
    shape = data.draw(st.sampled_from([(), (0,), (5,), (2, 3), (1, 2, 2)]))
    drawn = [data.draw(st.sampled_from(sorted(known))) for _ in range(int(np.prod(shape)))]
    action_ids = np.array(drawn, np.int64).reshape(shape)
    model_ids = places.to_model(action_ids)
    assert model_ids.dtype == np.int64
    assert model_ids.shape == shape
    assert model_ids.ravel().tolist() == [known[one] for one in drawn]
    back = places.to_action(model_ids)
    assert back.dtype == np.int32
    np.testing.assert_array_equal(back, action_ids)
    np.testing.assert_array_equal(places.is_action(model_ids), action_ids < len(places))


@given(maps(), st.data())
def test_what_has_no_place_is_refused_by_place_and_value(places, data):
    known = known_ids(places)
    strange = st.integers(-(2**63), LARGEST)
    wrong = data.draw(strange.filter(lambda one: one not in known))
    with pytest.raises(FastTokenizerError, match=rf"^action_ids\[1, 0\] is {wrong}: expected an action id, 0\.\."):
        places.to_model([[0, 0], [wrong, 0]])
    wrong = data.draw((strange | st.integers(-1, 60)).filter(lambda one: one not in known.values()))
    first = int(places.model_ids[0])
    with pytest.raises(
        FastTokenizerError, match=rf"^model_ids\[2\] is {wrong}: expected the id of an action, in "
    ):
        places.to_action([first, first, wrong])
    assert places.is_action([first, wrong]).tolist() == [True, False]


@given(maps())
def test_configurations_copies_and_equality(places):
    config = json.loads(json.dumps(places.get_config()))
    for again in (VocabularyMap.from_config(config), copy.deepcopy(places), pickle.loads(pickle.dumps(places))):
        assert again == places
        assert hash(again) == hash(places)
        assert repr(again) == repr(places)
        assert again.get_config() == places.get_config()
    assert VocabularyMap.from_config(config | {"eos_id": 10**7}) != places
    assert VocabularyMap.from_config(config | {"model_ids": [10**7]}) != places
    assert places != config


@given(maps())
def test_the_block_is_told_where_it_has_no_gaps(places):
    ids = sorted(places.model_ids.tolist())
    if ids == list(range(ids[0], ids[0] + len(ids))):
        assert list(range(10**7)[places.block]) == ids
    else:
        assert places.block is None


def test_the_places_of_paligemma():
    places = VocabularyMap.tail(257_152, size=2048)
    assert places.model_ids[[0, -1]].tolist() == [257_152 - 1 - 128, 257_152 - 1 - 128 - 2047]
    assert places.block == slice(254_976, 257_024)
    assert VocabularyMap.tail(32_000, size=256, skip=0).model_ids[[0, -1]].tolist() == [31_999, 31_744]
    assert VocabularyMap.offset(151_665, size=4).model_ids.tolist() == [151_665, 151_666, 151_667, 151_668]
    assert VocabularyMap.table([7, 5, 6]).block == slice(5, 8)
    assert VocabularyMap.table([7, 5, 9]).block is None


def test_special_ids_are_translated_where_the_model_has_them():
    places = VocabularyMap.offset(10, size=4, eos_id=1)
    assert places.to_model([0, 5]).tolist() == [10, 1]
    assert places.to_action([10, 1]).tolist() == [0, 5]
    with pytest.raises(
        FastTokenizerError, match=r"^action_ids\[0\] is 4: expected an action id, 0\.\.3, or 5 \(eos_id\)"
    ):
        places.to_model([4])
    with pytest.raises(FastTokenizerError, match=r"in 10\.\.13, or 1 \(eos_id\)$"):
        places.to_action(0)
    with pytest.raises(FastTokenizerError, match="a special id, of which none is known"):
        VocabularyMap.offset(10, size=4).to_model(6)


def test_a_map_cannot_be_changed():
    given_ids = np.array([5, 6, 7])
    places = VocabularyMap.table(given_ids)
    given_ids[0] = 9
    assert places.model_ids.tolist() == [5, 6, 7]
    with pytest.raises(ValueError, match="read-only"):
        places.model_ids[0] = 1
    for name in ("model_ids", "pad_id", "eos_id", "mask_id", "block"):
        with pytest.raises(AttributeError):
            setattr(places, name, 1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: VocabularyMap.tail(300, size=200),
            "of 200 action ids before the last 128 needs 328 ids, and .* 300",
        ),
        (lambda: VocabularyMap.tail(300, size=0), "size=0, skip=128"),
        (lambda: VocabularyMap.tail(300, size=5, skip=-1), "size=5, skip=-1"),
        (lambda: VocabularyMap.offset(0, size=0), r"shape \(0,\): expected one id for each"),
        (lambda: VocabularyMap.offset(-2, size=4), r"model_ids\[0\] is -2: expected 0 or more"),
        (lambda: VocabularyMap.table([[1]]), r"shape \(1, 1\)"),
        (lambda: VocabularyMap.table([4, 5, 4]), "the model id 4 stands for both action id 0 and action id 2"),
        (lambda: VocabularyMap.table([4, 5], eos_id=5), "id 5 stands for both action id 1 and eos_id"),
        (lambda: VocabularyMap.table([4], eos_id=2, pad_id=2), "id 2 stands for both pad_id and eos_id"),
        (lambda: VocabularyMap.table([4], mask_id=-1), "mask_id is -1: expected 0 or more, or None"),
    ],
)
def test_maps_that_contradict_themselves_are_refused(make, message):
    with pytest.raises(FastTokenizerError, match=message):
        make()


@pytest.mark.parametrize("ids", [[1.0], ["1"], [None], [2**64], [True]])
def test_ids_are_integers(ids):
    places = VocabularyMap.offset(0, size=9)
    for call in (places.to_model, places.to_action, places.is_action, VocabularyMap.table):
        with pytest.raises(TypeError, match="expected integers"):
            call(ids)


def test_an_id_that_does_not_fit_never_becomes_one_that_exists():
    places = VocabularyMap.offset(0, size=9)
    wide = np.array([2**64 - 1, 2**63, 3], np.uint64)
    assert places.is_action(wide).tolist() == [False, False, True]


def test_a_configuration_of_something_else_is_refused():
    with pytest.raises(FormatError, match="not the configuration of a vocabulary map"):
        VocabularyMap.from_config({"tokens": []})


def test_tensors_are_read():
    torch = pytest.importorskip("torch", reason="tensors of torch")
    places = VocabularyMap.offset(10, size=4)
    assert places.to_action(torch.tensor([[10, 12]])).tolist() == [[0, 2]]


# ---- From a text tokenizer ---------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=[like_paligemma, hugging_face])
def text(request):
    return request.param()


def size_of(text):
    return text.vocab_size if isinstance(text.vocab_size, int) else text.vocab_size()


def test_the_tail_of_a_tokenizer(text):
    places = VocabularyMap.from_tokenizer(text, "tail", size=700)
    last = size_of(text) - 1 - 128
    assert places == VocabularyMap.tail(size_of(text), size=700, pad_id=0, eos_id=1)
    assert places.model_ids[0] == last
    assert VocabularyMap.from_tokenizer(text, "tail", size=7, skip=0).model_ids[0] == last + 128


def test_a_tail_that_does_not_fit_or_holds_special_tokens(text):
    vocab_size = size_of(text)
    with pytest.raises(
        FastTokenizerError, match=f"needs {vocab_size + 1} ids, and the text tokenizer has {vocab_size}"
    ):
        VocabularyMap.from_tokenizer(text, "tail", size=vocab_size + 1 - 128)
    with pytest.raises(
        FastTokenizerError, match=f"the model ids 3..{vocab_size - 129} .* hold 1 special .* the first is 3"
    ):
        VocabularyMap.from_tokenizer(text, "tail", size=vocab_size - 128 - 3)


def test_reserved_tokens_are_found_by_their_pattern(text):
    places = VocabularyMap.from_tokenizer(text, "reserved", size=1000)
    first = size_of(text) - 128 - 1024
    assert places == VocabularyMap.offset(first, size=1000, pad_id=0, eos_id=1)
    places = VocabularyMap.from_tokenizer(text, "reserved", size=100, pattern=r"<seg(\d+)>")
    assert places.model_ids[0] == size_of(text) - 128
    with pytest.raises(
        FastTokenizerError, match=r"no family of 1025 reserved .* 0 of <unused.*, 1024 of <loc.*, 0 of"
    ):
        VocabularyMap.from_tokenizer(text, "reserved", size=1025)


def test_reserved_tokens_that_have_a_part_are_passed_over():
    names = [f"<|reserved_special_token_{number}|>" for number in range(9)]
    text = hugging_face(added=names)
    text.pad_token = names[2]
    ids = text.convert_tokens_to_ids(names)
    places = VocabularyMap.from_tokenizer(text, "reserved", size=8)
    assert places.model_ids.tolist() == ids[:2] + ids[3:]
    assert places.pad_id == ids[2]
    with pytest.raises(FastTokenizerError, match="8 of <"):
        VocabularyMap.from_tokenizer(text, "reserved", size=9)
    assert VocabularyMap.from_tokenizer(text, "reserved", size=7, eos_id=ids[0]).model_ids[0] == ids[1]


def test_added_tokens_are_found_by_their_number(text):
    with pytest.raises(
        FastTokenizerError, match=r"has 0 of 5 tokens <action_\(\\d\+\)>, number 0 not: add them with"
    ):
        VocabularyMap.from_tokenizer(text, "added", size=5)
    # Out of order, and more than are asked for.
    names = [f"<action_{number}>" for number in (3, 0, 1, 2, 4)]
    other = (
        hugging_face(added=()) if hasattr(text, "get_vocab") else sentencepiece_model([(one, 4) for one in names])
    )
    if hasattr(other, "add_tokens"):
        other.add_tokens(names)
    ids = [dict(vocabulary_of(other))[f"<action_{number}>"] for number in range(4)]
    assert VocabularyMap.from_tokenizer(other, "added", size=4).model_ids.tolist() == ids
    with pytest.raises(FastTokenizerError, match="has 5 of 6 tokens"):
        VocabularyMap.from_tokenizer(other, "added", size=6)


def vocabulary_of(text):
    if hasattr(text, "get_vocab"):
        return text.get_vocab()
    return {text.id_to_piece(one): one for one in range(text.vocab_size())}


def test_special_ids_come_from_the_tokenizer_unless_given(text):
    places = VocabularyMap.from_tokenizer(text, "tail", size=5, mask_id=3)
    assert (places.pad_id, places.eos_id, places.mask_id) == (0, 1, 3)
    assert VocabularyMap.from_tokenizer(text, "tail", size=5, eos_id=2).eos_id == 2
    # Padding with the end of a sequence says nothing of padding.
    assert VocabularyMap.from_tokenizer(text, "tail", size=5, eos_id=0).pad_id is None
    with pytest.raises(
        FastTokenizerError, match=f"mask_id is {size_of(text)}: expected one of .* {size_of(text)} ids"
    ):
        VocabularyMap.from_tokenizer(text, "tail", size=5, mask_id=size_of(text))
    last = size_of(text) - 1 - 128
    with pytest.raises(FastTokenizerError, match=f"the model id {last} stands for both action id 0 and eos_id"):
        VocabularyMap.from_tokenizer(text, "tail", size=5, eos_id=last)


def test_a_tokenizer_may_lack_special_ids():
    places = VocabularyMap.from_tokenizer(like_llama(), "tail", size=256, skip=0)
    assert (places.pad_id, places.eos_id) == (None, 2)


def test_modes_are_checked(text):
    with pytest.raises(ValueError, match="'head': expected 'tail', 'added' or 'reserved'"):
        VocabularyMap.from_tokenizer(text, "head", size=5)
    with pytest.raises(TypeError, match="the text tokenizer is a dict"):
        VocabularyMap.from_tokenizer({}, "tail", size=5)
