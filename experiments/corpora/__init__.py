"""Parallel corpora: read once from files or the hub, kept by content, cut into subwords. No torch."""
