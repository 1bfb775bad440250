"""What the models are asked. One line a task: name → ``"module:Class"``, imported when used."""

TASKS: dict[str, str] = {
    "recall": "experiments.tasks.recall:Recall",
    "associative_recall": "experiments.tasks.associative_recall:AssociativeRecall",
    "copying": "experiments.tasks.copying:Copying",
    "reversal": "experiments.tasks.reversal:Reversal",
    "adding": "experiments.tasks.adding:Adding",
    "translation": "experiments.tasks.translation:Translation",
    "scan": "experiments.tasks.scan:Scan",
    "characters": "experiments.tasks.characters:Characters",
    "documents": "experiments.tasks.documents:Documents",
    "agreement": "experiments.tasks.agreement:Agreement",
    "digits": "experiments.tasks.digits:Digits",
}

ENTRY_POINTS = "seqyard.tasks"
