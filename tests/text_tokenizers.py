"""Small text tokenizers of the kinds that language models have, trained on the spot, always the same."""

import io
import json
import warnings

import sentencepiece
from tokenizers import Tokenizer, decoders, models, normalizers, processors, trainers

NORMAL, USER_DEFINED = 1, 4

PLACES = [*(f"<loc{number:04d}>" for number in range(1024)), *(f"<seg{number:03d}>" for number in range(128))]

# What prompts are made of: words, digits, punctuation, other scripts; the markers as words of their own.
TEXTS = [
    *("Task: pick up the red cup and place it on the table, State: 12 128 255 0 -1;\nAction: |" for _ in range(3)),
    *(
        f"Task: open the drawer, State: {' '.join(str((n * 37 + k * 11) % 256) for k in range(7))};\n"
        for n in range(60)
    ),
    "In: What action should the robot take to stack the blocks?\nOut: ",
    *("push the button slowly", "Öffne die Tür", "ouvre le tiroir", "コップを取る", "拿起杯子", "поставь чашку")
    * 2,
]


def sentencepiece_model(added=(), vocab_size=420, **options):
    """A SentencePieceProcessor like Gemma's: pad 0, eos 1, bos 2, unk 3, bytes for what it lacks.

    `added` are further pieces at the end of the vocabulary, as PaliGemma has `<loc0000>`: (text, type).
    """
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(line for text in TEXTS for line in text.split("\n") if line),
        model_writer=model,
        vocab_size=vocab_size,
        model_type="bpe",
        byte_fallback=True,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        character_coverage=1.0,
        num_threads=1,
        minloglevel=2,
        **{"pad_id": 0, "eos_id": 1, "bos_id": 2, "unk_id": 3, "add_dummy_prefix": False} | options,
    )
    # A message of Protocol Buffers followed by more elements of a repeated field is that message with them added.
    pieces = b"".join(_piece(text, kind) for text, kind in added)
    return sentencepiece.SentencePieceProcessor(model_proto=model.getvalue() + pieces)


def _piece(text, kind):
    """Field 1 of a ModelProto: a SentencePiece with its text (1) and type (3), and the score (2) of the rarest."""
    encoded = text.encode()
    body = b"\x0a" + bytes([len(encoded)]) + encoded + b"\x15\x00\x00\x7a\xc6" + b"\x18" + bytes([kind])
    return b"\x0a" + bytes([len(body)]) + body


def like_paligemma():
    """Its 1024 tokens for places and 128 for segments stand last, as in the real one."""
    return sentencepiece_model([(text, USER_DEFINED) for text in PLACES])


def like_llama():
    """Its last 256 pieces are characters that hardly occur, and a space is put before a text."""
    rare = [(chr(0x1F300 + number), NORMAL) for number in range(256)]
    return sentencepiece_model(rare, pad_id=-1, eos_id=2, bos_id=1, unk_id=0, add_dummy_prefix=True)


def hugging_face(begins=True, ends=False, added=PLACES):
    """A tokenizer of transformers like PaliGemma's; asked for special tokens, it adds `<bos>`, `<eos>` or both."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from transformers import PreTrainedTokenizerFast

    letters = ["<pad>", "<eos>", "<bos>", "<unk>", *(f"<0x{byte:02X}>" for byte in range(256))]
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.train_from_iterator(
        TEXTS, trainers.BpeTrainer(vocab_size=700, special_tokens=letters, show_progress=False)
    )
    description = json.loads(tokenizer.to_str())
    description["added_tokens"] = description["added_tokens"][:4]  # bytes are no tokens that a text may spell
    vocabulary = description["model"]["vocab"]
    vocabulary |= {text: len(vocabulary) + place for place, text in enumerate(added)}
    tokenizer = Tokenizer.from_str(json.dumps(description))
    template = ["<bos>"] * begins + ["$A"] + ["<eos>"] * ends
    tokenizer.post_processor = processors.TemplateProcessing(
        single=template, special_tokens=[("<bos>", 2), ("<eos>", 1)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<eos>", bos_token="<bos>", unk_token="<unk>"
    )
