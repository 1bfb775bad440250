"""What is asked of the models: tasks, measures, plans, and the runner. Imports models."""
