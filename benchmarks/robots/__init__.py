"""Motions of many robots, generated and simulated: what the tokenizer in the wheel was fitted on."""
