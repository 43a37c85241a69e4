"""Files that are not what they should be: a FormatError with file and key, soon, and never anything else."""

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fast_tokenizer import FastTokenizer, FormatError

CONFIG, VOCABULARY = "processor_config.json", "tokenizer.json"

SMALL = {
    "version": "1.0",
    "added_tokens": [],
    "normalizer": None,
    "pre_tokenizer": None,
    "decoder": {"type": "Fuse"},
    "model": {
        "type": "BPE",
        "unk_token": None,
        "vocab": {"a": 0, "b": 1, "c": 2, "ab": 3, "abc": 4},
        "merges": [["a", "b"], ["ab", "c"]],
    },
}
SETTINGS = {"scale": 10, "min_token": -97, "vocab_size": 5, "time_horizon": 3, "action_dim": 1}


def written(folder, config=SETTINGS, vocabulary=SMALL):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in ((CONFIG, config), (VOCABULARY, vocabulary)):
        if isinstance(content, bytes):
            (folder / name).write_bytes(content)
        elif content is not None:
            # Lone surrogates are written as escapes, as JSON allows.
            (folder / name).write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return folder


def changed(content, key, value):
    """A copy with another value at a dotted key, or without the key if the value is `...`."""
    content = json.loads(json.dumps(content))
    *parents, last = key.split(".")
    inner = content
    for name in parents:
        inner = inner[name]
    inner[last] = value
    if value is ...:
        del inner[last]
    return content


def refused(folder, name, key=None):
    with pytest.raises(FormatError) as caught:
        FastTokenizer.from_pretrained(folder)
    error = caught.value
    assert error.path in (str(folder / name), str(folder))
    assert name in str(error)
    assert len(str(error)) < 600
    if key is not None:
        assert error.key == key
        assert f"'{key}'" in str(error)
    return error


def test_the_small_files_are_good(tmp_path):
    tokenizer = FastTokenizer.from_pretrained(written(tmp_path))
    assert tokenizer([[0.0, 0.1]]) == [[3]]
    assert tokenizer([[0.0, 0.1, 0.2]]) == [[4]]


# ---- A table -----------------------------------------------------------------------------------------------

BAD_NUMBERS = ["10", None, True, [10], {}, float("nan"), float("inf"), float("-inf"), 0, -1, -0.5, 1e-310, 10**400]
WRONG_SETTINGS = [
    *(("scale", value) for value in BAD_NUMBERS),
    *(("min_token", value) for value in ["0", None, False, [0], 0.5, float("nan"), 2**30 + 1, -(10**12), 10**30]),
    *(("vocab_size", value) for value in ["5", True, 5.0, 1e12, 10**12, 0, -1, float("nan")]),
    *(
        (key, value)
        for key in ("time_horizon", "action_dim")
        for value in ["3", False, 3.0, 0, -3, 10**12, 2**31, float("inf"), [3]]
    ),
]


@pytest.mark.parametrize(("key", "value"), WRONG_SETTINGS)
def test_a_wrong_setting_is_named(tmp_path, key, value):
    refused(written(tmp_path, config=SETTINGS | {key: value}), CONFIG, key)


def test_a_missing_scale_is_named(tmp_path):
    assert "missing" in str(refused(written(tmp_path, config=changed(SETTINGS, "scale", ...)), CONFIG, "scale"))


WRONG_VOCABULARIES = [
    ("model", "BPE", "model"),
    ("model", None, "model"),
    ("model.type", "WordPiece", "model.type"),
    ("model.type", None, "model.type"),
    ("model.dropout", 0.1, "model.dropout"),
    ("model.unk_token", "a", "model.unk_token"),
    ("model.continuing_subword_prefix", "##", "model.continuing_subword_prefix"),
    ("model.end_of_word_suffix", "</w>", "model.end_of_word_suffix"),
    ("model.byte_fallback", True, "model.byte_fallback"),
    ("model.ignore_merges", True, "model.ignore_merges"),
    ("normalizer", {"type": "NFC"}, "normalizer"),
    ("added_tokens", [{"id": 5, "content": "<pad>"}], "added_tokens"),
    ("pre_tokenizer", {"type": "Whitespace"}, "pre_tokenizer"),
    ("pre_tokenizer", {"type": "ByteLevel", "add_prefix_space": True}, "pre_tokenizer"),
    ("pre_tokenizer", {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}, "pre_tokenizer"),
    ("pre_tokenizer", {"type": "ByteLevel"}, "pre_tokenizer"),
    ("pre_tokenizer", "ByteLevel", "pre_tokenizer"),
    ("post_processor", {"type": "RobertaProcessing"}, "post_processor"),
    (
        "post_processor",
        {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "a"}}]},
        "post_processor",
    ),
    ("post_processor", ["ByteLevel"], "post_processor"),
    ("pre_tokenizer", [], "pre_tokenizer"),
    ("model.vocab", [], "model.vocab"),
    ("model.vocab", {}, "model.vocab"),
    ("model.vocab", None, "model.vocab"),
    ("model.vocab", {"a": 0, "b": 2}, "model.vocab['b']"),
    ("model.vocab", {"a": 1, "b": 1}, "model.vocab['b']"),
    *(
        ("model.vocab", {"a": number}, "model.vocab['a']")
        for number in [-1, 10**12, 10**30, 0.0, False, "0", None, [0]]
    ),
    ("model.vocab.\ud800", 5, r"model.vocab['\ud800']"),
    ("model.vocab.", 5, "model"),
    ("model", {"vocab": {"ab": 0}, "merges": []}, "model"),
    ("model.vocab.\U00010000", 5, "model"),
    ("model.vocab.\ue000", 5, "model"),
    ("model.merges", None, "model.merges"),
    ("model.merges", {}, "model.merges"),
    ("model.merges", "ab", "model.merges"),
    ("model.merges", [["a", "b"], ["a", "x"]], "model.merges[1]"),
    ("model.merges", [["a", "b"], ["b", "a"]], "model.merges[1]"),
    *(
        ("model.merges", [merge], "model.merges[0]")
        for merge in [["a"], ["a", "b", "c"], [0, 1], None, 5, "ab", "a  b", "a b c", [["a"], ["b"]], {"a": "b"}]
    ),
]


@pytest.mark.parametrize(("where", "value", "key"), WRONG_VOCABULARIES)
def test_a_wrong_vocabulary_is_named(tmp_path, where, value, key):
    refused(written(tmp_path, vocabulary=changed(SMALL, where, value)), VOCABULARY, key)


@pytest.mark.parametrize("key", ["model", "model.vocab", "model.merges"])
def test_a_missing_part_is_named(tmp_path, key):
    error = refused(written(tmp_path, vocabulary=changed(SMALL, key, ...)), VOCABULARY, key)
    assert "missing" in str(error)


NOT_JSON = [
    "",
    "{",
    '{"scale": 10',
    '{"scale": 10,}',
    "[]",
    "null",
    "10",
    '"scale"',
    "[" * 100_000,
    '{"a":' * 100_000,
    '{"scale": ' + "9" * 5000 + "}",
    '{"scale": 10, "scale": 10}',
    '{"scale": 10, "model": {"type": "BPE", "type": "BPE"}}',
    b"\xef\xbb\xbf{}",
    b'{"scale": "\xff"}',
    json.dumps(SETTINGS).encode("utf-16"),
    b"\x00" * 100,
    "PK\x03\x04",
]


@pytest.mark.parametrize("content", NOT_JSON)
@pytest.mark.parametrize("name", [CONFIG, VOCABULARY])
def test_what_is_no_json_object_is_refused(tmp_path, name, content):
    files = {"config": content} if name == CONFIG else {"vocabulary": content}
    refused(written(tmp_path, **files), name)


@pytest.mark.parametrize("depth", [100, 500, 700, 800, 850, 900, 930, 950, 960, 970, 980, 990, 1000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_nesting_of_any_depth_is_refused(tmp_path, depth, opening, closing):
    deep = opening * depth + ("0" if opening != "[" else "") + closing * depth
    refused(written(tmp_path / "config", config=f'{{"scale": {deep}}}'), CONFIG)
    for number, text in enumerate(
        (f'{{"model": {{"vocab": {{"a": {deep}}}, "merges": []}}}}', f'{{"normalizer": {deep}}}')
    ):
        refused(written(tmp_path / str(number), vocabulary=text), VOCABULARY)


def test_missing_files_are_named(tmp_path):
    assert "processor_config.json is missing" in str(refused(written(tmp_path / "1", config=None), CONFIG))
    refused(written(tmp_path / "2", vocabulary=None), VOCABULARY)


@pytest.mark.parametrize("name", [CONFIG, VOCABULARY])
def test_a_folder_in_the_place_of_a_file(tmp_path, name):
    (written(tmp_path) / name).unlink()
    (tmp_path / name).mkdir()
    refused(tmp_path, name)


def test_a_bad_file_in_the_subfolder_is_named(tmp_path):
    nested = written(tmp_path) / "bpe_tokenizer" / VOCABULARY
    nested.parent.mkdir()
    nested.write_text(json.dumps(changed(SMALL, "model.merges", [["x", "y"]])))
    for _ in range(2):
        with pytest.raises(FormatError, match=r"model\.merges\[0\]") as caught:
            FastTokenizer.from_pretrained(tmp_path)
        assert caught.value.path == str(nested)
        (tmp_path / VOCABULARY).unlink(missing_ok=True)


def test_long_tokens_take_bounded_time(tmp_path):
    vocab = {"a": 0} | {"a" * 2**power: power for power in range(1, 17)}
    merges = [["a" * 2**power] * 2 for power in range(16)]
    vocabulary = changed(changed(SMALL, "model.vocab", vocab), "model.merges", merges)
    tokenizer = FastTokenizer.from_pretrained(written(tmp_path, vocabulary=vocabulary))
    assert tokenizer(np.zeros((2**9, 2**8))) == [[16, 16]]


# ---- Chance ------------------------------------------------------------------------------------------------

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=4)
    | st.sampled_from([0, 1, "a", "ab"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


def loads_or_is_refused(folder):
    try:
        tokenizer = FastTokenizer.from_pretrained(folder)
    except FormatError as error:
        return error
    encoded = tokenizer.encode(np.zeros((1, 1))) if tokenizer.codec.min_coefficient == -97 else None
    assert encoded is None or np.isfinite(tokenizer.decode(encoded)).all()
    return tokenizer


@st.composite
def with_something_else_inside(draw, content):
    """A copy in which one value, however deep, is anything; or one key is gone, or one more is there."""
    content = json.loads(json.dumps(content))
    inner = content
    while True:
        keys = list(inner) if isinstance(inner, dict) else list(range(len(inner)))
        if not keys:
            return content
        key = draw(st.sampled_from(keys))
        if isinstance(inner[key], dict | list) and draw(st.booleans()):
            inner = inner[key]
            continue
        action = draw(st.sampled_from(["replace", "replace", "remove", "add"]))
        if action == "remove":
            del inner[key]
        elif action == "replace" or isinstance(inner, list):
            inner[key] = draw(anything)
        else:
            inner[draw(st.text(max_size=3))] = draw(anything)
        return content


@given(data=st.data())
@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_changed_files_load_or_are_refused(tmp_path, data):
    config = data.draw(with_something_else_inside(SETTINGS))
    vocabulary = data.draw(st.just(SMALL) | with_something_else_inside(SMALL))
    loads_or_is_refused(written(tmp_path, config, vocabulary))


@given(data=st.data())
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_bytes_load_or_are_refused(tmp_path, data):
    texts = {CONFIG: json.dumps(SETTINGS).encode(), VOCABULARY: json.dumps(SMALL).encode()}
    name = data.draw(st.sampled_from([CONFIG, VOCABULARY]))
    begin = data.draw(st.integers(0, len(texts[name])))
    end = data.draw(st.integers(begin, min(begin + 20, len(texts[name]))))
    texts[name] = texts[name][:begin] + data.draw(st.binary(max_size=4)) + texts[name][end:]
    loads_or_is_refused(written(tmp_path, texts[CONFIG], texts[VOCABULARY]))


@pytest.mark.parametrize("name", [CONFIG, VOCABULARY])
def test_every_truncation_is_refused(tmp_path, name):
    whole = json.dumps(SETTINGS if name == CONFIG else SMALL)
    for length in range(len(whole)):
        folder = written(
            tmp_path, **({"config": whole[:length]} if name == CONFIG else {"vocabulary": whole[:length]})
        )
        refused(folder, name)
