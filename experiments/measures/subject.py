"""What the measures without training look at: one layer, or a whole model, and one step of it.

B batch, N positions, D width. A layer gets standard normal inputs (B, N, D); a model gets random
tokens, N in source and target, without padding.
"""

from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor

from experiments.cell import Cell
from experiments.data import fixed_batch
from experiments.measures import base
from models import speed
from models.base import Seq2Seq
from models.config import ModelConfig
from models.errors import BadInput, nearest
from models.layer import Layer
from models.problem import Problem
from models.recipe import Recipe
from models.registry import architecture, config_for

PROBLEM = Problem(source_size=32, target_size=32)
"""Small vocabularies: the measured cost is that of the architecture, not of the output projection."""


class SizeOptions(base.Options):
    """What is measured, at which size."""

    scope: Literal["layer", "model"] = "layer"
    part: str = Field("", description="which of the architecture's layers; empty: the first")
    n: int = Field(gt=0, description="positions (for a model in source and target; for path: distance)")
    batch: int = Field(1, gt=0)


@dataclass(frozen=True, kw_only=True)
class Subject:
    """The architecture, configuration and layer that a cell names."""

    architecture: type[Seq2Seq]
    config: ModelConfig
    options: SizeOptions
    layer: Layer | None  # None: scope model

    def identity(self, purpose: str) -> Hashable:
        """Return what tells this subject from others, its length apart."""
        options = self.options.model_dump(exclude={"n"})
        return (purpose, self.architecture, self.config, *sorted(options.items()))

    def formula(self, n: int) -> int:
        """Return the forward FLOPs of the whole batch at length n by the formula."""
        if self.layer is not None:
            return self.options.batch * self.layer.flops(self.config, n)
        return self.options.batch * self.architecture.cost(self.config, PROBLEM, n, n).flops

    def sequential(self, n: int) -> int:
        """Return the theory's number of sequential operations at length n."""
        if self.layer is not None:
            return self.layer.sequential_operations(n)
        return self.architecture.cost(self.config, PROBLEM, n, n).sequential_operations

    def step(self, n: int, device: str, seed: int = 0) -> "Step":
        """Build the module and its input at length n on a device ("meta" allocates nothing)."""
        torch.manual_seed(seed)
        with torch.device(device):
            if self.layer is None:
                return _ModelStep(self, n, device)
            return _LayerStep(self, n, device)


def subject_of(cell: Cell, options: SizeOptions) -> Subject:
    """Return what a cell measures.

    Raises:
        BadInput: the architecture has no such part.
    """
    cls = architecture(cell.architecture)
    config = config_for(cls, cell.model)
    layer = None
    if options.scope == "layer":
        layers = cls.layers()
        part = options.part or next(iter(layers))
        if part not in layers:
            raise BadInput(f"{cell.architecture} has no part '{part}'.{nearest(part, layers)}")
        layer = layers[part]
    return Subject(architecture=cls, config=config, options=options, layer=layer)


def apply_settings(cell: Cell) -> None:
    """Make the cell's threads and speed settings those of this process."""
    torch.set_num_threads(cell.threads)
    speed.apply(speed.choose(cell.device, cell.speed))


def autocast(cell: Cell) -> AbstractContextManager[Any]:
    """Return the mixed-precision context that the cell asks for."""
    if cell.precision == "bfloat16":
        return torch.autocast(cell.device, dtype=torch.bfloat16)
    return nullcontext()


def synchronise(device: str) -> None:
    """Wait until the device has done what it was asked to."""
    if device == "cuda":
        torch.cuda.synchronize()


class Step:
    """One training step of a module, in parts."""

    forward: Callable[[], Tensor]
    backward: Callable[[Tensor], None]
    finish: Callable[[], None]

    def train(self, around: AbstractContextManager[Any] | None = None) -> None:
        """Forward (inside ``around``), backward, optimiser."""
        with around or nullcontext():
            result = self.forward()
        self.backward(result)
        self.finish()


class _LayerStep(Step):
    def __init__(self, subject: Subject, n: int, device: str) -> None:
        assert subject.layer is not None
        self.module = subject.layer.build(subject.config).to(device)
        shape = (subject.options.batch, n, subject.config.width)
        self.x_BND = torch.randn(shape, device=device, requires_grad=True)
        self.cotangent_BND = torch.randn(shape, device=device)
        parameters = list(self.module.parameters())
        # every layer gets its gradients; a layer without weights (bare scores) has nothing to update
        self.optimizer = _fused_adamw(parameters, device) if parameters else None

    def forward(self) -> Tensor:
        return self.module(self.x_BND)

    def backward(self, result: Tensor) -> None:
        result.backward(self.cotangent_BND.to(result.dtype))

    def finish(self) -> None:
        self.x_BND.grad = None
        if self.optimizer is not None:
            self.optimizer.step()
            self.optimizer.zero_grad()


class _ModelStep(Step):
    def __init__(self, subject: Subject, n: int, device: str) -> None:
        self.recipe = Recipe()
        self.model = subject.architecture(subject.config, PROBLEM, self.recipe).to(device).train()
        with torch.device("cpu"):
            batch = fixed_batch(PROBLEM, n, n, subject.options.batch, seed=0)
        self.batch = batch.to(device, non_blocking=False)
        self.parameters = list(self.model.parameters())
        self.optimizer = _fused_adamw(self.parameters, device)

    def forward(self) -> Tensor:
        return self.model.training_step(self.batch, 0)

    def backward(self, result: Tensor) -> None:
        result.backward()

    def finish(self) -> None:
        torch.nn.utils.clip_grad_norm_(self.parameters, self.recipe.gradient_clip)
        self.optimizer.step()
        self.optimizer.zero_grad()


def _fused_adamw(parameters: list[Any], device: str) -> torch.optim.Optimizer:
    # as Seq2Seq.configure_optimizers; there is no fused kernel for meta tensors
    return torch.optim.AdamW(parameters, lr=1e-4, weight_decay=0.0, fused=device != "meta")
