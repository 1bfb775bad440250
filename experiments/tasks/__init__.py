"""What the models are asked. One line a task: name → ``"module:Class"``, imported when used."""

TASKS: dict[str, str] = {
    "recall": "experiments.tasks.recall:Recall",
    "associative_recall": "experiments.tasks.associative_recall:AssociativeRecall",
    "multi_query_recall": "experiments.tasks.multi_query_recall:MultiQueryRecall",
    "copying": "experiments.tasks.copying:Copying",
    "reversal": "experiments.tasks.reversal:Reversal",
    "adding": "experiments.tasks.adding:Adding",
    "translation": "experiments.tasks.translation:Translation",
    "scan": "experiments.tasks.scan:Scan",
    "characters": "experiments.tasks.characters:Characters",
    "documents": "experiments.tasks.documents:Documents",
    "agreement": "experiments.tasks.agreement:Agreement",
    "digits": "experiments.tasks.digits:Digits",
    "parity_check": "experiments.tasks.parity_check:ParityCheck",
    "even_pairs": "experiments.tasks.even_pairs:EvenPairs",
    "cycle_navigation": "experiments.tasks.cycle_navigation:CycleNavigation",
    "modular_arithmetic": "experiments.tasks.modular_arithmetic:ModularArithmetic",
    "modular_brackets": "experiments.tasks.modular_brackets:ModularBrackets",
    "reverse_string": "experiments.tasks.reverse_string:ReverseString",
    "stack_manipulation": "experiments.tasks.stack_manipulation:StackManipulation",
    "duplicate_string": "experiments.tasks.duplicate_string:DuplicateString",
    "missing_duplicate": "experiments.tasks.missing_duplicate:MissingDuplicate",
    "odds_first": "experiments.tasks.odds_first:OddsFirst",
    "binary_addition": "experiments.tasks.binary_addition:BinaryAddition",
    "bucket_sort": "experiments.tasks.bucket_sort:BucketSort",
}

ENTRY_POINTS = "seqyard.tasks"
