"""The pages beside the report: one an architecture, one a failure, and an index of each."""
