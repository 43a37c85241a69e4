"""The commands of `fast-tokenizer`: one file each, with its options and what it does."""
