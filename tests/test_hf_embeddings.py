"""Action tokens in a tokenizer of transformers, and their rows in the embeddings of a model."""

import warnings

import numpy as np
import pytest
from text_tokenizers import hugging_face

from fast_tokenizer import VocabularyMap
from fast_tokenizer.hf.embeddings import add_action_tokens, resize_embeddings

SIZE = 300


@pytest.fixture
def text():
    return hugging_face(added=())


def test_tokens_are_added_once(text):
    before = len(text)
    places = add_action_tokens(text, 5)
    assert places == VocabularyMap.offset(before, size=5, pad_id=0, eos_id=1)
    assert add_action_tokens(text, 5) == places
    assert add_action_tokens(text, 7).model_ids.tolist() == [*range(before, before + 7)]
    assert len(text) == before + 7
    assert text.encode("<action_0><action_6>", add_special_tokens=False) == [before, before + 6]


def test_added_tokens_survive_saving(text, tmp_path):
    places = add_action_tokens(text, 20)
    text.save_pretrained(tmp_path)
    from transformers import AutoTokenizer

    again = AutoTokenizer.from_pretrained(tmp_path)
    assert VocabularyMap.from_tokenizer(again, "added", size=20) == places


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch", reason="models of transformers need torch")


def tiny_model(torch, vocab_size, *, tied=False, kind="Llama"):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import transformers

    torch.manual_seed(0)
    config = getattr(transformers, f"{kind}Config")(
        vocab_size=vocab_size,
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        tie_word_embeddings=tied,
    )
    model = getattr(transformers, f"{kind}ForCausalLM")(config)
    with torch.no_grad():  # a spread and a mean of its own in each table
        model.get_input_embeddings().weight.mul_(3).add_(0.5)
        if not tied:
            model.get_output_embeddings().weight.mul_(7).sub_(0.25)
    return model


def tables_of(model):
    return [model.get_input_embeddings().weight.detach(), model.get_output_embeddings().weight.detach()]


@pytest.mark.filterwarnings("ignore")  # of transformers, about itself
@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("init", ["mean", "by_value"])
class TestRows:
    def test_new_rows_begin_like_the_others(self, torch, text, tied, init):
        old = len(text)
        model = tiny_model(torch, old, tied=tied)
        before = [table.clone() for table in tables_of(model)]
        places = add_action_tokens(text, SIZE)
        resize_embeddings(model, places, init=init)

        assert model.config.vocab_size == old + SIZE
        assert (model.get_input_embeddings().weight is model.get_output_embeddings().weight) == tied
        for table, known in zip(tables_of(model), before, strict=True):
            assert table.shape == (old + SIZE, 32)
            torch.testing.assert_close(table[:old], known)
            rows, mean, std = table[old:], known.mean(dim=0), known.std(dim=0)
            if init == "mean":
                torch.testing.assert_close(rows, mean.expand(SIZE, -1))
                continue
            spread = (rows - mean) / std
            assert 0.7 < spread.std() < 1.3
            cosine = torch.nn.functional.cosine_similarity(spread[:-1], spread[1:])
            assert cosine.min() > 0.99
            far = torch.nn.functional.cosine_similarity(spread[:-64], spread[64:])
            assert far.abs().mean() < 0.4

    def test_rows_that_were_there_are_set_anew(self, torch, tied, init):
        model = tiny_model(torch, 1000, tied=tied)
        before = [table.clone() for table in tables_of(model)]
        places = VocabularyMap.tail(900, size=SIZE)
        resize_embeddings(model, places, init=init)
        others = np.setdiff1d(np.arange(1000), places.model_ids)
        for table, known in zip(tables_of(model), before, strict=True):
            assert table.shape == known.shape  # the model is larger than its tokenizer, and stays so
            torch.testing.assert_close(table[others], known[others])
            assert (table[places.model_ids.copy()] != known[places.model_ids.copy()]).all(dim=1).all()
            if init == "mean":
                expected = known[others].mean(dim=0).expand(SIZE, -1)
                torch.testing.assert_close(table[places.model_ids.copy()], expected)


@pytest.mark.filterwarnings("ignore")
def test_the_order_of_the_curve_is_that_of_the_action_ids(torch):
    """Which in `tail` is the other way round in the model."""
    model = tiny_model(torch, 600)
    shuffled = np.random.default_rng(0).permutation(np.arange(100, 400))
    resize_embeddings(model, VocabularyMap.table(shuffled), init="by_value")
    table = model.get_input_embeddings().weight.detach()
    steps = (table[shuffled[1:]] - table[shuffled[:-1]]).norm(dim=1)
    in_the_model = (table[101:400] - table[100:399]).norm(dim=1)
    assert steps.max() < in_the_model.mean() / 4


@pytest.mark.filterwarnings("ignore")
def test_a_bias_begins_as_the_mean_and_half_precision_stays(torch):
    model = tiny_model(torch, 50, kind="Phi").bfloat16()
    with torch.no_grad():
        model.lm_head.bias.copy_(torch.arange(50))
    resize_embeddings(model, VocabularyMap.offset(50, size=4))
    assert model.lm_head.bias[50:].tolist() == [24.5] * 4
    assert {table.dtype for table in tables_of(model)} == {torch.bfloat16}
    generated = model.generate(torch.tensor([[1, 51]]), max_new_tokens=2, do_sample=False)
    assert generated.shape == (1, 4)


@pytest.mark.filterwarnings("ignore")
def test_special_ids_have_rows_too(torch):
    model = tiny_model(torch, 50)
    resize_embeddings(model, VocabularyMap.offset(10, size=4, mask_id=60))
    assert len(model.get_input_embeddings().weight) == 61


def test_init_is_checked():
    with pytest.raises(ValueError, match="'random': expected 'mean' or 'by_value'"):
        resize_embeddings(None, VocabularyMap.offset(0, size=4), init="random")
