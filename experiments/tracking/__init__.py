"""Mirrors of a store elsewhere: Weights & Biases. Records stay the truth; nothing here stops a cell."""
