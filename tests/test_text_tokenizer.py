"""Text tokenizers of both kinds, under one set of names."""

import pytest
import sentencepiece
from text_tokenizers import hugging_face, like_llama, like_paligemma

from fast_tokenizer import FastTokenizerError
from fast_tokenizer.text_tokenizer import as_text_tokenizer, required


@pytest.mark.parametrize("make", [like_paligemma, hugging_face])
def test_both_kinds_answer_alike(make):
    text = as_text_tokenizer(make())
    assert (text.pad_id, text.eos_id, text.bos_id) == (0, 1, 2)
    vocabulary = text.vocabulary()
    assert len(vocabulary) == text.vocab_size == vocabulary["<seg127>"] + 1
    assert text.special_among([0, 1, 2, 3, 50, vocabulary["<loc0000>"]]) == [0, 1, 2, 3]
    ids = text.encode("pick up the cup")
    assert ids[0] not in (1, 2)
    assert ids[-1] not in (1, 2)
    assert all(type(one) is int for one in ids)


def test_only_the_text_is_encoded_whatever_the_tokenizer_adds_by_itself():
    plain = as_text_tokenizer(hugging_face(begins=False)).encode("cup")
    assert as_text_tokenizer(hugging_face(begins=True, ends=True)).encode("cup") == plain
    model = like_paligemma().serialized_model_proto()
    eager = sentencepiece.SentencePieceProcessor(model_proto=model, add_bos=True, add_eos=True)
    assert eager.encode("cup")[0] == 2
    assert as_text_tokenizer(eager).encode("cup") == as_text_tokenizer(like_paligemma()).encode("cup")


def test_added_tokens_are_in_the_vocabulary_but_not_in_its_size():
    tokenizer = hugging_face()
    before = tokenizer.vocab_size
    tokenizer.add_tokens(["<action_0>"])
    text = as_text_tokenizer(tokenizer)
    assert text.vocab_size == before
    assert len(text) == before + 1
    assert text.vocabulary()["<action_0>"] == before


def test_what_a_tokenizer_lacks_is_none_and_required_says_so():
    text = as_text_tokenizer(like_llama())
    assert text.pad_id is None
    assert required(text.eos_id, "end of a sequence") == 2
    with pytest.raises(FastTokenizerError, match="the text tokenizer has no id for the padding: set its token"):
        required(text.pad_id, "padding")


@pytest.mark.parametrize("other", ["google/paligemma-3b-pt-224", None, {}])
def test_something_else_is_refused(other):
    with pytest.raises(TypeError, match="expected a tokenizer of transformers or a SentencePieceProcessor"):
        as_text_tokenizer(other)
