"""Sentences that records can refute."""
