"""Constraints inside `generate()`: whatever the model is like, every row is an action, and ends with it."""

import numpy as np
import pytest

from fast_tokenizer import FastTokenizer
from fast_tokenizer.vocabulary_map import VocabularyMap

torch = pytest.importorskip("torch", reason="generate() needs torch")
transformers = pytest.importorskip("transformers", reason="generate() is that of transformers")
# Both are needed to import it.
from fast_tokenizer.hf.generation import ActionLogitsProcessor, ActionStoppingCriteria  # noqa: E402

MODEL_SIZE = 900
SHAPE = 5, 3


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=MODEL_SIZE,
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=512,
    )
    model = transformers.LlamaForCausalLM(config).eval()
    with torch.no_grad():
        model.lm_head.weight.mul_(30)  # so that it has opinions
    return model


def maps(size):
    return {
        "tail": VocabularyMap.tail(MODEL_SIZE, size=size, skip=20, pad_id=0, eos_id=1),
        "no special ids": VocabularyMap.offset(100, size=size),
    }


def generate(model, constraint, places, **options):
    prompts = torch.tensor([[0, 0, 5, 9], [7, 2, 8, 4], [0, 3, 3, 6]])
    arguments = constraint, places, prompts.shape[1]
    with torch.no_grad():
        output = model.generate(
            prompts,
            attention_mask=(prompts != 0).long(),
            max_new_tokens=4 * constraint.length + 1,
            pad_token_id=0,
            eos_token_id=1,
            logits_processor=[ActionLogitsProcessor(*arguments)],
            stopping_criteria=[ActionStoppingCriteria(*arguments)],
            **options,
        )
    return output[:, prompts.shape[1] :].numpy()


def action_ids(rows, places):
    return [places.to_action([one for one in row if places.is_action(one)]).tolist() for row in rows]


@pytest.mark.parametrize("name", ["tail", "no special ids"])
@pytest.mark.parametrize("scheme", ["bytes", "symbols"])
@pytest.mark.parametrize(
    "options",
    [
        {"do_sample": False},
        {"do_sample": True, "temperature": 3.0},
        {"do_sample": False, "num_beams": 3},
        {"do_sample": True, "num_beams": 2, "num_return_sequences": 2},
        {"do_sample": True, "top_k": 5},
    ],
    ids=lambda options: ",".join(f"{key}={value}" for key, value in options.items()),
)
def test_every_row_is_an_action(model, scheme, name, options, request):
    tokenizer = request.getfixturevalue(f"{scheme}_tokenizer")
    places = maps(tokenizer.vocab_size)[name]
    torch.manual_seed(1)
    rows = generate(model, tokenizer.codec.constraint(*SHAPE), places, **options)
    assert len(rows) == 3 * options.get("num_return_sequences", 1)
    tokens = action_ids(rows, places)
    actions = tokenizer.decode(tokens, time_horizon=SHAPE[0], action_dim=SHAPE[1])  # strict
    assert actions.shape == (len(rows), *SHAPE)
    # Nothing but padding and the end token stands behind the action.
    for row, ids in zip(rows, tokens, strict=True):
        assert places.is_action(row[: len(ids)]).all()
        assert set(row[len(ids) :].tolist()) <= {0, 1}


def test_without_a_constraint_such_a_model_writes_no_action(model, symbols_tokenizer):
    prompts = torch.tensor([[7, 2, 8, 4]])
    rows = model.generate(prompts, attention_mask=prompts * 0 + 1, max_new_tokens=40, pad_token_id=0)[:, 4:]
    tokens = action_ids(rows.numpy(), maps(symbols_tokenizer.vocab_size)["tail"])
    status = symbols_tokenizer.decode_checked(tokens, time_horizon=SHAPE[0], action_dim=SHAPE[1])[1]
    assert status[0] != 0


def test_allowed_scores_are_kept_and_others_are_gone(symbols_tokenizer, motions):
    size = symbols_tokenizer.vocab_size
    places = maps(size)["tail"]
    constraint = symbols_tokenizer.codec.constraint(20, 7)
    lists = symbols_tokenizer(motions[:2])
    ids = torch.tensor([[9, *places.to_model(row[:3])] for row in lists])
    scores = torch.randn(2, MODEL_SIZE)
    constrained = ActionLogitsProcessor(constraint, places, 1)(ids, scores)
    mask = constraint.allowed_mask(constraint.progress([row[:3] for row in lists]))
    allowed = np.zeros((2, MODEL_SIZE), bool)
    allowed[:, places.model_ids] = mask[:, :size]
    np.testing.assert_array_equal(np.isfinite(constrained.numpy()), allowed)
    np.testing.assert_array_equal(constrained.numpy()[allowed], scores.numpy()[allowed])


def test_embeddings_only_have_no_prompt_ids(symbols_tokenizer):
    places = maps(symbols_tokenizer.vocab_size)["tail"]
    constraint = symbols_tokenizer.codec.constraint(20, 7)
    processor = ActionLogitsProcessor(constraint, places, 0)
    first = processor(torch.zeros((2, 0), dtype=torch.long), torch.zeros(2, MODEL_SIZE))
    assert torch.isfinite(first).sum() == constraint.allowed_mask(constraint.start(2)).sum()


def test_a_model_that_is_too_small_is_refused(symbols_tokenizer: FastTokenizer):
    places = maps(symbols_tokenizer.vocab_size)["tail"]
    processor = ActionLogitsProcessor(symbols_tokenizer.codec.constraint(1, 1), places, 0)
    with pytest.raises(ValueError, match="scores 500 ids, and actions go up to id 879"):
        processor(torch.zeros((1, 0), dtype=torch.long), torch.zeros(1, 500))
