"""The worked example of masked diffusion: its task, its model, and a run of few steps."""

from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"

torch = pytest.importorskip("torch", reason="needs torch")


@pytest.fixture(autouse=True)
def _benchmarks(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))


@pytest.fixture
def data():
    from two_modes.task import draw

    return draw(400, np.random.default_rng(0))


def test_both_ways_are_valid_and_what_lies_between_is_not(data):
    from two_modes.task import judge, path

    goals, chunks = data
    verdict = judge(chunks, goals)
    assert verdict.valid == 1
    assert 0.4 < verdict.balance < 0.6
    sides = np.ones(len(goals))
    assert judge(path(goals, sides), goals).right.all()
    assert judge(path(goals, -sides), goals).left.all()
    assert judge(path(goals, 0 * sides), goals).valid == 0
    mixed = path(goals, sides)
    mixed[:, :, 5] *= -1  # turned to the other side
    assert judge(mixed, goals).valid == 0
    assert np.isnan(judge(mixed, goals).balance)


def test_codecs_bring_back_valid_chunks_and_bins_have_56_ids(data):
    from two_modes.codecs import represent
    from two_modes.task import judge

    goals, chunks = data
    representations = represent(chunks)
    assert representations["bins"].length == 56
    for one in representations.values():
        canvases = one.canvases(chunks)
        assert canvases.shape == (400, one.length)
        assert canvases.max() < one.outputs
        assert judge(np.asarray(one.codec.decode(canvases, horizon=8, action_dim=7)), goals).valid == 1


def test_what_is_generated_with_kept_keys_is_what_the_causal_model_says():
    from two_modes.transformer import ChunkTransformer

    torch.manual_seed(0)
    model = ChunkTransformer(6, 4, 5, 2, causal=True).eval()
    with torch.no_grad():
        model.head[1].weight *= 50  # so that draws are all but certain
    goals = torch.randn(3, 2)
    ids = model.generate(goals, torch.Generator().manual_seed(0))
    chances = model(ids, goals).softmax(2)
    assert (chances.argmax(2) == ids).float().mean() > 0.9
    assert (chances.gather(2, ids[..., None]) > 0.01).all()
    others = ids.clone()
    others[:, 3:] = 0
    assert torch.allclose(model(others, goals)[:, :4], model(ids, goals)[:, :4])


@pytest.mark.parametrize("name", ["bins", "frequencies", "FAST"])
def test_a_model_is_trained_a_little_and_decoded(name, data, tmp_path, capsys):
    from two_modes.codecs import represent
    from two_modes.decoding import SETTINGS, decode
    from two_modes.training import train

    goals, chunks = data
    one = represent(chunks)[name]
    model = train(
        name,
        torch.tensor(one.canvases(chunks)),
        torch.tensor(goals, dtype=torch.float32),
        one.codec.vocabulary,
        outputs=one.outputs,
        causal=False,
        steps=8,
        seed=0,
    )
    first, last = (float(word) for word in capsys.readouterr().out.replace(",", "").split() if word[0].isdigit())
    assert last < first
    for setting in SETTINGS:
        outcome = decode(model, one, goals[:3], setting)
        assert outcome.decoded == 1
        assert outcome.chunks.shape == (3, 8, 7)
        assert outcome.nfe <= 56


def test_pictures_and_rounds(data, tmp_path, capsys):
    pytest.importorskip("matplotlib", reason="needs matplotlib")
    from two_modes.codecs import represent
    from two_modes.decoding import decode
    from two_modes.picture import committed, print_rounds, save_picture
    from two_modes.task import GOAL_DIM
    from two_modes.transformer import ChunkTransformer

    goals, chunks = data
    one = represent(chunks)["bins"]
    model = ChunkTransformer(one.codec.vocabulary.mask_id + 1, one.outputs, one.length, GOAL_DIM, causal=False)
    outcome = decode(model, one, goals[:5], "random, re-mask below", trace=True)
    rounds, certainty = committed(outcome)
    assert rounds.shape == certainty.shape == (56,)
    assert (certainty > 0).all()
    save_picture(tmp_path / "picture.png", {"random": outcome}, 7)
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")
    print_rounds(outcome, 3)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 + outcome.nfe
    assert "?" in lines[2]
    assert lines[-1].split()[2:] == [str(one) for one in outcome.result.ids[0, 21:28].tolist()]
