"""What is run together. One line a plan: name → ``"module:PLAN"``, imported when used."""

PLANS: dict[str, str] = {
    "table1": "experiments.plans.table1:PLAN",
    "translation": "experiments.plans.translation:PLAN",
    "scan": "experiments.plans.scan:PLAN",
    "language": "experiments.plans.language:PLAN",
    "agreement": "experiments.plans.agreement:PLAN",
    "formal_languages": "experiments.plans.formal_languages:PLAN",
    "pretraining": "experiments.plans.pretraining:PLAN",
    "long_range": "experiments.plans.long_range:PLAN",
    "reach": "experiments.plans.reach:PLAN",
    "throughput": "experiments.plans.throughput:PLAN",
    "mechanisms": "experiments.plans.mechanisms:PLAN",
    "ablation": "experiments.plans.ablation:PLAN",
    "claims": "experiments.plans.claims:PLAN",
    "complexity": "experiments.plans.complexity:PLAN",
}

ENTRY_POINTS = "seqyard.plans"
