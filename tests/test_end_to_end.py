"""The parts of benchmarks/end_to_end.py: prompts as tensors, training that goes on, answers, episodes."""

from pathlib import Path

import numpy as np
import pytest

from fast_tokenizer.normalization import Normalizer

torch = pytest.importorskip("torch", reason="the model is one of torch: pip install 'fast_tokenizer[vla]'")
pytest.importorskip("transformers", reason="the model is one of transformers: pip install 'fast_tokenizer[vla]'")

HORIZON, DIM = 16, 4
INSTRUCTION = "press the button"


@pytest.fixture(scope="module", autouse=True)
def benchmarks():
    """The folder of the benchmarks is no package: they import each other by its place."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))
        yield


@pytest.fixture(scope="module")
def demonstrations(benchmarks):
    from vla.demonstrations import Demonstrations

    rng = np.random.default_rng(0)
    return Demonstrations(
        rng.integers(0, 256, (40, 64, 64, 3), np.uint8),
        rng.uniform(-0.3, 0.8, (40, 4)),
        np.clip(rng.normal(size=(40, HORIZON, DIM)).cumsum(axis=1) / 4, -1, 1),
    )


@pytest.fixture(scope="module", params=["symbols", "bytes", "frequency", "bins"])
def codec(request, demonstrations):
    from vla.codecs import CODECS

    return CODECS[request.param](demonstrations.chunks)


@pytest.fixture(scope="module")
def language(codec):
    from vla.language import Language

    return Language.of(INSTRUCTION, codec)


@pytest.fixture(scope="module")
def collator(language, demonstrations):
    from vla.collator import Collator
    from vla.model import IMAGE_TOKENS

    return Collator(language, INSTRUCTION, IMAGE_TOKENS, Normalizer.fit(demonstrations.states))


@pytest.fixture
def model(language):
    from vla.model import untrained_model

    return untrained_model(language, seed=0).eval()


@pytest.fixture
def batches(collator, demonstrations):
    def make(rows, rng=None):
        images, states, chunks = demonstrations.images, demonstrations.states, demonstrations.chunks
        return collator.training(images[rows], states[rows], chunks[rows], rng)

    return make


class FakeSimulator:
    """A task that is done when ten actions of the expert were taken; nothing else does it."""

    instruction = INSTRUCTION

    def reset(self, seed):
        self.seed, self.good, self.steps, self.success = seed, 0, 0, False

    def observe(self):
        from vla.simulator import Observation

        return Observation(np.full((64, 64, 3), self.seed % 256, np.uint8), np.array([0.1, 0.6, 0.2, 1.0]))

    def expert_action(self):
        return np.full(DIM, 0.5)

    def step(self, action):
        self.steps += 1
        self.good += np.allclose(action, 0.5)
        self.success = self.success or self.good >= 10


def test_a_training_batch_teaches_the_answer(codec, language, batches, demonstrations):
    from vla.model import IMAGE_TOKENS

    batch = {name: tensor.numpy() for name, tensor in batches(np.arange(5)).items()}
    expected = codec.encode(demonstrations.chunks[:5]).to_lists()
    for row, ids in enumerate(expected):
        taught = batch["labels"][row] != -100
        answer = [*language.vocabulary_map.to_model(ids), language.vocabulary_map.eos_id]
        assert batch["input_ids"][row][taught].tolist() == answer
        assert batch["labels"][row][taught].tolist() == answer
        np.testing.assert_array_equal(batch["token_type_ids"][row], taught)
    is_image = batch["input_ids"] == language.image_id
    assert is_image[:, :IMAGE_TOKENS].all()
    assert not is_image[:, IMAGE_TOKENS:].any()
    np.testing.assert_array_equal(batch["attention_mask"], batch["input_ids"] != language.vocabulary_map.pad_id)
    assert batch["pixel_values"].shape == (5, 3, 64, 64)
    assert -1 <= batch["pixel_values"].min() < batch["pixel_values"].max() <= 1


def test_states_are_blurred_for_training_and_nothing_else_is(batches):
    rows = np.arange(5)
    plain = batches(rows)
    blurred, again, other = (batches(rows, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert all(torch.equal(blurred[name], again[name]) for name in plain)
    assert not torch.equal(blurred["input_ids"], other["input_ids"])
    assert not torch.equal(blurred["input_ids"], plain["input_ids"])
    assert torch.equal(blurred["pixel_values"], plain["pixel_values"])
    answers = [batch["labels"][batch["labels"] != -100].tolist() for batch in (blurred, plain)]
    assert answers[0] == answers[1]


def test_a_prompt_to_go_on_from_is_that_of_training(collator, batches, demonstrations):
    rows = np.arange(8)
    taught = batches(rows)
    prompt = collator.generation(demonstrations.images[rows], demonstrations.states[rows])
    assert (prompt["attention_mask"][:, -1] == 1).all()
    for row in rows:
        before = (taught["attention_mask"][row] == 1) & (taught["labels"][row] == -100)
        assert (
            prompt["input_ids"][row][prompt["attention_mask"][row] == 1].tolist()
            == taught["input_ids"][row][before].tolist()
        )


def test_generation_sees_what_training_saw(model, collator, batches, demonstrations):
    """Padding on the left, and an answer that follows, change nothing for the first id of the answer."""
    rows = np.arange(6)
    taught = batches(rows)
    prompt = collator.generation(demonstrations.images[rows], demonstrations.states[rows])
    first = (taught["labels"] != -100).int().argmax(dim=1)
    with torch.inference_mode():
        before = model(**taught).logits[torch.arange(6), first - 1]
        after = model.generate(
            **prompt, max_new_tokens=1, do_sample=False, output_logits=True, return_dict_in_generate=True
        ).logits[0]
        blind = model(**{**taught, "pixel_values": -taught["pixel_values"]}).logits[torch.arange(6), first - 1]
    torch.testing.assert_close(after, before, rtol=0, atol=1e-4)
    assert (blind - before).abs().max() > 1e-2


def test_the_words_of_a_prompt_are_known(language):
    states = np.random.default_rng(1).uniform(-1, 1, (50, 4))
    tokens = language.builder.build([INSTRUCTION] * 50, states).tokens
    assert 3 not in tokens  # what SentencePiece does not know
    assert not language.vocabulary_map.is_action(tokens).any()


@pytest.mark.parametrize("codec", ["symbols"], indirect=True)
def test_interrupted_training_goes_on_where_it_was(codec, language, batches, tmp_path, monkeypatch):
    from vla import training
    from vla.model import untrained_model

    monkeypatch.setattr(training, "_STEPS_BETWEEN_CHECKPOINTS", 2)
    schedule = training.Schedule("symbols", steps=6, batch_size=4, seed=3)
    whole = untrained_model(language, seed=0)
    losses = training.train(whole, batches, 40, schedule, tmp_path / "whole.pt")
    assert len(losses) == 6

    calls = 0

    def interrupted(rows, rng):
        nonlocal calls
        calls += 1
        if calls == 4:
            raise KeyboardInterrupt
        return batches(rows, rng)

    with pytest.raises(KeyboardInterrupt):
        training.train(untrained_model(language, seed=0), interrupted, 40, schedule, tmp_path / "part.pt")
    other = untrained_model(language, seed=1)  # what it starts with does not matter
    calls = 100
    assert training.train(other, interrupted, 40, schedule, tmp_path / "part.pt") == losses
    assert calls == 104  # two of six steps were done
    for ours, theirs in zip(whole.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["part.pt", "whole.pt"]

    longer = training.Schedule("symbols", steps=7, batch_size=4, seed=3)
    with pytest.raises(SystemExit, match="steps=6 instead of 7: delete it"):
        training.train(other, batches, 40, longer, tmp_path / "part.pt")


@pytest.mark.parametrize("codec", ["symbols"], indirect=True)
def test_the_loss_falls(codec, model, batches, tmp_path):
    from vla.training import Schedule, train

    losses = train(model, batches, 8, Schedule("symbols", steps=25, batch_size=8, seed=0), tmp_path / "model.pt")
    assert np.mean(losses[-5:]) < np.mean(losses[:5]) - 0.5
    assert not model.training


@pytest.mark.parametrize("constrained", [True, False])
def test_answers_are_actions_where_they_are_constrained(codec, language, collator, model, constrained):
    from vla.policy import Policy

    policy = Policy(model, collator, language, codec.constraint(HORIZON, DIM), constrained)
    simulator = FakeSimulator()
    simulator.reset(9)
    answers = policy.act([simulator.observe()] * 2)
    assert answers.chunks.shape == (2, HORIZON, DIM)
    assert answers.tokens.min() > 0
    assert answers.valid.all() == constrained  # a model that has learned nothing writes no action by itself
    assert answers.chunks.any() == constrained


class FakePolicy:
    """Does as the expert where the seed is even; some answers of the others are invalid."""

    def act(self, observations):
        from vla.policy import Answers

        even = np.array([int(one.image[0, 0, 0]) % 2 == 0 for one in observations])
        chunks = np.where(even[:, None, None], 0.5, 0.0) * np.ones((1, HORIZON, DIM))
        return Answers(chunks, even, np.full(len(observations), 12))


def test_episodes_are_scored():
    from vla.evaluation import Trial, evaluate, evaluate_expert

    trial = Trial(range(100, 105), max_steps=20, executed=8)
    robots = [FakeSimulator(), FakeSimulator()]
    score = evaluate("fake", FakePolicy(), trial, robots)
    assert score.success == pytest.approx(3 / 5)  # the seeds 100, 102, 104
    # Two answers for each of the three that succeed after ten steps, three for the two that go on to the end.
    assert score.invalid == pytest.approx(6 / 12)
    assert score.tokens == 12
    assert evaluate_expert(trial, robots[0]) == 1
    assert evaluate_expert(Trial(range(3), max_steps=9, executed=8), robots[0]) == 0


def test_a_failed_episode_takes_no_more_than_its_steps():
    from vla.evaluation import Trial, evaluate

    class Idle(FakePolicy):
        def act(self, observations):
            robot_steps.append(robot.steps)
            return super().act(observations)

    robot, robot_steps = FakeSimulator(), []
    evaluate("fake", Idle(), Trial([1], max_steps=20, executed=8), [robot])
    assert robot_steps[:3] == [0, 8, 16]
    robot.reset(1)


def test_demonstrations_are_kept(tmp_path):
    from vla.demonstrations import Recording, load_or_record

    recording = Recording("fake", episodes=3, horizon=HORIZON, stride=2)
    first = load_or_record(tmp_path / "fake.npz", recording, FakeSimulator())
    assert len(first.images) == len(first.states) == len(first)
    assert first.chunks.shape[1:] == (HORIZON, DIM)
    # Ten steps to the success and a chunk after it: six windows at every second step of each episode.
    assert (first.chunks == 0.5).all()
    assert len(first) == 18
    again = load_or_record(tmp_path / "fake.npz", recording, None)  # needs no simulator
    np.testing.assert_array_equal(again.images, first.images)
    other = Recording("fake", episodes=4, horizon=HORIZON, stride=2)
    with pytest.raises(SystemExit, match="episodes=3 instead of 4"):
        load_or_record(tmp_path / "fake.npz", other, None)


def test_a_file_is_there_as_a_whole_or_not_at_all(tmp_path):
    from vla.files import write_beside

    file = tmp_path / "model.pt"
    write_beside(file, lambda path: path.write_text("whole"))

    def fail(path):
        path.write_text("ha")
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        write_beside(file, fail)
    assert file.read_text() == "whole"
    write_beside(file, lambda path: path.write_text("new"))
    assert [path.name for path in tmp_path.iterdir()] == ["model.pt"]
    assert file.read_text() == "new"


def test_the_expert_of_the_simulator_does_the_task():
    pytest.importorskip("metaworld", reason="the robot is one of Meta-World: pip install 'fast_tokenizer[vla]'")
    from vla.simulator import IMAGE_SIZE, Simulator

    simulator = Simulator("button-press-topdown-v3")
    simulator.reset(1)
    start = simulator.observe()
    assert start.image.shape == (IMAGE_SIZE, IMAGE_SIZE, 3)
    for _ in range(100):
        simulator.step(simulator.expert_action())
    end = simulator.observe()
    assert simulator.success
    assert (start.image != end.image).any()
    assert end.state[2] < start.state[2]  # the hand went down
    simulator.reset(2)
    other = simulator.observe()
    assert not simulator.success
    assert (start.image != other.image).any()  # the button is elsewhere
    simulator.reset(1)
    np.testing.assert_array_equal(simulator.observe().image, start.image)
    neighbour = Simulator("button-press-topdown-v3", camera_of=simulator)
    neighbour.reset(2)
    np.testing.assert_array_equal(neighbour.observe().image, other.image)
    np.testing.assert_array_equal(simulator.observe().image, start.image)
    for one in (simulator, neighbour):
        one.close()
