"""What is done to a store from outside: merge, retry, cancel, look. No torch."""
