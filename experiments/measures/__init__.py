"""How a cell is measured. One line a measure: name → ``"module:Class"``, imported when used."""

MEASURES: dict[str, str] = {
    "train": "experiments.measures.train:Train",
    "fine_tune": "experiments.measures.fine_tune:FineTune",
    "translate": "experiments.measures.translate:Translate",
    "validate": "experiments.measures.validate:Validate",
    "gradient": "experiments.measures.gradient:Gradient",
    "layer_gradients": "experiments.measures.layer_gradients:LayerGradients",
    "heads": "experiments.measures.heads:Heads",
    "robustness": "experiments.measures.robustness:Robustness",
    "minimal_pairs": "experiments.measures.minimal_pairs:MinimalPairs",
    "step_time": "experiments.measures.step_time:StepTime",
    "memory": "experiments.measures.memory:Memory",
    "flops": "experiments.measures.flops:Flops",
    "depth": "experiments.measures.depth:Depth",
    "path": "experiments.measures.path:Path",
    "receptive_field": "experiments.measures.receptive_field:ReceptiveField",
    "effective_receptive_field": "experiments.measures.effective_field:EffectiveReceptiveField",
    "identity": "experiments.measures.identity:Identity",
    "score_variance": "experiments.measures.score_variance:ScoreVariance",
    "gain": "experiments.measures.gain:Gain",
}

ENTRY_POINTS = "seqyard.measures"
