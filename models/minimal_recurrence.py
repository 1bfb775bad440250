"""Recurrent layers whose gates see the input alone, so that whole sequences are one parallel scan.

B batch, N positions, F input features, D width, G pre-activations (gates x D).

Feng et al. 2024, "Were RNNs All We Needed?". The layers fit into models.recurrent_stack.
"""

from abc import abstractmethod
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.cost import linear_flops, linear_parameters
from models.layer import Layer
from models.recurrence import at_last
from models.scan import linear_scan

Candidate = Literal["positive", "linear", "tanh"]
State = tuple[Tensor]
"""h, (B, D)."""


class MinimalRecurrence(nn.Module):
    """h_t = a_t ⊙ h_{t-1} + b_t, with a_t and b_t functions of x_t alone.

    ``candidate``: ``positive`` passes W_h x through g (appendix B), g(v) = v + 0.5 where v >= 0 and
    σ(v) below, as the paper's experiments do; ``linear`` takes it as it is (sections 3.1 and 3.2);
    ``tanh`` bounds it (Martin and Cundy 2018, "Parallelizing Linear Recurrent Neural Nets", section 3).
    ``forget_bias`` is added to the gates so that with larger values the state lasts longer at first.
    Weights are drawn as those of models.recurrence: each gate's block Xavier uniform, biases zero.

    Gates and states are computed in float32 also under autocast to bfloat16, whose 8 bits would lose
    what is added to a state that lasts.
    """

    gates: ClassVar[int]

    def __init__(
        self, inputs: int, width: int, candidate: Candidate = "positive", forget_bias: float = 0.0
    ) -> None:
        super().__init__()
        self.width, self.candidate = width, candidate
        self.maps = nn.Linear(inputs, self.gates * width)
        with torch.no_grad():
            for gate_DF in self.maps.weight.chunk(self.gates):
                nn.init.xavier_uniform_(gate_DF)
            self.maps.bias.zero_()
            self.lengthen(self.maps.bias, forget_bias)

    @abstractmethod
    def lengthen(self, bias_G: Tensor, forget_bias: float) -> None:
        """Set the biases, in place, so that the state lasts longer."""

    @abstractmethod
    def coefficients(self, maps_BG: Tensor) -> tuple[Tensor, Tensor]:
        """Return a and b from the pre-activations; any leading dimensions in place of B."""

    def forward(
        self, x_BNF: Tensor, state: State | None = None, mask_BN: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """Run over whole sequences.

        Args:
            x_BNF: (B, N, F) float inputs, padded on the right.
            state: state before the first position; zeros if None.
            mask_BN: (B, N) bool, True where real; None: every position is real.

        Returns:
            h at every position (B, N, D), in the padding too, where it means nothing; and the state
            after the last *real* position of each row.
        """
        a_BND, b_BND = self.coefficients(self.project(x_BNF))
        h_BND = linear_scan(a_BND, b_BND, None if state is None else state[0]).to(x_BNF.dtype)
        return h_BND, (at_last(h_BND, mask_BN),)

    def step(self, x_BF: Tensor, state: State) -> State:
        """Advance by one position (B, F); any leading dimensions in place of B."""
        a_BD, b_BD = self.coefficients(self.project(x_BF))
        return ((a_BD * state[0] + b_BD).to(x_BF.dtype),)

    def start(self, x_BD: Tensor) -> State:
        """Return the zero state for inputs with these leading dimensions."""
        return (x_BD.new_zeros(*x_BD.shape[:-1], self.width),)

    def project(self, x_BF: Tensor) -> Tensor:
        """Return the pre-activations, in float32 at least."""
        maps_BG = self.maps(x_BF)
        return maps_BG.to(torch.promote_types(maps_BG.dtype, torch.float32))

    def content(self, maps_BD: Tensor) -> Tensor:
        """Return the candidate state from its pre-activations."""
        if self.candidate == "linear":
            return maps_BD
        if self.candidate == "tanh":
            return torch.tanh(maps_BD)
        return torch.where(maps_BD >= 0, maps_BD + 0.5, torch.sigmoid(maps_BD))


class MinGRURecurrence(MinimalRecurrence):
    """z_t = σ(W_z x_t + b_z), h_t = (1 - z_t) ⊙ h_{t-1} + z_t ⊙ g(W_h x_t + b_h) (section 3.1)."""

    gates = 2

    def lengthen(self, bias_G: Tensor, forget_bias: float) -> None:
        """Subtract from the update gate's bias."""
        bias_G[: self.width] -= forget_bias

    def coefficients(self, maps_BG: Tensor) -> tuple[Tensor, Tensor]:
        """Return 1 - z, which is σ of the negative, and z ⊙ g."""
        z_BD, content_BD = maps_BG.chunk(2, dim=-1)
        return torch.sigmoid(-z_BD), torch.sigmoid(z_BD) * self.content(content_BD)


class MinLSTMRecurrence(MinimalRecurrence):
    """h_t = f'_t ⊙ h_{t-1} + i'_t ⊙ g(W_h x_t + b_h), f' = f / (f + i), i' = i / (f + i) (section 3.2).

    f_t = σ(W_f x_t + b_f) and i_t = σ(W_i x_t + b_i). Their quotient is e^d with
    d = softplus(-k_i) - softplus(-k_f), of the pre-activations k, so f' = σ(d) and i' = σ(-d): nothing
    is divided, and both gates may be closed as far as they like.
    """

    gates = 3

    def lengthen(self, bias_G: Tensor, forget_bias: float) -> None:
        """Add to the forget gate's bias."""
        bias_G[: self.width] += forget_bias

    def coefficients(self, maps_BG: Tensor) -> tuple[Tensor, Tensor]:
        """Return f' and i' ⊙ g."""
        f_BD, i_BD, content_BD = maps_BG.chunk(3, dim=-1)
        d_BD = functional.softplus(-i_BD) - functional.softplus(-f_BD)
        return torch.sigmoid(d_BD), torch.sigmoid(-d_BD) * self.content(content_BD)


def scan_depth(n: int) -> int:
    """Return the chain of a parallel scan: the coefficients, then as many combinations as n doubles."""
    return 1 + (n - 1).bit_length() if n else 0


class ScannedLayer(nn.Module):
    """A minimal recurrence as a measured layer (see models.layer)."""

    def __init__(self, recurrence: MinimalRecurrence) -> None:
        super().__init__()
        self.recurrence = recurrence

    def forward(self, x_BND: Tensor) -> Tensor:
        """Return h at every position, (B, N, D)."""
        return self.recurrence(x_BND)[0]

    def update(self, x_BND: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Compute the coefficients, then combine those twice as far apart with every update.

        This is the scan of Hillis and Steele (1986), "Data parallel algorithms": after u updates every
        position has seen 2^(u-1) inputs, its own the last.
        """
        if state is None:
            a_BND, b_BND = self.recurrence.coefficients(self.recurrence.project(x_BND))
            return b_BND, (a_BND, b_BND, 1)
        return doubled(*state)


def doubled(a_BNX: Tensor, b_BNX: Tensor, distance: int) -> tuple[Tensor, tuple[Tensor, Tensor, int]]:
    """Combine every position with the one ``distance`` before: one step of the scan."""
    near = slice(distance, None)
    a_BMX, b_BMX = a_BNX[:, :-distance], b_BNX[:, :-distance]
    b_BNX = torch.cat([b_BNX[:, :distance], b_BNX[:, near] + a_BNX[:, near] * b_BMX], dim=1)
    a_BNX = torch.cat([a_BNX[:, :distance], a_BNX[:, near] * a_BMX], dim=1)
    return b_BNX, (a_BNX, b_BNX, 2 * distance)


def scanned_layer(name: str, make: Any, gates: int, seen: Any = lambda config: 1) -> Layer:
    """Return the theory of one minimal recurrent layer.

    ``make``: config -> MinimalRecurrence; ``seen``: config -> inputs that the gates of a position see.
    """
    return Layer(
        description=f"one {name} layer, by a parallel scan",
        build=lambda config: ScannedLayer(make(config)),
        complexity="n·d²",
        sequential="log n",
        path="log n",
        flop_exponents=(1.0, 2.0),
        memory_exponent=1.0,
        parameters=lambda config: gates * linear_parameters(seen(config) * config.width, config.width),
        flops=lambda config, n: gates * linear_flops(seen(config) * config.width, config.width, n),
        sequential_operations=scan_depth,
        path_length=lambda k: scan_depth(k + 1),
    )
