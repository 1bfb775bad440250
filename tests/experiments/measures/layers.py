"""An architecture whose layers have known costs, paths and kernels; and cells that measure them.

B batch, N positions, D width.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from experiments.cell import Cell
from experiments.measures.base import Context
from experiments.store import Store
from models.base import Seq2Seq
from models.config import ModelConfig
from models.layer import Layer

NAME = f"{__name__}:Known"


class Map(nn.Module):
    """A linear map at every position: 2·n·d² FLOPs, no way from one position to another."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.linear = nn.Linear(config.width, config.width)

    def forward(self, x_BND: Tensor) -> Tensor:
        return self.linear(x_BND)

    def update(self, x_BND: Tensor, state: Any) -> tuple[Tensor, Any]:
        return self(x_BND), None


class Window(nn.Module):
    """The mean of a position's last ``REACH + 1`` inputs: REACH positions further at each update."""

    REACH = 3

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, x_BND: Tensor) -> Tensor:
        shifted = [nn.functional.pad(x_BND, (0, 0, back, 0))[:, : x_BND.shape[1]] for back in range(4)]
        return self.scale * sum(shifted[1:], shifted[0])

    def update(self, x_BND: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
        output_BND = self(x_BND if state is None else state)
        return output_BND, output_BND


class Fading(nn.Module):
    """h_t = 1e-9·h_{t-1} + x_t: after 40 steps the gradient is too small for a float."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()

    def update(self, x_BND: Tensor, state: dict[str, Tensor] | None) -> tuple[Tensor, Any]:
        h_BND = torch.zeros_like(x_BND) if state is None else state["h"]
        new_BND = 1e-9 * nn.functional.pad(h_BND[:, :-1], (0, 0, 1, 0)) + x_BND
        return new_BND, {"h": new_BND}


class Explicit(nn.Module):
    """softmax(X Xᵀ) X with all n² weights: 4·n²·d FLOPs."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()

    def forward(self, x_BND: Tensor) -> Tensor:
        return (x_BND @ x_BND.transpose(1, 2)).softmax(dim=-1) @ x_BND

    def update(self, x_BND: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
        output_BND = self(x_BND if state is None else state)
        return output_BND, output_BND


class Cubic(nn.Module):
    """The product of X Xᵀ with itself, n times: a count that no parabola follows."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()

    def forward(self, x_BND: Tensor) -> Tensor:
        y_BNN = x_BND @ x_BND.transpose(1, 2)
        for _ in range(x_BND.shape[1]):
            y_BNN = y_BNN @ y_BNN
        return y_BNN @ x_BND


class Exhausted(nn.Module):
    """Fits on no machine."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()

    def forward(self, x_BND: Tensor) -> Tensor:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")


def layer(
    build: Callable[[Any], Any],
    flops: Callable[[Any, int], int],
    path: int = 1,
    sequential: Callable[[int], int] = lambda n: 1,
) -> Layer:
    return Layer(
        description="known",
        build=build,
        complexity="",
        sequential="",
        path="",
        flop_exponents=(1.0, 1.0),
        memory_exponent=1.0,
        parameters=lambda config: 0,
        flops=flops,
        sequential_operations=sequential,
        path_length=lambda k: path,
    )


class Known(Seq2Seq):
    """Layers alone."""

    @classmethod
    def layers(cls) -> dict[str, Layer]:
        return {
            "map": layer(Map, lambda config, n: 2 * n * config.width**2),
            "misjudged": layer(Map, lambda config, n: 2 * n * config.width**2 + 1),
            "uncounted": layer(Window, lambda config, n: 7),
            "window": layer(Window, lambda config, n: 0),
            "fading": layer(Fading, lambda config, n: 0),
            "explicit": layer(Explicit, lambda config, n: 4 * n * n * config.width),
            "cubic": layer(Cubic, lambda config, n: 0, sequential=lambda n: n + 2),
            "exhausted": layer(Exhausted, lambda config, n: 0),
        }

    build = encode = decode = start = step = core_parameters = cost = None  # type: ignore[assignment]


def cell(
    measure: str,
    part: str = "",
    architecture: str = NAME,
    model: dict[str, Any] | None = None,
    **options: Any,
) -> Cell:
    return Cell(
        measure=measure,
        architecture=architecture,
        model={"width": 8, **(model or {})},
        options={"scope": "layer", "part": part, "n": 8, **options},
    )


def context(tmp_path: Path) -> Context:
    return Context(store=Store(tmp_path))
