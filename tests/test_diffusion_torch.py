"""Tensors: the reduction in torch is that of the core, and decoding takes and gives tensors."""

import numpy as np
import pytest
from diffusion_strategies import any_problems
from frameworks import import_or_skip
from hypothesis import given, settings
from hypothesis import strategies as st

from fast_tokenizer import LogitsError, _core, decode_masked
from fast_tokenizer.diffusion import reduction
from fast_tokenizer.diffusion.query import Query
from fast_tokenizer.diffusion.reduction import GRID
from fast_tokenizer.diffusion.torch_reduction import reduce_on_device

torch = import_or_skip("torch")
TYPES = {np.float16: torch.float16, np.float32: torch.float32, np.float64: torch.float64}


@st.composite
def questions(draw):
    """(logits [A, L, V], query, columns) with ties, banned ids and several temperatures."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    rows, length, width = (draw(st.integers(1, most)) for most in (3, 5, 40))
    logits = rng.normal(0, 3, (rows, length, width))
    if draw(st.booleans()):
        logits = np.round(logits)  # ties
    logits[rng.random(logits.shape) < draw(st.sampled_from([0.0, 0.5]))] = -np.inf
    columns = rng.permutation(width)[: draw(st.integers(1, width))] if draw(st.booleans()) else None
    ids = width if columns is None else len(columns)
    logits[..., 0 if columns is None else columns[0]] = 0.0
    shape = (rows, length)
    allowed = None
    if draw(st.booleans()):
        allowed = rng.random((2, ids)) < 0.5
        allowed[:, 0] = True
    query = Query(
        asked=rng.random(shape) < 0.8,
        kept=draw(st.sampled_from([None, rng.integers(-1, ids, shape)])),
        temperatures=rng.choice([0.0, 0.5, 1.0, 1e-9], rows),
        uniforms=rng.choice([0.0, 0.25, 1 - 2.0**-53, rng.random()], shape),
        allowed=allowed,
        allowed_rows=rng.integers(0, 2, shape),
    )
    return logits.astype(draw(st.sampled_from([*TYPES]))), query, columns


def in_core(logits, query, columns):
    wide = logits.astype(np.float32) if logits.dtype == np.float16 else logits
    ids, figures, failed = _core.reduce_logits(
        wide,
        query.asked,
        columns,
        query.allowed,
        query.allowed_rows,
        query.kept,
        query.temperatures,
        query.uniforms,
    )
    asked = query.asked
    assert not ids[~asked].any()
    assert not figures[:, ~asked].any()
    assert failed == next(iter(np.flatnonzero(asked & ~(figures[0] > 0))), -1)
    return ids[asked], figures[:, asked]


@settings(max_examples=300)
@given(questions())
def test_both_reductions_agree(question):
    logits, query, columns = question
    ids, figures = in_core(logits, query, columns)
    there = reduce_on_device(torch.from_numpy(logits), query, columns).numpy()
    assert there[1:4] == pytest.approx(figures[:3], rel=1e-9, abs=GRID)
    rows, positions = np.nonzero(query.asked)
    cold = query.temperatures[rows] == 0
    assert there[0, cold].tolist() == ids[cold].tolist()
    same = there[0] == ids
    known = same if query.kept is None else same | (query.kept[rows, positions] >= 0)
    assert there[4, known] == pytest.approx(figures[3, known], rel=1e-9, abs=GRID)
    for place in np.flatnonzero(~same):  # only where the uniform number is on the border between two ids
        cell = rows[place], positions[place]
        row = logits[cell].astype(np.float64)
        row = row if columns is None else row[columns]
        if query.allowed is not None:
            row = np.where(query.allowed[query.allowed_rows[cell]], row, -np.inf)
        cumulative = np.cumsum(np.exp((row - row.max()) / query.temperatures[rows[place]]))
        cumulative /= cumulative[-1]
        between = cumulative[int(min(there[0, place], ids[place]))]
        assert between == pytest.approx(query.uniforms[cell], abs=1e-9)


@pytest.mark.parametrize(("bad", "told"), [(np.nan, np.nan), (np.inf, np.nan), (-np.inf, 0.0)])
def test_what_cannot_be_reduced_is_told_alike(bad, told):
    logits = np.array([[[bad, bad], [0.0, bad]]])
    query = Query(
        asked=np.ones((1, 2), bool),
        kept=None,
        temperatures=None,
        uniforms=None,
        allowed=None,
        allowed_rows=None,
    )
    largest = reduce_on_device(torch.from_numpy(logits), query, None)[1].numpy()
    assert largest == pytest.approx(in_core(logits, query, None)[1][0], nan_ok=True)
    assert largest[0] == pytest.approx(told, nan_ok=True)


@given(any_problems)
def test_decoding_is_the_same_with_either_reduction(problem):
    model, canvas, options = problem
    here = decode_masked(model, canvas, **options)
    with pytest.MonkeyPatch.context() as patch:
        in_torch = reduction._reduce_there
        patch.setattr(reduction, "_reduce_here", lambda logits, *rest: in_torch(torch.from_numpy(logits), *rest))
        there = decode_masked(model, canvas, **options)
    assert there.ids.tolist() == here.ids.tolist()
    assert there.committed_round.tolist() == here.committed_round.tolist()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_tensors_in_and_out(dtype):
    wanted = torch.tensor([[1, 2, 0]])

    def logits_fn(ids, context):
        assert isinstance(ids, torch.Tensor)
        assert ids.dtype == torch.int64
        logits = torch.nn.functional.one_hot(wanted, 3).to(dtype).requires_grad_()
        return logits.expand(len(ids), 3, 3)

    canvas = torch.tensor([[3, 2, 3], [3, 3, 3]], dtype=torch.int32)
    result = decode_masked(logits_fn, canvas, mask_id=3, rounds=2)
    assert isinstance(result.ids, torch.Tensor)
    assert result.ids.tolist() == [[1, 2, 0], [1, 2, 0]]
    assert canvas.tolist() == [[3, 2, 3], [3, 3, 3]]
    with pytest.raises(LogitsError, match="row 0, position 0: a logit is NaN"):
        decode_masked(lambda ids, context: torch.full((2, 3, 3), torch.nan), canvas, mask_id=3)


def test_numpy_ids_and_logits_of_torch():
    result = decode_masked(lambda ids, context: torch.zeros(1, 2, 4), [[4, 4]], mask_id=4)
    assert isinstance(result.ids, np.ndarray)
    assert result.ids.tolist() == [[0, 0]]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@settings(max_examples=20)
@given(any_problems)
def test_on_a_gpu(problem):
    model, canvas, options = problem
    here = decode_masked(model, canvas, **options)
    there = decode_masked(
        lambda ids, context: torch.from_numpy(model(ids.cpu(), context)).cuda(),
        torch.tensor(canvas).cuda(),
        **options,
    )
    assert there.ids.device.type == "cuda"
    assert there.ids.tolist() == here.ids.tolist()
