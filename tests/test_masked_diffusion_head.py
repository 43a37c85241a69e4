"""The masked diffusion head over every kind of codec."""

import numpy as np
import pytest
from frameworks import import_or_skip

torch = import_or_skip("torch")

from heads_under_test import ACTIONS, BINS, CODECS, CONDITION, C, D, H, make, seeded  # noqa: E402

from fast_tokenizer import ActionVocabulary  # noqa: E402
from fast_tokenizer.codecs import BinningCodec  # noqa: E402
from fast_tokenizer.codecs.bins import quantiles  # noqa: E402
from fast_tokenizer.errors import FastTokenizerError, HeadError  # noqa: E402
from fast_tokenizer.heads import Condition, MaskedDiffusionHead, TransformerTrunk  # noqa: E402
from fast_tokenizer.heads.action_tokens import encode  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")


def head_over(codec, **options):
    torch.manual_seed(0)
    trunk = TransformerTrunk(C, width=16, layers=1, heads=2)
    return MaskedDiffusionHead(trunk, horizon=H, action_dim=D, codec=codec, **options)


@pytest.mark.parametrize("order", ["random", "left_to_right"])
@pytest.mark.parametrize("name", ["bins", "frequencies", "symbols"])
def test_a_trunk_that_knows_the_chunk_gives_it(name, order, monkeypatch):
    head, codec = make(f"masked diffusion, {name}"), CODECS[name]
    head.order = order
    for chunk in np.random.default_rng(0).normal(size=(5, H, D)):
        ids, _ = codec.encode(chunk[None]).padded(max_length=head.length)
        told = 9.0 * torch.nn.functional.one_hot(torch.from_numpy(ids).long(), head.count).float()
        monkeypatch.setattr(head, "_logits", lambda ids, memory, told=told: told.expand(len(ids), -1, -1))
        found = head.sample(CONDITION, generator=seeded(), temperature=0.0)
        expected = codec.decode(codec.encode(chunk[None]), horizon=H, action_dim=D)
        assert np.allclose(found.numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("name", ["bins", "frequencies", "symbols"])
def test_an_untrained_head_gives_what_the_codec_can_write(name):
    """At any temperature: encoding a sample and decoding that gives the sample."""
    head, codec = make(f"masked diffusion, {name}"), CODECS[name]
    many = Condition.of(torch.randn(40, C, generator=seeded(5)))
    for temperature in (0.0, 1.0, 5.0):
        sample = head.sample(many, generator=seeded(6), temperature=temperature).double().numpy()
        assert np.abs(sample).max() > 0.1
        again = codec.decode(codec.encode(sample), horizon=H, action_dim=D)
        assert np.abs(again - sample).max() < 1e-4 * np.abs(sample).max()


def test_ids_that_no_bin_has_are_never_drawn():
    shared = BinningCodec(BINS, vocabulary=ActionVocabulary(4 * BINS.count))
    head = head_over(shared)
    with torch.no_grad():
        head.out.bias[BINS.count :] += 50
    sample = head.sample(CONDITION, generator=seeded(1))
    assert set(sample.flatten().tolist()) <= set(np.float32(BINS.values[0]).tolist())


def test_padding_is_learned_and_the_whole_canvas_counts(monkeypatch):
    head, canvases = make("masked diffusion, symbols"), []
    monkeypatch.setattr(
        head, "_logits", lambda ids, memory: canvases.append(ids) or torch.zeros(*ids.shape, head.count)
    )
    codec = CODECS["symbols"]
    loss = head.loss(CONDITION, ACTIONS, generator=seeded(2))
    assert float(loss) == pytest.approx(np.log(codec.vocabulary.size + 1), rel=1e-6)
    (seen,) = canvases
    ids, counted = encode(
        codec, ACTIONS, torch.ones_like(ACTIONS, dtype=torch.bool), most=head.length, name="length"
    )
    wanted = torch.full((len(ACTIONS), head.length), codec.vocabulary.pad_id)
    written = torch.where(counted, ids, codec.vocabulary.pad_id)[:, : head.length]
    wanted[:, : written.shape[1]] = written
    is_masked = seen == codec.vocabulary.mask_id
    assert is_masked.any(dim=1).all()
    assert (seen[~is_masked] == wanted[~is_masked]).all()


@pytest.mark.parametrize(
    ("codec", "length", "message"),
    [
        ("bins", 7, f"length is 7: expected {H * D}, or None"),
        ("symbols", None, "length is None: expected how many ids a canvas has, as chunks differ"),
        ("symbols", 0, "'length': got 0, expected 1 or more"),
        ("symbols", 7.5, "'length': got 7.5, expected an integer"),
        ("symbols", 1, "length: 1 ids of this vocabulary cannot hold"),
        ("bytes", 40, "writes parts of coefficients, which no canvas may hold: expected scheme 'symbols'"),
    ],
)
def test_lengths_and_codecs_that_do_not_fit_are_named(codec, length, message):
    with pytest.raises(FastTokenizerError, match=message):
        head_over(CODECS[codec], length=length)


def test_a_codec_of_other_dimensions_is_named():
    codec = BinningCodec(quantiles(np.random.default_rng(0).normal(size=(50, D)), count=16))
    with pytest.raises(HeadError, match=rf"has no ids for chunks of \[{H}, {D + 1}\]"):
        MaskedDiffusionHead(
            TransformerTrunk(C, width=16, layers=1, heads=2), horizon=H, action_dim=D + 1, codec=codec
        )


def test_a_chunk_that_the_canvas_does_not_hold_is_named():
    codec = CODECS["symbols"]
    least = next(n for n in range(1, H * D + 1) if canvas_is_possible(codec, n))
    head = head_over(codec, length=least)
    rough = torch.tensor(np.random.default_rng(0).normal(size=(4, H, D)), dtype=torch.float32)
    with pytest.raises(HeadError, match=rf"chunk \d has \d+ ids: more than length {least}"):
        head.loss(CONDITION, rough)
    assert head.sample(CONDITION, generator=seeded()).isfinite().all()  # the constraint finds some that fit


def canvas_is_possible(codec, length):
    try:
        codec.canvas_constraint(H, D, length)
    except ValueError:
        return False
    return True
