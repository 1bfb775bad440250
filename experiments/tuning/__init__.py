"""Tuning: the same number of trials for every architecture, selected on validation."""
