"""Ids of a codec one after the other: the loss, what is drawn, what masks do, and chunks that do not decode."""

import copy

import numpy as np
import pytest
from frameworks import import_or_skip
from hypothesis import given
from hypothesis import strategies as st

torch = import_or_skip("torch")

from heads_under_test import ACTIONS, CODECS, CONDITION, C, D, H, make, near, seeded  # noqa: E402

from fast_tokenizer import DecodeError, DecodeStatus, EncodeError, FastCodec  # noqa: E402
from fast_tokenizer.codecs import BinningCodec  # noqa: E402
from fast_tokenizer.codecs.bins import uniform  # noqa: E402
from fast_tokenizer.errors import HeadError  # noqa: E402
from fast_tokenizer.heads import AutoregressiveTokensHead, Condition, TransformerTrunk  # noqa: E402
from fast_tokenizer.heads.action_tokens import hold_valid  # noqa: E402
from fast_tokenizer.vocabulary import ActionVocabulary  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")
ENDED = ("symbols", "bytes")


@pytest.fixture(params=CODECS)
def name(request):
    return request.param


@torch.no_grad()
def logits_after(head, row, ids):
    """What a pass over all ids so far says of the next one, `[V]`: nothing is kept between passes."""
    condition = Condition(CONDITION.tokens[row : row + 1])
    read = torch.tensor([[head.codec.vocabulary.size, *ids]])
    tokens = head.ids(read) + head.places[: len(ids) + 1]
    return head.out(head.trunk(tokens, head.trunk.remember(condition), causal=True))[0, -1]


def restated_losses(head, row, ids):
    """Minus the log-probability of each id, and of the end where there is one."""
    has_end = head.codec.length(H, D) is None
    wanted = [*ids, head.codec.vocabulary.size] if has_end else ids
    return [float(-logits_after(head, row, ids[:n]).log_softmax(dim=0)[one]) for n, one in enumerate(wanted)]


def test_the_loss_is_the_mean_over_ids(name):
    head = make(f"tokens, {name}")
    lists = head.codec.encode(ACTIONS).to_lists()
    losses = [loss for row, ids in enumerate(lists) for loss in restated_losses(head, row, ids)]
    assert len(losses) == sum(map(len, lists)) + 4 * (name in ENDED)
    assert near(head.loss(CONDITION, ACTIONS), np.mean(losses))


def test_masked_bins_do_not_count():
    head, mask = make("tokens, bins"), torch.rand(4, H, D, generator=seeded(3)) < 0.7
    filled = ACTIONS.masked_fill(~mask, 0.0)
    lists = head.codec.encode(filled).to_lists()
    losses = torch.tensor([restated_losses(head, row, ids) for row, ids in enumerate(lists)])
    assert near(head.loss(CONDITION, ACTIONS, mask), losses[mask.flatten(1)].mean())


@pytest.mark.parametrize("name", ["symbols", "bytes", "frequencies"])
def test_other_codecs_see_what_was_held(name):
    """The ids of the chunk in which masked entries are filled count; those of a row without any do not."""
    head, mask = make(f"tokens, {name}"), torch.ones(4, H, D, dtype=torch.bool)
    mask[0, 4:], mask[1, 2:4, 1], mask[2], mask[3, :2, 0], mask[3, :, 2] = False, False, False, False, False
    held = ACTIONS.clone()
    held[0, 4:], held[1, 2:4, 1], held[3, :2, 0], held[3, :, 2] = held[0, 3], held[1, 1, 1], held[3, 2, 0], 0.0
    losses = [
        loss
        for row in (0, 1, 3)
        for loss in restated_losses(head, row, head.codec.encode(held[row : row + 1]).to_lists()[0])
    ]
    assert near(head.loss(CONDITION, ACTIONS, mask), np.mean(losses))


@given(st.integers(1, 6), st.integers(1, 3), st.integers(0, 999))
def test_what_is_masked_holds_the_last_valid_value(horizon, action_dim, seed):
    rng = np.random.default_rng(seed)
    actions, valid = rng.normal(size=(2, horizon, action_dim)), rng.random((2, horizon, action_dim)) < 0.5
    expected = np.where(valid, actions, 0.0)
    for row, dimension in np.ndindex(2, action_dim):
        seen = np.flatnonzero(valid[row, :, dimension])
        for step in range(horizon if len(seen) else 0):
            before = seen[seen <= step]
            expected[row, step, dimension] = actions[row, before[-1] if len(before) else seen[0], dimension]
    filled = torch.tensor(actions).masked_fill(~torch.tensor(valid), 0.0)
    assert (hold_valid(filled, torch.tensor(valid)).numpy() == expected).all()


def test_the_likeliest_ids_are_those_of_whole_passes(name):
    """Keys and values are kept, and rows wait for each other: neither shows in what is written."""
    head = make(f"tokens, {name}")
    constraint = head.codec.constraint(H, D)
    actions, info = head.sample(CONDITION, temperature=0, return_info=True)
    assert near(actions, head.codec.decode(info.tokens, horizon=H, action_dim=D))
    for row, ids in enumerate(info.tokens):
        state = constraint.start()
        for place, one in enumerate(ids):
            allowed = torch.from_numpy(constraint.allowed_mask(state)[0, : head.codec.vocabulary.size])
            logits = logits_after(head, row, ids[:place])[: len(allowed)]
            assert logits.masked_fill(~allowed, -torch.inf).argmax() == one
            state = constraint.advance(state, [one])
        assert state.complete.all()


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_whatever_is_drawn_decodes(name, temperature):
    head = make(f"tokens, {name}")
    many = Condition(torch.randn(200, 1, C, generator=seeded(4)))
    actions, info = head.sample(many, generator=seeded(5), temperature=temperature, return_info=True)
    assert torch.equal(actions, head.sample(many, generator=seeded(5), temperature=temperature))
    assert info.is_valid.all()
    strict = head.codec.decode(info.tokens, horizon=H, action_dim=D)
    assert (actions.numpy() == strict.astype(np.float32)).all()
    assert len(np.unique(strict.round(6), axis=0)) > 190
    assert info.token_counts.tolist() == [len(ids) for ids in info.tokens]
    assert info.passes == max(info.token_counts) <= head.info().nfe
    assert (len(set(info.token_counts.tolist())) > 1) == (name in ENDED)


def test_ids_are_drawn_as_the_trunk_says():
    """The first bin of 20 000 chunks, at two temperatures."""
    head = make("tokens, bins")
    many = Condition(CONDITION.tokens[:1].expand(20_000, -1, -1))
    log_probs = logits_after(head, 0, [])
    short = AutoregressiveTokensHead(head.trunk, horizon=1, action_dim=1, codec=head.codec)
    short.load_state_dict(
        {key: value[:1] if key == "places" else value for key, value in head.state_dict().items()}
    )
    for temperature in (1.0, 0.5):
        drawn = short.bins.to_ids(short.sample(many, generator=seeded(6), temperature=temperature)).flatten()
        shares = drawn.bincount(minlength=len(log_probs)) / len(drawn)
        assert near(shares, (log_probs / temperature).softmax(dim=0), 0.01)


@pytest.mark.parametrize("name", ENDED)
def test_a_chunk_that_is_cut_off_is_told(name):
    many = Condition(torch.randn(50, 1, C, generator=seeded(4)))
    _, whole = make(f"tokens, {name}").sample(many, generator=seeded(5), return_info=True)
    most = int(whole.token_counts.median())
    torch.manual_seed(0)
    trunk = TransformerTrunk(C, width=16, layers=1, heads=2)
    head = AutoregressiveTokensHead(trunk, horizon=H, action_dim=D, codec=CODECS[name], max_length=most)
    actions, info = head.sample(many, generator=seeded(5), return_info=True)
    assert 0 < info.is_valid.sum() < 50
    assert info.passes == most
    assert (info.token_counts[~info.is_valid] == most).all()
    repaired, status = head.codec.decode_checked(info.tokens, horizon=H, action_dim=D)
    assert (actions.numpy() == repaired.astype(np.float32)).all()
    assert set(status.tolist()) == {DecodeStatus.OK, DecodeStatus.TOO_SHORT}
    first = int((~info.is_valid).nonzero()[0])
    with pytest.raises(DecodeError, match=f"sequence {first}: .* after {most} ids, which is max_length") as caught:
        head.sample(many, generator=seeded(5))
    error = caught.value
    assert (error.sequence, error.position, error.reason) == (first, most, DecodeStatus.TOO_SHORT)


def test_a_chunk_that_is_longer_than_what_is_learned_is_told():
    trunk = TransformerTrunk(C, width=16, layers=1, heads=2)
    lengths = CODECS["symbols"].encode(ACTIONS).lengths
    for most in (int(lengths.max()), int(lengths.max()) - 1):
        head = AutoregressiveTokensHead(trunk, horizon=H, action_dim=D, codec=CODECS["symbols"], max_length=most)
        if most == lengths.max():
            assert head.loss(CONDITION, ACTIONS).isfinite()
            continue
        with pytest.raises(HeadError, match=f"chunk {lengths.argmax()} has {most + 1} ids: more than max_length"):
            head.loss(CONDITION, ACTIONS)


def test_a_chunk_that_is_masked_throughout_is_not_encoded():
    """At rest it would be the longest: its coefficients take two bytes each, those of the other partly one."""
    codec = CODECS["bytes"]
    actions = torch.zeros(2, H, D).index_fill(0, torch.tensor(1), -3.0)
    resting, moving = codec.encode(actions).lengths
    assert moving < resting
    trunk = TransformerTrunk(C, width=16, layers=1, heads=2)
    head = AutoregressiveTokensHead(trunk, horizon=H, action_dim=D, codec=codec, max_length=int(moving))
    two, mask = Condition(CONDITION.tokens[:2]), torch.tensor([[False] * H, [True] * H])
    one = Condition(CONDITION.tokens[1:2])
    assert near(head.loss(two, actions, mask), head.loss(one, actions[1:]))


def test_actions_that_the_codec_cannot_write_are_told_by_their_row():
    codec = FastCodec(["a"], np.empty((0, 3)), scheme="bytes", scale=1, min_coefficient=-97)
    trunk = TransformerTrunk(C, width=16, layers=1, heads=2)
    head = AutoregressiveTokensHead(trunk, horizon=H, action_dim=D, codec=codec)
    actions, mask = torch.zeros(4, H, D), torch.ones(4, H, dtype=torch.bool)
    actions[3], mask[1] = 9.0, False
    with pytest.raises(EncodeError, match="chunk 3"):
        head.loss(CONDITION, actions, mask)


def test_no_rows_are_no_chunks(name):
    actions, info = make(f"tokens, {name}").sample(Condition(torch.zeros(0, 2, C)), return_info=True)
    assert actions.shape == (0, H, D)
    assert (info.passes, list(info.tokens), info.is_valid.tolist()) == (0, [], [])


def test_settings_are_checked_with_information_too():
    head = make("tokens, symbols")
    with pytest.raises(HeadError, match="temperature is -1"):
        head.sample(CONDITION, temperature=-1, return_info=True)
    with pytest.raises(HeadError, match="condition, row 0"):
        head.sample(Condition.of(torch.full((2, C), torch.nan)), return_info=True)


def test_a_copy_is_the_same_head(name):
    """As averaged weights are kept; the compiled constraint cannot be copied."""
    head = make(f"tokens, {name}")
    chunks = head.sample(CONDITION, generator=seeded())
    assert torch.equal(copy.deepcopy(head).sample(CONDITION, generator=seeded()), chunks)


def test_ids_beyond_the_bins_are_never_drawn():
    """A codec may have a larger vocabulary than ids that it reads."""
    codec = BinningCodec(uniform(-1, 1, count=4), vocabulary=ActionVocabulary(40))
    trunk = TransformerTrunk(C, width=16, layers=1, heads=2)
    head = AutoregressiveTokensHead(trunk, horizon=H, action_dim=D, codec=codec)
    _, info = head.sample(CONDITION, generator=seeded(), return_info=True)
    assert {one for ids in info.tokens for one in ids} == {0, 1, 2, 3}


# The first byte of a character, and none to go on with.
NO_CHARACTER = FastCodec(["Ã"], np.empty((0, 3)), scheme="bytes", scale=1, min_coefficient=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"codec": NO_CHARACTER}, r"FastCodec\(.* has no ids for chunks of \[3, 3\]: .*exactly 9 coefficients"),
        (
            {"codec": BinningCodec(uniform([-1, -1], [1, 1], count=8))},
            r"BinningCodec\(.* chunks of \[3, 3\]: action_dim is 3: expected 2",
        ),
        ({"max_length": 0}, r"max_length is 0: expected 1 to 9, or None, as chunks of \[3, 3\]"),
        ({"max_length": 10}, "max_length is 10: expected 1 to 9"),
        ({"codec": CODECS["bytes"], "max_length": 37}, "max_length is 37: expected 1 to 36"),
        ({"codec": CODECS["bins"], "max_length": 8}, "max_length is 8: expected 9 to 9"),
    ],
)
def test_a_codec_that_does_not_fit_is_told(change, message):
    trunk = TransformerTrunk(C, width=16, layers=1, heads=2)
    with pytest.raises(HeadError, match=message):
        AutoregressiveTokensHead(trunk, **{"horizon": 3, "action_dim": 3, "codec": CODECS["symbols"], **change})
