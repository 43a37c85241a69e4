"""A small vision-language-action model: demonstrations of a simulator, training, generation, evaluation."""
