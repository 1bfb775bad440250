"""What the measures without training measure: one layer or a whole model, with fixed random inputs.

B batch, N positions, D width.
"""

import dataclasses
from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

from experiments.cell import Cell
from experiments.data import fixed_batch
from experiments.fit import scoped_seed
from experiments.measures.sizes import SizeOptions
from experiments.planning import WITHOUT_TASK
from models import speed
from models.base import Seq2Seq
from models.config import ModelConfig
from models.errors import BadInput, nearest
from models.layer import Layer
from models.registry import architecture, config_for


class Subject:
    """A module with its inputs. ``settle`` must come before any use that follows another subject's."""

    module: nn.Module

    def __init__(self, cell: Cell, device: str, settings: speed.Speed) -> None:
        self.cell, self.device, self.settings = cell, torch.device(device), settings

    def settle(self) -> None:
        """Make this cell's settings those of the process: threads and speed."""
        torch.set_num_threads(self.cell.threads)
        speed.apply(self.settings)

    def output(self) -> Tensor:
        """Run the forward pass: (B, N, D) of a layer, logits of a model."""
        with torch.autocast(
            "cuda" if self.device.type == "cuda" else "cpu",
            dtype=torch.bfloat16,
            enabled=self.cell.precision == "bfloat16",
        ):
            return self.forward()

    def step(self) -> None:
        """Make one training step: forward, loss, backward and, for a model, clipping and AdamW.

        Of a layer, the gradients of its weights and of its input are computed, as inside a model.
        """
        self.clear()
        self.loss(self.output()).backward()
        self.update()

    def synchronise(self) -> None:
        """Wait until the device has done what was asked of it."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def clear(self) -> None:
        """Free the gradients."""
        self.module.zero_grad(set_to_none=True)

    @abstractmethod
    def forward(self) -> Tensor:
        """Run the module on its inputs."""

    @abstractmethod
    def loss(self, output: Tensor) -> Tensor:
        """Return a scalar."""

    def update(self) -> None:
        """Use the gradients."""


class LayerSubject(Subject):
    """One layer; its loss is the sum of its output, whose gradient costs nothing."""

    def __init__(self, cell: Cell, device: str, settings: speed.Speed, options: SizeOptions) -> None:
        super().__init__(cell, device, settings)
        layer, config = layer_of(cell)
        with self.device:
            self.module = layer.build(config)
        shape = (options.batch, options.n, config.width)
        self.x_BND = torch.randn(shape).to(self.device).requires_grad_()

    def forward(self) -> Tensor:
        """Return the layer's output (B, N, D)."""
        return self.module(self.x_BND)

    def loss(self, output: Tensor) -> Tensor:
        """Return the sum."""
        return output.sum()

    def clear(self) -> None:
        """Free the gradients, that of the input too."""
        super().clear()
        self.x_BND.grad = None


class ModelSubject(Subject):
    """A whole encoder-decoder; source and target have n positions each, nothing is padded."""

    module: Seq2Seq

    def __init__(self, cell: Cell, device: str, settings: speed.Speed, options: SizeOptions) -> None:
        super().__init__(cell, device, settings)
        kind = architecture(cell.architecture)
        with self.device:
            self.module = kind(config_for(kind, cell.model), WITHOUT_TASK).train()
        n = options.n
        self.batch = fixed_batch(WITHOUT_TASK, n, n, options.batch, cell.seed).to(device)
        self.optimizer: Any = None

    def forward(self) -> Tensor:
        """Return the teacher-forced logits."""
        return self.module(self.batch)

    def loss(self, output: Tensor) -> Tensor:
        """Return the model's own loss."""
        return self.module.loss(output, self.batch)

    def update(self) -> None:
        """Clip the gradients and let the model's own optimiser step."""
        if self.optimizer is None:
            self.optimizer = self.module.configure_optimizers()["optimizer"]
        nn.utils.clip_grad_norm_(self.module.parameters(), self.module.recipe.gradient_clip)
        self.optimizer.step()


def build(cell: Cell) -> Subject:
    """Build what a cell measures, under its settings; the weights are a function of its seed.

    Raises:
        BadInput: the architecture has no layer of that name, or an option is wrong.
    """
    return _made(cell, cell.device, speed.choose(cell.device, cell.speed), sizes_of(cell))


def build_on_meta(cell: Cell, n: int) -> Subject:
    """Build it with ``n`` positions on the meta device, where operators run without computing.

    Attention is explicit unless the configuration says otherwise, so that the graph is the same at
    every length and no operator hides others.
    """
    settings = dataclasses.replace(speed.PLAIN, attention="explicit")
    return _made(cell, "meta", settings, sizes_of(cell).model_copy(update={"n": n}))


def sizes_of(cell: Cell) -> SizeOptions:
    """Return the part of a cell's options that all these measures share."""
    found = {key: cell.options[key] for key in SizeOptions.model_fields if key in cell.options}
    return SizeOptions.model_validate(found)


def _made(cell: Cell, device: str, settings: speed.Speed, options: SizeOptions) -> Subject:
    kind = LayerSubject if options.scope == "layer" else ModelSubject
    torch.manual_seed(scoped_seed(cell.seed, "initialisation"))
    subject = kind(cell, device, settings, options)
    subject.settle()
    return subject


def formula(cell: Cell) -> int:
    """Return the forward FLOPs that theory gives, for the whole batch."""
    options = sizes_of(cell)
    if options.scope == "layer":
        layer, config = layer_of(cell)
        return layer.flops(config, options.n) * options.batch
    kind = architecture(cell.architecture)
    cost = kind.cost(config_for(kind, cell.model), WITHOUT_TASK, options.n, options.n)
    return cost.flops * options.batch


def layer_of(cell: Cell) -> tuple[Layer, ModelConfig]:
    """Return the layer that a cell names, and the architecture's configuration.

    Raises:
        BadInput: there is no such layer.
    """
    kind, wanted = architecture(cell.architecture), sizes_of(cell).part
    layers = kind.layers()
    part = wanted or next(iter(layers))
    if part not in layers:
        raise BadInput(
            f"part = '{part}': {cell.architecture} has no such layer.{nearest(part, layers)}"
        )
    return layers[part], config_for(kind, cell.model)
