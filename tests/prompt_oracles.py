"""What openpi, LeRobot and OpenVLA make of (instruction, state, actions), restated one sample at a time.

Each gives `tokens, padding mask, autoregressive mask, loss mask`. Nothing here knows of `fast_tokenizer`.
`encode` turns one chunk `[H, D]` into action ids.
"""

import numpy as np

PALIGEMMA_TOKENS_LEFT_ALONE = 128


def state_words(state):
    """The same in openpi and LeRobot: 256 bins of [-1, 1], as numbers in words."""
    return " ".join(str(number) for number in np.digitize(state, np.linspace(-1, 1, 257)[:256]) - 1)


def at_the_end(vocab_size, action_ids):
    """openpi's and LeRobot's `_act_tokens_to_paligemma_tokens`."""
    return [vocab_size - 1 - PALIGEMMA_TOKENS_LEFT_ALONE - one for one in action_ids]


def padded_or_cut(values, length):
    """All three pad with zeros behind, and cut behind."""
    row = np.zeros(length, int)
    row[: min(length, len(values))] = values[:length]
    return row


def openpi_pi0_fast(sentencepiece, encode, instruction, state, actions, max_length):
    """openpi, src/openpi/models/tokenizer.py: FASTTokenizer.tokenize."""
    instruction = instruction.lower().strip().replace("_", " ")
    prompt = sentencepiece.encode(f"Task: {instruction}, State: {state_words(state)};\n", add_bos=True)
    answer = []
    if actions is not None:
        answer += sentencepiece.encode("Action: ")
        answer += at_the_end(sentencepiece.vocab_size(), encode(actions))
        answer += sentencepiece.encode("|", add_eos=True)
    columns = [
        prompt + answer,
        [1] * len(prompt + answer),
        [0] * len(prompt) + [1] * len(answer),
        [0] * len(prompt) + [1] * len(answer),
    ]
    return [padded_or_cut(column, max_length) for column in columns]


def openpi_pi0_fast_actions(sentencepiece, decode, tokens):
    """openpi, the same class: extract_actions, which goes through text. `decode` takes a list of action ids."""
    text = sentencepiece.decode(tokens).split("Action: ")[1].split("|")[0].strip()
    return decode(at_the_end(sentencepiece.vocab_size(), sentencepiece.encode(text)))


def openpi_pi05(sentencepiece, instruction, state, max_length):
    """openpi, the same file: PaligemmaTokenizer.tokenize with a state.

    The model (src/openpi/models/pi0.py: embed_prefix) lets the prompt see all of itself and predicts none of it.
    """
    instruction = instruction.strip().replace("_", " ").replace("\n", " ")
    text = f"Task: {instruction}, State: {state_words(state)};\nAction: "
    prompt = sentencepiece.encode(text, add_bos=True)
    zeros = [0] * len(prompt)
    return [padded_or_cut(column, max_length) for column in (prompt, [1] * len(prompt), zeros, zeros)]


def lerobot_pi0_fast(prompts, answers, encode, instruction, state, actions, max_length, max_action_tokens):
    """LeRobot 0.4.4, the steps of policies/pi0_fast/processor_pi0_fast.py.

    Pi0FastPrepareStateAndLanguageTokenizerProcessorStep and TokenizerProcessorStep (`prompts`: the text
    tokenizer), then ActionTokenizerProcessorStep (`answers`: the same one, adding an end of a sequence and no
    beginning). In modeling_pi0_fast.py the answer is causal and sees the whole prompt, and its first token is
    not predicted.
    """
    state = np.concatenate([state, np.zeros(32 - len(state))])
    instruction = instruction.strip().replace("_", " ").replace("\n", " ")
    text = f"Task: {instruction}, State: {state_words(state)};\n"
    encoding = prompts(text, max_length=max_length, truncation=True, padding="max_length", padding_side="right")
    prompt_mask = np.array(encoding["attention_mask"])
    if actions is None:
        zeros = np.zeros(max_length, int)
        return [np.array(encoding["input_ids"]), prompt_mask, zeros, zeros]
    answer = [
        answers.bos_token_id,
        *answers.encode("Action: ", add_special_tokens=False),
        *at_the_end(answers.vocab_size, encode(actions)),
        *answers.encode("|"),
    ]
    mask = padded_or_cut([1] * len(answer), max_action_tokens)
    predicted = mask.copy()
    predicted[0] = 0
    zeros = np.zeros(max_length, int)
    return [
        np.concatenate([encoding["input_ids"], padded_or_cut(answer, max_action_tokens)]),
        np.concatenate([prompt_mask, mask]),
        np.concatenate([zeros, mask]),
        np.concatenate([zeros, predicted]),
    ]


def lerobot_attention(padding_mask, max_length):
    """LeRobot 0.4.4, modeling_pi0_fast.py: _create_custom_attention_mask_fast; `max_length` of the prompt."""
    length = len(padding_mask)
    answer = np.arange(length) >= max_length
    seen = np.where(answer[:, None] & answer, np.tri(length, dtype=bool), ~answer[None])
    return seen & (padding_mask[:, None] & padding_mask).astype(bool)


def openpi_attention(padding_mask, ar_mask):
    """openpi, src/openpi/models/pi0_fast.py: make_attn_mask, which is big_vision's."""
    blocks = np.cumsum(ar_mask)
    return (blocks <= blocks[:, None]) & (padding_mask[:, None] & padding_mask).astype(bool)


OPENVLA_EDGES = np.linspace(-1.0, 1.0, 256)


def openvla_bins(action):
    """OpenVLA, prismatic/vla/action_tokenizer.py: ActionTokenizer.__call__, counted from 0."""
    return (np.digitize(np.clip(action, -1.0, 1.0), OPENVLA_EDGES) - 1).tolist()


def openvla_values(bins):
    """OpenVLA, the same class: decode_token_ids_to_actions."""
    centres = (OPENVLA_EDGES[:-1] + OPENVLA_EDGES[1:]) / 2
    return centres[np.minimum(bins, 254)]


def openvla(sentencepiece, instruction, action):
    """OpenVLA, prismatic/vla/datasets/datasets.py: RLDSBatchTransform, with PurePromptBuilder.

    The actions become text, and the text becomes ids. One action `[D]`; the tokens and the labels, which hold -100
    where nothing is predicted.
    """
    instruction = instruction.lower()
    question = f"What action should the robot take to {instruction}?".replace("<image>", "").strip()
    last = sentencepiece.vocab_size() - 1
    words = "".join(sentencepiece.id_to_piece(last - one) for one in openvla_bins(action))
    text = f"In: {question}\nOut: {words}"
    tokens = [sentencepiece.bos_id(), *sentencepiece.encode(text), sentencepiece.eos_id()]
    labels = np.array(tokens)
    labels[: -(len(action) + 1)] = -100
    return tokens, labels


def openvla_batch(samples, max_length, pad_id):
    """OpenVLA, prismatic/util/data_utils.py: PaddedCollatorForActionPrediction, of what `openvla` gives.

    The language model is causal from its first token on.
    """
    width = min(max_length, max(len(tokens) for tokens, _ in samples))
    tokens, labels = np.full((len(samples), width), pad_id), np.full((len(samples), width), -100)
    for row, (ids, targets) in enumerate(samples):
        tokens[row, : len(ids)] = ids[:width]
        labels[row, : len(ids)] = targets[:width]
    mask = tokens != pad_id
    return tokens, mask, mask, labels != -100


class OpenVLABins:
    """OpenVLA's bins behind the calls of the published processor."""

    def __call__(self, action_chunk):
        return [openvla_bins(chunk.ravel()) for chunk in action_chunk]

    def decode(self, tokens, *, time_horizon, action_dim):
        return np.stack([openvla_values(ids).reshape(time_horizon, action_dim) for ids in tokens])
