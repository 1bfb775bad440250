"""One layer of an architecture, for the measures of scope ``layer``, and the theory beside it.

The textbook's complexity is that of *one layer* (Vaswani et al. 2017, Table 1), so an architecture
names its layers here. Shapes: B batch, N positions, D width.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor


class LayerModule(Protocol):
    """What a measured layer must do; any ``nn.Module`` with these two methods."""

    def __call__(self, x_BND: Tensor) -> Tensor:
        """Map (B, N, D) to (B, N, D), all positions, by the fastest kernel that training uses."""

    def update(self, x_BND: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Apply the layer's smallest parallel step once, at every position at the same time.

        A recurrent layer reads its input at t and the *previous iterate's* state at t-1 (``state`` is
        None at first, which means zeros). A layer without recurrence reads the previous iterate's
        output at every position it can reach (``state`` None: the input itself). Returns the output
        (B, N, D) and the next state. The number of updates until the output at t depends on the
        input at t-k is the path length between them.
        """


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A layer's builder and its theory. FLOPs count one multiply-add as 2, matrix products only."""

    description: str
    build: Callable[[Any], Any]  # config -> LayerModule
    complexity: str  # in the paper's notation, for example "n·d²"
    sequential: str  # for example "n" or "1"
    path: str
    flop_exponents: tuple[float, float]  # leading exponents in (n, d), n large against d
    memory_exponent: float  # activation memory in n, by a fused kernel where there is attention
    explicit_memory_exponent: float | None = None  # with attention scores stored; None: no attention
    parameters: Callable[[Any], int]  # config -> count
    flops: Callable[[Any, int], int]  # (config, n) -> forward FLOPs of one example
    sequential_operations: Callable[[int], int]  # n -> length of the chain of dependent steps
    path_length: Callable[[int], int | None]  # distance k -> number of updates; None: never joined
    path_by_options: Callable[[Any, int], int | None] | None = None  # (config, k), where they matter

    def path_over(self, config: Any, distance: int) -> int | None:
        """Return the number of updates over a distance, of a layer with these options."""
        if self.path_by_options is not None:
            return self.path_by_options(config, distance)
        return self.path_length(distance)
