"""How a cell is measured. One line a measure: name → ``"module:Class"``, imported when used."""

MEASURES: dict[str, str] = {
    "train": "experiments.measures.train:Train",
    "translate": "experiments.measures.translate:Translate",
    "validate": "experiments.measures.validate:Validate",
    "gradient": "experiments.measures.gradient:Gradient",
    "robustness": "experiments.measures.robustness:Robustness",
    "minimal_pairs": "experiments.measures.minimal_pairs:MinimalPairs",
    "step_time": "experiments.measures.step_time:StepTime",
    "memory": "experiments.measures.memory:Memory",
    "flops": "experiments.measures.flops:Flops",
    "depth": "experiments.measures.depth:Depth",
    "path": "experiments.measures.path:Path",
    "receptive_field": "experiments.measures.receptive_field:ReceptiveField",
    "identity": "experiments.measures.identity:Identity",
    "score_variance": "experiments.measures.score_variance:ScoreVariance",
    "gain": "experiments.measures.gain:Gain",
}

ENTRY_POINTS = "seqyard.measures"
