"""The formal-language tasks, as their tests and the linter's take them."""

CLASSES = (
    *("parity_check", "even_pairs", "cycle_navigation", "modular_arithmetic"),
    *("modular_brackets", "missing_duplicate"),
)
STRINGS = (
    *("reverse_string", "stack_manipulation", "duplicate_string"),
    *("odds_first", "binary_addition", "bucket_sort"),
)
FORMAL = (*CLASSES, *STRINGS)

ENDED = {"stack_manipulation", "binary_addition"}  # the answer's length varies
SKEWED = {"modular_brackets", "bucket_sort", "binary_addition"}  # some answers are more frequent

WITHIN = {
    "train_lengths": [1, 30],
    "validation_lengths": [20, 25, 30],
    "test_lengths": [20, 21, 24, 29, 30],
    "test_per_value": 96,
}
"""Tested on trained lengths: the linter's guessers know places that occurred in training alone."""
