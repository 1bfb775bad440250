"""What the answers mean: reads records, never imports torch."""
