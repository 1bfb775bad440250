"""Records of encoders that were asked how far they see, written down by hand."""

from collections.abc import Mapping
from typing import Any

from analysis.load import Results
from analysis.reach import MEASURE, TASK, sight
from experiments.cell import Cell
from tests.analysis.synthetic import Synthetic

OFFSETS = (1, 2, 4, 5, 8, 9)
CHANCE = 0.25
ANSWERS = 1000

CONTIGUOUS = {"kernel_size": 3, "layers": 4}
DILATED = {"kernel_size": 3, "layers": 2, "dilated": True}
NARROW = {"window": 5, "layers": 2}
WIDE = {"window": 9, "layers": 2}
ARCHITECTURES = ("conv", "local_transformer", "rnn", "lstm", "gru")

JITTER = (0.0, 0.004, -0.004, 0.002, -0.002, 0.003, -0.003, 0.001, -0.001, 0.002, -0.002, 0.001)


class ReachRuns(Synthetic):
    """A store of the plan ``reach``."""

    def __init__(self) -> None:
        super().__init__(ARCHITECTURES)

    def manifest(self) -> dict[str, Any]:
        """Return the manifest, with the task of the plan."""
        found = super().manifest()
        found["plan"] = "reach"
        found["tasks"] = {TASK: {"chance": CHANCE, "slice_names": ["offset"]}}
        return found

    def run(
        self,
        architecture: str,
        seed: int,
        accuracy: Mapping[int, float],
        *,
        converged: bool = True,
        status: str = "ok",
        parameters: int = 8800,
        gradients: bool = False,
        **model: Any,
    ) -> str:
        """Add a run with an accuracy for each offset, and its gradients by distance."""
        shared: dict[str, Any] = {
            "architecture": architecture,
            "task": TASK,
            "model": {"width": 20, **model},
            "data": {"offsets": list(OFFSETS)},
            "seed": seed,
        }
        block = f"{TASK} {architecture} {model} {seed}"
        key = self.add(
            Cell(measure="train", **shared),
            status=status,
            block=block,
            metrics={
                "test": sum(accuracy.values()) / max(1, len(accuracy)),
                "converged": converged,
                "chance": CHANCE,
                "parameters": parameters,
            },
            slices=[
                {
                    "split": "test",
                    "slice": "offset",
                    "value": offset,
                    "correct": round(ANSWERS * share),
                    "count": ANSWERS,
                }
                for offset, share in accuracy.items()
            ],
        )
        if gradients:
            left, right = sight(architecture, model)
            seen = [d for d in range(-9, 10) if -(left or 0) <= d <= (right or 0)]
            curve = [[d, 2.0 ** -abs(d) if d in seen else 0.0] for d in range(-9, 10)]
            self.add(
                Cell(measure=MEASURE, options={"trained": key}, **shared),
                block=block,
                metrics={"size_init": 5, "size_trained": min(7, len(seen))},
                curves={"init": curve, "trained": curve},
            )
        return key

    def encoder(
        self,
        architecture: str,
        inside: float,
        beyond: float,
        *,
        seeds: int = 12,
        edge: float | None = None,
        **about: Any,
    ) -> None:
        """Add runs of an encoder: right so often in its sight, at its edge, and beyond it."""
        model = {key: value for key, value in about.items() if key not in RUN_OPTIONS}
        right = sight(architecture, model)[1] or 0
        seen = [k for k in OFFSETS if k <= right]
        for seed in range(seeds):
            accuracy = {
                k: (inside if k <= right else beyond) + JITTER[seed] * (1 if k > right else -1)
                for k in OFFSETS
            }
            if edge is not None and seen:
                accuracy[seen[-1]] = edge + JITTER[seed]
            self.run(architecture, seed, accuracy, **about)

    def field(
        self, architecture: str, reach: int | None = None, status: str = "ok", **model: Any
    ) -> None:
        """Add the support of an untrained encoder's Jacobian; ``reach``: other than theory's."""
        theory = int(sight(architecture, model)[0] or 0)
        found = theory if reach is None else reach
        self.measured(
            "receptive_field",
            architecture,
            model=model,
            options={"n": 2 * theory + 2},
            status=status,
            metrics={"positions": found + 1, "reach": found, "contiguous": True},
        )

    def fields(self, architecture: str, option: str, **model: Any) -> None:
        """Add supports over three depths and two sizes."""
        for size in (3, 5):
            for layers in (1, 2, 3):
                self.field(architecture, **{option: size, "layers": layers, **model})


RUN_OPTIONS = ("converged", "status", "parameters", "gradients")


def convolutions(inside: float = 0.99, beyond: float = CHANCE, **about: Any) -> ReachRuns:
    """Return a store of convolutions, contiguous and with gaps."""
    made = ReachRuns()
    made.fields("conv", "kernel_size")
    made.fields("conv", "kernel_size", dilated=True)
    made.encoder("conv", inside, beyond, **CONTIGUOUS, **about)
    made.encoder("conv", inside, beyond, **DILATED, **about)
    return made


def whole_store() -> Results:
    """Return a store with every kind of encoder, three seeds and gradients."""
    made = convolutions(seeds=3, gradients=True)
    made.fields("local_transformer", "window")
    for model in (NARROW, WIDE):
        made.encoder("local_transformer", 0.99, CHANCE, seeds=3, gradients=True, **model)
    for both in (False, True):
        made.encoder("lstm", 0.95, CHANCE, seeds=3, gradients=True, bidirectional=both)
    return made.results()
