"""The tokenizer for transformers: lists or BatchEncoding, padding, special tokens, coefficient text."""

import copy
import json
import pickle

import numpy as np
import pytest
import scipy.fft
from frameworks import import_or_skip
from hypothesis import given, settings
from hypothesis import strategies as st

from fast_tokenizer import DecodeError, DecodeStatus, EncodeError, FastTokenizer, FormatError

transformers = import_or_skip("transformers")

from fast_tokenizer.hf import FastActionTokenizer  # noqa: E402


@pytest.fixture(scope="module")
def wrapped(tokenizer):
    return FastActionTokenizer(fast_tokenizer=tokenizer)


@pytest.fixture(scope="module")
def texts(tokenizer, motions):
    """The text of each chunk, as the published processor makes it."""
    coefficients = np.around(scipy.fft.dct(motions, axis=1, norm="ortho") * 10).astype(int).reshape(-1, 140)
    return ["".join(map(chr, row - tokenizer.min_token)) for row in coefficients]


# ---- Actions -----------------------------------------------------------------------------------------------


def test_lists_by_default(wrapped, tokenizer, motions):
    tokens = wrapped(motions)
    assert tokens == tokenizer(motions)
    np.testing.assert_array_equal(wrapped.decode(tokens), tokenizer.decode(tokenizer(motions)))
    np.testing.assert_array_equal(
        wrapped.batch_decode([*map(list, tokens)], time_horizon=20, action_dim=7), wrapped.decode(tokens)
    )


def test_a_batch_encoding_on_request(wrapped, tokenizer, motions):
    encoding = wrapped(motions[:3], return_dict=True)
    assert isinstance(encoding, transformers.BatchEncoding)
    assert encoding["input_ids"] == tokenizer(motions[:3])
    assert [len(one) for one in encoding["attention_mask"]] == [len(one) for one in encoding["input_ids"]]


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("padding", [True, "longest", "max_length"])
def test_padding(wrapped, tokenizer, motions, side, padding):
    ids, mask = tokenizer.encode(motions).padded(side, 8, 400 if padding == "max_length" else None)
    encoding = wrapped(
        motions,
        padding=padding,
        max_length=400,
        pad_to_multiple_of=8,
        padding_side=side,
        return_tensors="np",
    )
    np.testing.assert_array_equal(encoding["input_ids"], ids)
    np.testing.assert_array_equal(encoding["attention_mask"], mask)
    assert encoding["input_ids"].dtype == encoding["attention_mask"].dtype == np.int64
    decoded = wrapped.decode(encoding["input_ids"], time_horizon=20, action_dim=7)
    np.testing.assert_array_equal(decoded, tokenizer.decode(tokenizer(motions)))


def test_padded_lists_and_the_side_that_was_set(tokenizer, motions):
    wrapped = FastActionTokenizer(fast_tokenizer=tokenizer, padding_side="left")
    encoding = wrapped(motions, padding=True)
    ids, mask = tokenizer.encode(motions).padded("left")
    assert encoding["input_ids"] == ids.tolist()
    assert encoding["attention_mask"] == mask.astype(int).tolist()


def test_nothing_is_cut_off(wrapped, motions):
    longest = max(map(len, wrapped(motions)))
    for options in ({}, {"padding": True}, {"padding": "max_length", "return_tensors": "np"}):
        with pytest.raises(ValueError, match=f"has {longest} ids: more than max_length {longest - 1}"):
            wrapped(motions, max_length=longest - 1, **options)
    assert wrapped(motions, max_length=longest) == wrapped(motions)
    with pytest.raises(ValueError, match="truncation: expected options of padding only"):
        wrapped(motions, truncation=True, max_length=5)
    with pytest.raises(ValueError, match="add_special_tokens: expected options of padding only"):
        wrapped(motions, add_special_tokens=True)
    with pytest.raises(ValueError, match="needs max_length"):
        wrapped(motions, padding="max_length")
    with pytest.raises(ValueError, match="nonsense"):
        wrapped(motions, padding="nonsense")


def test_tensors_of_several_lengths_need_padding(wrapped, motions):
    with pytest.raises(ValueError, match="padding"):
        wrapped(motions, return_tensors="np")


def test_a_saved_shape_and_an_unknown_one(tokenizer, motions):
    lists = [*map(list, tokenizer(motions))]
    with pytest.raises(ValueError, match="the shape of these tokens is not known"):
        FastActionTokenizer(fast_tokenizer=tokenizer).decode(lists)
    shaped = FastTokenizer(tokenizer.codec, time_horizon=20, action_dim=7)
    np.testing.assert_array_equal(
        FastActionTokenizer(fast_tokenizer=shaped).decode(lists), tokenizer.decode(tokenizer(motions))
    )


def test_policies_for_bad_ids(wrapped, motions):
    cut = [wrapped(motions)[0][:-1]]
    with pytest.raises(DecodeError):
        wrapped.decode(cut, time_horizon=20, action_dim=7)
    assert wrapped.decode(cut, time_horizon=20, action_dim=7, errors="repair").any()
    with pytest.raises(ValueError, match="expected 'strict' for text"):
        wrapped.decode(cut[0], errors="repair")


# ---- Vocabulary and special tokens -------------------------------------------------------------------------


def test_special_ids_follow_the_action_ids(wrapped, tokenizer):
    vocabulary = tokenizer.vocabulary
    assert wrapped.vocab_size == tokenizer.vocab_size == vocabulary.size
    assert len(wrapped) == vocabulary.size + 3
    assert wrapped.pad_token_id == vocabulary.pad_id
    assert wrapped.eos_token_id == vocabulary.eos_id
    assert wrapped.mask_token_id == vocabulary.mask_id


def test_every_id_has_a_token_and_back(wrapped, tokenizer):
    everything = list(range(len(wrapped)))
    tokens = wrapped.convert_ids_to_tokens(everything)
    assert tokens[: tokenizer.vocab_size] == list(tokenizer.codec.tokens)
    assert wrapped.convert_tokens_to_ids(tokens) == everything
    assert wrapped.get_vocab() == {token: number for number, token in enumerate(tokens)}


def test_a_name_in_brackets_is_a_text_of_coefficients(motions):
    """So no special token may be called `<pad>`."""
    wide = FastTokenizer.fit(motions * 20, vocab_size=8000)
    wrapped = FastActionTokenizer(fast_tokenizer=wide)
    assert wrapped.decode(wrapped("<pad>")["input_ids"]) == "<pad>"


# ---- Coefficient text --------------------------------------------------------------------------------------


def test_text_is_encoded_as_the_published_text_tokenizer_does(wrapped, tokenizer, motions, texts):
    lists = tokenizer(motions)
    assert [wrapped(text)["input_ids"] for text in texts] == lists
    assert wrapped(texts)["input_ids"] == lists
    assert wrapped.encode(texts[0]) == lists[0]
    assert wrapped.tokenize(texts[0]) == wrapped.convert_ids_to_tokens(lists[0])
    assert wrapped("")["input_ids"] == []


def test_a_flat_sequence_is_text(wrapped, tokenizer, motions, texts):
    for ids, text in zip(tokenizer(motions), texts, strict=True):
        assert wrapped.decode(ids) == wrapped.decode(np.array(ids)) == wrapped.decode(tuple(ids)) == text
        assert wrapped.convert_tokens_to_string(wrapped.convert_ids_to_tokens(ids)) == text
        assert wrapped.decode([wrapped.pad_token_id, *ids, wrapped.eos_token_id]) == text
    assert wrapped.decode([]) == wrapped.decode([wrapped.pad_token_id]) == ""
    assert wrapped.decode(ids[0]) == wrapped.decode(ids[:1])
    shaped = FastActionTokenizer(fast_tokenizer=FastTokenizer(tokenizer.codec, time_horizon=20, action_dim=7))
    assert shaped.decode(ids) == text


@given(data=st.data())
@settings(max_examples=60)
def test_any_text_of_the_range_survives(tokenizer, data):
    codec = tokenizer.codec
    highest = min(codec.max_coefficient - codec.min_coefficient, 0x2FFF)
    text = "".join(map(chr, data.draw(st.lists(st.integers(0, highest), max_size=40))))
    wrapped = FastActionTokenizer(fast_tokenizer=tokenizer)
    try:
        ids = wrapped(text)["input_ids"]
    except EncodeError:
        assert codec.scheme == "bytes"  # a byte that the vocabulary lacks
        return
    assert wrapped.decode(ids) == text


def test_text_beyond_the_range(symbols_tokenizer):
    wrapped = FastActionTokenizer(fast_tokenizer=symbols_tokenizer)
    with pytest.raises(EncodeError, match=r"coefficient outside -?\d+\.\.\d+: expected"):
        wrapped(chr(symbols_tokenizer.codec.max_coefficient - symbols_tokenizer.min_token + 1))


def test_ids_that_are_no_text(wrapped, tokenizer, motions):
    ids, vocabulary = list(tokenizer(motions)[0]), tokenizer.vocabulary
    for bad, reason in [
        (vocabulary.mask_id, DecodeStatus.SPECIAL_TOKEN_INSIDE),
        (vocabulary.mask_id + 1, DecodeStatus.ID_OUTSIDE_VOCABULARY),
        (-1, DecodeStatus.ID_OUTSIDE_VOCABULARY),
    ]:
        with pytest.raises(DecodeError, match="position 2") as caught:
            wrapped.decode([*ids[:2], bad, *ids[2:]])
        assert caught.value.reason == reason


def test_bytes_that_are_no_text(bytes_tokenizer):
    wrapped = FastActionTokenizer(fast_tokenizer=bytes_tokenizer)
    letter, lead = (bytes_tokenizer.codec.tokens.index(token) for token in ("a", "Ã"))
    for ids, position in [([letter, lead], 1), ([letter, lead, letter], 1), ([wrapped.pad_token_id, lead], 1)]:
        with pytest.raises(DecodeError, match="not UTF-8") as caught:
            wrapped.decode(ids)
        assert (caught.value.position, caught.value.reason) == (position, DecodeStatus.NOT_A_COEFFICIENT)


# ---- Collators, copies, saving -----------------------------------------------------------------------------


def test_pad_and_collators(wrapped, tokenizer, motions):
    ids, mask = tokenizer.encode(motions[:5]).padded("right", 8)
    rows = [{"input_ids": one} for one in tokenizer(motions[:5])]
    collator = transformers.DataCollatorWithPadding(wrapped, pad_to_multiple_of=8, return_tensors="np")
    for padded in (collator(rows), wrapped.pad(rows, pad_to_multiple_of=8, return_tensors="np")):
        np.testing.assert_array_equal(padded["input_ids"], ids)
        np.testing.assert_array_equal(padded["attention_mask"], mask)


def test_copies(wrapped, motions):
    for other in (copy.copy(wrapped), copy.deepcopy(wrapped), pickle.loads(pickle.dumps(wrapped))):
        assert other(motions) == wrapped(motions)
        assert (len(other), other.pad_token_id) == (len(wrapped), wrapped.pad_token_id)


def files_in(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_it_saves_what_the_plain_tokenizer_saves(wrapped, tokenizer, tmp_path):
    tokenizer.save_pretrained(tmp_path / "plain")
    files = wrapped.save_pretrained(tmp_path / "wrapped")
    assert files_in(tmp_path / "wrapped") == files_in(tmp_path / "plain")
    assert set(files) == {str(tmp_path / "wrapped" / name) for name in files_in(tmp_path / "wrapped")}
    assert wrapped.save_vocabulary(str(tmp_path / "third")) == tuple(
        str(f).replace("wrapped", "third") for f in files
    )


def test_settings_and_added_tokens_come_back(tokenizer, motions, tmp_path):
    wrapped = FastActionTokenizer(fast_tokenizer=tokenizer, padding_side="left", model_max_length=99)
    wrapped.add_tokens(["<move>"])
    wrapped.add_special_tokens({"bos_token": "<begin>"})
    wrapped.save_pretrained(tmp_path)
    loaded = FastActionTokenizer.from_pretrained(tmp_path)
    assert (loaded.padding_side, loaded.model_max_length, loaded.bos_token) == ("left", 99, "<begin>")
    assert loaded.get_vocab() == wrapped.get_vocab()
    assert len(loaded) == len(tokenizer) + 5
    assert loaded.pad_token_id == tokenizer.vocabulary.pad_id
    assert loaded(motions) == tokenizer(motions)
    assert FastTokenizer.from_pretrained(tmp_path) == tokenizer
    settings = json.loads((tmp_path / "tokenizer_config.json").read_text())
    assert settings["tokenizer_class"] == "FastActionTokenizer"


def test_files_or_a_tokenizer(tokenizer, tmp_path):
    with pytest.raises(ValueError, match="load with from_pretrained"):
        FastActionTokenizer()
    tokenizer.save_pretrained(tmp_path)
    (tmp_path / "processor_config.json").write_text("{}")
    with pytest.raises(FormatError, match="'scale'"):
        FastActionTokenizer.from_pretrained(tmp_path)
