"""With PyTorch: tensors in every float type, tensors out, and the workers of a DataLoader."""

import multiprocessing

import numpy as np
import pytest
from frameworks import import_or_skip

from fast_tokenizer.actions import as_chunks

transformers = import_or_skip("transformers")
torch = import_or_skip("torch")

from fast_tokenizer.hf import FastActionProcessor, FastActionTokenizer  # noqa: E402

# What torch and transformers warn of is not the matter here.
pytestmark = pytest.mark.filterwarnings("ignore")

FLOATS = ["float64", "float32", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2"]


@pytest.fixture(scope="module")
def wrapped(tokenizer):
    return FastActionTokenizer(fast_tokenizer=tokenizer)


@pytest.fixture(scope="module")
def processor(tokenizer):
    return FastActionProcessor(tokenizer)


@pytest.mark.parametrize("wants_gradient", [False, True])
@pytest.mark.parametrize("dtype", FLOATS)
def test_tensors_of_every_float_type(processor, tokenizer, motions, dtype, wants_gradient):
    tensor = torch.tensor(motions).to(getattr(torch, dtype)).requires_grad_(wants_gradient)
    values = tensor.detach().double() if dtype == "float64" else tensor.detach().float()
    expected = tokenizer(values.numpy())
    assert processor(tensor) == tokenizer(tensor) == expected
    assert tokenizer(list(tensor)) == expected
    assert tokenizer([tensor[0, :9], tensor[1]])[1] == expected[1]


def test_whole_numbers(tokenizer, motions):
    for dtype in (torch.int64, torch.uint8, torch.bool):
        tensor = torch.tensor(motions).to(dtype)
        assert tokenizer(tensor) == tokenizer(tensor.numpy().astype("f8"))


def test_a_tensor_is_not_copied(motions):
    tensor = torch.tensor(motions)
    assert np.shares_memory(as_chunks(tensor), tensor.numpy())
    assert as_chunks(tensor.transpose(0, 1)).shape == (20, 150, 7)


@pytest.mark.parametrize("side", ["left", "right"])
def test_tensors_out(processor, tokenizer, motions, side):
    encoding = processor(torch.tensor(motions), padding=True, padding_side=side, return_tensors="pt")
    ids, mask = tokenizer.encode(motions).padded(side)
    assert encoding["input_ids"].dtype == torch.int64
    np.testing.assert_array_equal(encoding["input_ids"].numpy(), ids)
    np.testing.assert_array_equal(encoding["attention_mask"].numpy(), mask)
    decoded = processor.decode(encoding["input_ids"], time_horizon=20, action_dim=7)
    np.testing.assert_array_equal(decoded, tokenizer.decode(tokenizer(motions)))


def test_text_of_a_tensor(processor, tokenizer, motions):
    ids = tokenizer(motions)[0]
    assert processor.bpe_tokenizer.decode(torch.tensor(ids)) == processor.bpe_tokenizer.decode(ids)


def test_a_collator(wrapped, tokenizer, motions):
    rows = [{"input_ids": ids} for ids in tokenizer(motions[:5])]
    batch = transformers.DataCollatorWithPadding(wrapped)(rows)
    np.testing.assert_array_equal(batch["input_ids"].numpy(), tokenizer.encode(motions[:5]).padded()[0])


class Chunks(torch.utils.data.Dataset):
    """Chunks, encoded where they are fetched: in a worker."""

    def __init__(self, processor, chunks):
        self.processor = processor
        self.chunks = chunks

    def __len__(self):
        return len(self.chunks)

    def __getitem__(self, place):
        return self.processor(self.chunks[place])[0]


@pytest.mark.parametrize("start", multiprocessing.get_all_start_methods())
def test_workers(symbols_tokenizer, motions, start):
    processor = FastActionProcessor(symbols_tokenizer)
    processor(motions[:2])  # used before the workers begin, so that threads and buffers are there
    loader = torch.utils.data.DataLoader(
        Chunks(processor, motions[:24]),
        batch_size=8,
        num_workers=2,
        multiprocessing_context=start,
        collate_fn=list,
    )
    assert [ids for batch in loader for ids in batch] == symbols_tokenizer(motions[:24])
