"""The queue that many workers on many machines share: Optuna's storage, one trial a block."""
