"""The report: its figures against their definitions, and the page in a browser."""

import html.parser
import json
import re
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest

from fast_tokenizer import BinningCodec, FastTokenizer, FastTokenizerError
from fast_tokenizer.chunking import Chunking
from fast_tokenizer.codecs.bins import uniform
from fast_tokenizer.dataset_training import TrainingSettings, read_training_record, train
from fast_tokenizer.datasets import Episode, open_episodes
from fast_tokenizer.motions import generate_episodes
from fast_tokenizer.normalization import Normalizer
from fast_tokenizer.report import ChunkSet, as_page, draw_figures, make_report, read_chunk_sets, save_page
from fast_tokenizer.report.page import page_data

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
CHUNKING = Chunking(horizon=20, stride=5)


@pytest.fixture(scope="module")
def motions():
    return [one * [1, 200, 1] + [0, 5000, 0] for one in generate_episodes(10, action_dim=3, seconds=3.0, seed=1)]


@pytest.fixture(scope="module")
def trained(motions, tmp_path_factory):
    directory = tmp_path_factory.mktemp("report") / "arm"
    train(open_episodes(motions), TrainingSettings(CHUNKING)).save(directory)
    return directory


@pytest.fixture(scope="module")
def report(motions, trained):
    record = read_training_record(trained)
    sets = read_chunk_sets(open_episodes(motions), record.chunking, record)
    tokenizer = FastTokenizer.from_pretrained(trained)
    return make_report(tokenizer, sets, name="<arm> & </script>", dimensions=["x", "y", "gripper"])


def test_the_sets_are_those_of_the_training(motions, trained, report):
    record = read_training_record(trained)
    assert [one.label for one in report.sets] == ["held out", "trained on"]
    held_out = [motions[place] for place in sorted(record.held_out)]
    assert report.sets[0].chunks.tolist() == CHUNKING.cut(held_out).tolist()
    assert report.sets[1].of == record.content["chunks"]["count"]


def test_episodes_of_the_same_name_are_told_apart(motions, tmp_path):
    named_alike = replace(open_episodes(motions), read=lambda: (Episode("demo_0", one) for one in motions))
    train(named_alike, TrainingSettings(CHUNKING)).save(tmp_path / "arm")
    record = read_training_record(tmp_path / "arm")
    held_out, trained_on = read_chunk_sets(named_alike, CHUNKING, record)
    expected = CHUNKING.cut([motions[place] for place in sorted(record.held_out)])
    np.testing.assert_array_equal(held_out.chunks, expected)
    assert trained_on.of == record.content["chunks"]["count"]


def test_a_dataset_that_was_not_trained_on_is_told(motions, trained):
    record = read_training_record(trained)
    (other,) = read_chunk_sets(open_episodes(motions[1:]), CHUNKING, record)
    assert other.label == "another dataset than the one trained on"
    (unknown,) = read_chunk_sets(open_episodes(motions), CHUNKING)
    assert unknown.label == "all episodes"
    with pytest.raises(FastTokenizerError, match="no chunk of 500 steps"):
        read_chunk_sets(open_episodes(motions), Chunking(horizon=500))


def test_a_draw_is_some_of_the_chunks_and_always_the_same(motions):
    whole = CHUNKING.cut(motions)
    (some,) = read_chunk_sets(open_episodes(motions), CHUNKING, limit=9, seed=3)
    assert (some.of, len(some.chunks)) == (len(whole), 9)
    places = [next(i for i, chunk in enumerate(whole) if (chunk == one).all()) for one in some.chunks]
    assert places == sorted(set(places))
    (again,) = read_chunk_sets(open_episodes(motions), CHUNKING, limit=9, seed=3)
    assert (again.chunks == some.chunks).all()


def test_figures_are_what_they_say(trained, report):
    tokenizer = FastTokenizer.from_pretrained(trained)
    chunks = report.sets[0].chunks
    tokens = tokenizer(chunks)
    errors = tokenizer.decode(tokens) - chunks
    relative = np.sqrt(((errors / report.normalizer.gain) ** 2).mean(axis=(1, 2)))
    data = page_data(report)
    main = data["sets"][0]
    assert main["chunks"] == len(chunks)
    assert main["max"] == max(map(len, tokens))
    assert main["mean"] == pytest.approx(np.mean([len(one) for one in tokens]), rel=1e-4)
    assert main["rmse"] == pytest.approx(np.sqrt((relative**2).mean()), rel=1e-4)
    assert main["worst"] == pytest.approx(relative.max(), rel=1e-4)
    assert data["errorByStep"][4][1] == pytest.approx(np.sqrt((errors[:, 4, 1] ** 2).mean()), rel=1e-4)
    assert data["largestByDimension"][1] == pytest.approx(np.abs(errors[..., 1]).max(), rel=1e-4)
    written = np.concatenate([*tokens, *tokenizer(report.sets[1].chunks)])
    assert sum(data["usage"]) == len(written)
    assert data["usage"].count(0) == tokenizer.vocab_size - len(set(written.tolist()))
    normalized = report.normalizer.normalize(chunks)
    assert data["spectrum"][0][2] == pytest.approx(
        np.sqrt(20 * (normalized.mean(axis=1)[:, 2] ** 2).mean()), rel=1e-4
    )
    samples = {sample["label"]: sample for sample in data["samples"]}
    assert samples["worst"]["error"] == main["worst"]
    assert len(samples["most tokens"]["ids"]) == main["max"]
    for sample in samples.values():
        assert sum(sample["values"]) == 20 * 3
        decoded = tokenizer.decode([sample["ids"]])[0].T
        assert np.array(sample["decoded"]) == pytest.approx(decoded, rel=1e-4)


def test_others_are_tried_on_the_same_chunks(report):
    data = page_data(report)
    ours, bins = data["compared"]
    assert ours["rmse"] == data["sets"][0]["rmse"]
    assert (bins["name"], bins["tokens"]) == ("256 uniform bins", 60)
    codec = BinningCodec(uniform(-1, 1))
    normalized = report.normalizer.normalize(report.sets[0].chunks)
    errors = codec.decode(codec.encode(normalized), horizon=20, action_dim=3) - normalized
    assert bins["rmse"] == pytest.approx(np.sqrt((errors**2).mean()), rel=1e-4)
    assert bins["largest"] == pytest.approx(np.abs(errors).max(), rel=1e-4)
    fast_like = FastTokenizer.fit(normalized, scale=2)
    compared = make_report(
        report.tokenizer, report.sets, baselines=[("coarse", fast_like), ("coarse", fast_like)]
    ).compared
    assert [one.name for one in compared] == ["tokenizer", "coarse", "coarse", "256 uniform bins"]
    assert compared[1].rmse > compared[0].rmse


def test_a_wrong_token_early_is_worse_than_a_late_one(report):
    wrong = report.wrong
    assert ((wrong.noticed >= 0) & (wrong.noticed <= 1)).all()
    assert (wrong.bad >= wrong.typical).all()
    assert wrong.typical[:3].mean() > wrong.typical[-3:].mean()
    alone = FastTokenizer.fit(np.zeros((3, 4, 2)), vocab_size=1)
    assert make_report(alone, [ChunkSet("zeros", np.zeros((3, 4, 2)), 3)]).wrong is None


def test_what_cannot_be_reported_is_told(report):
    with pytest.raises(FastTokenizerError, match="got no chunks"):
        make_report(report.tokenizer, [])
    with pytest.raises(FastTokenizerError, match="dimensions has 2 names: expected one for each of 3"):
        make_report(report.tokenizer, report.sets, dimensions=["x", "y"])
    alone = FastTokenizer(report.tokenizer.codec)
    with pytest.raises(FastTokenizerError, match="embodiment 'leg', but the tokenizer has no normaliser"):
        make_report(alone, report.sets, embodiment="leg")


def test_without_a_normaliser_one_is_fitted(motions):
    chunks = CHUNKING.cut(motions)
    tokenizer = FastTokenizer.fit(Normalizer.fit(chunks.reshape(-1, 3)).normalize(chunks))
    report = make_report(tokenizer, [ChunkSet("all", chunks, len(chunks))])
    assert report.is_fitted
    assert report.measured[0].errors[..., 1].max() < 100  # of thousands
    assert page_data(report)["dimensions"] == ["0", "1", "2"]


def test_a_vocabulary_of_bytes_may_refuse_chunks():
    rng = np.random.default_rng(0)
    tokenizer = FastTokenizer.fit(np.round(rng.normal(size=(30, 8, 2)), 1), scheme="bytes")
    chunks = np.concatenate([np.zeros((2, 8, 2)), rng.normal(size=(3, 8, 2)) * 50])
    normalizer = Normalizer.fit([[-1.0, -1.0], [1.0, 1.0]], "identity")
    in_units = FastTokenizer(tokenizer.codec, normalizer=normalizer)
    report = make_report(in_units, [ChunkSet("some", chunks, 5)])
    assert report.measured[0].refused + len(report.measured[0].chunks) == 5
    assert report.measured[0].refused == 3
    assert report.compared[0].refused == 3
    assert page_data(report)["sets"][0]["refused"] == 3


class _References(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        self.found += [value for name, value in attributes if name in ("src", "href", "data", "srcset")]


def test_the_page_is_one_file_that_says_what_it_is(report, tmp_path):
    page = as_page(report)
    references = _References()
    references.feed(page)
    assert references.found == []
    assert not re.search(r"(https?:)?//(?!www\.w3\.org/2000/svg)[a-z]+\.|@import|url\(|fetch\(", page)
    inside = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S).group(1)
    assert json.loads(inside) == json.loads(json.dumps(page_data(report)))
    assert "&lt;arm&gt; &amp; &lt;/script&gt;" in page
    save_page(report, tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text("utf-8") == page
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def in_browser(page, folder):
    """What a browser without network makes of a page."""
    file = folder / "page.html"
    file.write_text(page, "utf-8")
    return subprocess.run(
        [
            *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}"),
            *("--host-resolver-rules=MAP * ~NOTFOUND", "--dump-dom", file.as_uri()),
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")
@pytest.mark.parametrize("shape", [(3, 4, 2), (2, 3000, 44), (1, 1, 1)])
def test_it_draws_what_stands_still_and_what_is_very_long(shape, tmp_path):
    chunks = np.zeros(shape)
    if shape[1] > 4:
        chunks += np.sin(np.arange(shape[1]) / 40)[:, None]
    report = make_report(FastTokenizer.fit(chunks), [ChunkSet("some", chunks, len(chunks))], name="{{style}}")
    seen = in_browser(as_page(report), tmp_path)
    assert 'data-drawn="all"' in seen
    body = seen[seen.index("<body") : seen.index('<script type="application/json"')]
    assert not re.search("NaN|Infinity|undefined", body)
    assert "<title>{{style}}: what it does" in seen


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")
def test_a_browser_draws_all_of_it(report, tmp_path):
    """As a person would: look, choose another chunk, point at a chart."""
    person = """<script>
      const errors = []; addEventListener("error", (event) => errors.push(event.message));
      document.querySelector("nav button:last-child").click();
      const point = new PointerEvent("pointermove", {clientX: 60, clientY: 60});
      document.querySelector("#sample svg").dispatchEvent(point);
      document.body.dataset.errors = errors.join();
    </script>"""
    seen = in_browser(as_page(report).replace("</body>", person + "</body>"), tmp_path)
    assert 'data-drawn="all"' in seen
    assert 'data-errors=""' in seen
    body = seen[seen.index("<body") : seen.index('<script type="application/json"')]
    assert not re.search("NaN|Infinity|undefined", body)
    assert body.count("<svg") == 3 + 1 + 6  # dimensions, tokens, and the other charts
    assert re.search(r'aria-pressed="true">fewest tokens<', body)
    assert re.search(r'<div id="tip"[^>]*>step \d+: [-\d.e]+, back as [-\d.e]+</div>', body)
    assert "&lt;arm&gt; &amp; &lt;/script&gt;" in body
    fewest = min(page_data(report)["samples"], key=lambda one: len(one["ids"]))
    tokens = body[body.index('<div id="tokens">') : body.index("<h2>How far off")]
    assert tokens.count("<rect") == len(fewest["ids"])


def test_the_same_as_figures_of_matplotlib(report, tmp_path):
    pytest.importorskip("matplotlib")
    figures = draw_figures(report)
    assert list(figures) == ["reconstruction", "errors", "lengths", "spectrum", "usage", "wrong_tokens"]
    for name, figure in figures.items():
        figure.savefig(tmp_path / f"{name}.png")
        assert (tmp_path / f"{name}.png").stat().st_size > 5000
    lines = figures["reconstruction"].axes[0].get_lines()
    assert len(lines) == 2
