"""Statements about attention that are true or false to the last digit, both sides computed.

B batch, T queries, S keys, N positions, D width, H heads, E = D / H width of a head. float64.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn

from models.attention import (
    Kernel,
    Masking,
    SelfAttention,
    attend,
    attention_weights,
    masking,
)
from models.problem import SPECIALS, Problem
from models.transformer import Transformer, TransformerConfig
from models.transformer_blocks import FeedForward

Name = Literal["numbers", "masking", "heads", "order", "linearity"]

KERNELS: tuple[Kernel, ...] = ("explicit", "fused")
SCORES = (40.0, 50.0, 45.0)
"""The products q·k of the textbook's example; its d_k is 64, so that 1/√d_k is 1/8."""

EXAMPLE_WIDTH = 64
B, N, SYMBOLS = 3, 24, 32


def numbers(config: TransformerConfig, seed: int) -> dict[str, Any]:
    """Return softmax(40, 50, 45) and softmax of the same times 1/√64, by attention itself.

    ``jacobian`` and ``jacobian_scaled`` are the Frobenius norms of ∂softmax/∂scores.
    """
    q_BHTE = torch.zeros(1, 1, 1, EXAMPLE_WIDTH, dtype=torch.float64)
    q_BHTE[..., 0] = 1.0
    k_BHSE = torch.zeros(1, 1, len(SCORES), EXAMPLE_WIDTH, dtype=torch.float64)
    k_BHSE[0, 0, :, 0] = torch.tensor(SCORES, dtype=torch.float64)
    found: dict[str, Any] = {}
    for suffix, scale in (("", 1.0), ("_scaled", None)):
        weights_S = attention_weights(q_BHTE, k_BHSE, Masking("explicit", scale=scale)).flatten()
        found[f"softmax{suffix}"] = weights_S.tolist()
        found[f"jacobian{suffix}"] = float(softmax_jacobian_norm(weights_S))
    return found


def softmax_jacobian_norm(weights_XS: Tensor) -> Tensor:
    """Return ‖diag(p) - p pᵀ‖ (Frobenius) of each row of probabilities, (X,).

    Its square is Σp² - 2Σp³ + (Σp²)².
    """
    squares = weights_XS.square().sum(dim=-1)
    total = squares - 2 * weights_XS.pow(3).sum(dim=-1) + squares.square()
    return total.clamp_min(0).sqrt()


def masked(config: TransformerConfig, seed: int) -> dict[str, Any]:
    """Compare masked scores with weights that are set to zero and divided by what is left.

    ``difference`` is the largest over: scores at -inf, our mask, and the outputs of both kernels.
    ``control`` is the same for weights that are set to zero and not divided.
    """
    generator = torch.Generator().manual_seed(seed)
    q, k, v = (_normal(generator, B, config.heads, N, config.width // config.heads) for _ in range(3))
    length_B = torch.randint(1, N + 1, (B,), generator=generator)
    padding_BS = torch.arange(N) < length_B[:, None]
    visible_BHTS = padding_BS[:, None, None, :] & torch.ones(N, N, dtype=torch.bool).tril()
    plain_BHTS = attention_weights(q, k, Masking("explicit"))
    zeroed_BHTS = plain_BHTS * visible_BHTS
    renormalised_BHTS = zeroed_BHTS / zeroed_BHTS.sum(dim=-1, keepdim=True)
    scores_BHTS = q @ k.transpose(2, 3) * q.shape[-1] ** -0.5
    infinite_BHTS = scores_BHTS.masked_fill(~visible_BHTS, -torch.inf).softmax(dim=-1)
    masks = {name: masking(name, config.heads, N, N, q, padding_BS, causal=True) for name in KERNELS}
    differences: dict[str, float] = {
        "infinite": _largest(infinite_BHTS - renormalised_BHTS),
        "ours": _largest(attention_weights(q, k, masks["explicit"]) - renormalised_BHTS),
        **{name: _largest(attend(q, k, v, masks[name]) - renormalised_BHTS @ v) for name in KERNELS},
    }
    return {
        "difference": max(differences.values()),
        **{f"difference_{name}": value for name, value in differences.items()},
        "size": _largest(renormalised_BHTS @ v),
        "control": _largest(zeroed_BHTS - renormalised_BHTS),
        "hidden": int((~visible_BHTS).sum()),
    }


def heads(config: TransformerConfig, seed: int) -> dict[str, Any]:
    """Compare one projection that is split into heads with heads that have projections of their own.

    ``control`` is the same where the separate heads are put together in another order.
    """
    generator = torch.Generator().manual_seed(seed)
    H, E = config.heads, config.width // config.heads
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        whole = SelfAttention(config.width, H).double()
    nn.init.normal_(whole.query_key_value.bias, generator=generator)
    x_BND = _normal(generator, B, N, config.width)
    weight_3HED = whole.query_key_value.weight.view(3, H, E, config.width)
    bias_3HE = whole.query_key_value.bias.view(3, H, E)
    outputs = []
    with torch.no_grad():
        for head in range(H):
            own = [_linear(weight_3HED[i, head], bias_3HE[i, head]) for i in range(3)]
            q_BNE, k_BNE, v_BNE = (linear(x_BND) for linear in own)
            scores_BNN = q_BNE @ k_BNE.transpose(1, 2) / E**0.5
            outputs.append(scores_BNN.softmax(dim=-1) @ v_BNE)
        separate_BND = whole.out(torch.cat(outputs, dim=-1))
        swapped_BND = whole.out(torch.cat(outputs[::-1], dim=-1))
        together = {name: whole(x_BND, Masking(name)) for name in KERNELS}
    return {
        "difference": max(_largest(output - separate_BND) for output in together.values()),
        "size": _largest(separate_BND),
        "control": _largest(swapped_BND - separate_BND),
        "heads": H,
    }


def order(config: TransformerConfig, seed: int) -> dict[str, Any]:
    """Compare the encoder's states of a permuted source with the permuted states of the source.

    ``control`` is the same with the sinusoidal positions of the paper.
    """
    generator = torch.Generator().manual_seed(seed)
    problem = Problem(source_size=SYMBOLS, target_size=SYMBOLS, readout="position")
    source_BS = torch.randint(SPECIALS, SYMBOLS, (B, N), generator=generator)
    permutation_S = torch.randperm(N, generator=generator)
    found = {}
    for positions in ("none", "sinusoidal"):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = Transformer(config.model_copy(update={"positions": positions}), problem)
        model = model.double().eval()
        with torch.no_grad():
            states_BSD = model.encode_source(source_BS, None).states
            permuted_BSD = model.encode_source(source_BS[:, permutation_S], None).states
        found[positions] = _largest(permuted_BSD - states_BSD[:, permutation_S])
        found[f"size_{positions}"] = _largest(states_BSD)
    return {
        "difference": found["none"],
        "size": found["size_none"],
        "control": found["sinusoidal"],
        "layers": config.layers,
    }


def linearity(config: TransformerConfig, seed: int) -> dict[str, Any]:
    """Compare attention over a mean of two sets of values with the mean of attention over each.

    The weights are the same throughout: queries and keys do not change. ``control`` is the same for a
    feed-forward network, whose ReLU is not linear. The means are weighted, and their weights add up to
    1, so that biases drop out.
    """
    generator = torch.Generator().manual_seed(seed)
    H, E, share = config.heads, config.width // config.heads, 0.3
    q, k, one, other = (_normal(generator, B, H, N, E) for _ in range(4))
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        layer = SelfAttention(config.width, H).double()
        network = FeedForward(config.width, config.inner or 4 * config.width).double()

        def attended(kernel: Kernel, v_BHSE: Tensor) -> Tensor:
            output_BHTE = attend(q, k, v_BHSE, Masking(kernel))
            return layer.out(output_BHTE.transpose(1, 2).flatten(2))

        def gap(function: Callable[[Tensor], Tensor], a: Tensor, b: Tensor) -> float:
            mean = share * function(a) + (1 - share) * function(b)
            return _largest(function(share * a + (1 - share) * b) - mean)

        first, second = (_normal(generator, B, N, config.width) for _ in range(2))
        return {
            "difference": max(gap(partial(attended, kernel), one, other) for kernel in KERNELS),
            "size": _largest(attended("explicit", one)),
            "control": gap(network, first, second),
        }


IDENTITIES: Mapping[Name, Callable[[TransformerConfig, int], dict[str, Any]]] = {
    "numbers": numbers,
    "masking": masked,
    "heads": heads,
    "order": order,
    "linearity": linearity,
}


def _normal(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def _linear(weight_ED: Tensor, bias_E: Tensor) -> nn.Linear:
    linear = nn.Linear(weight_ED.shape[1], weight_ED.shape[0], dtype=torch.float64)
    linear.weight = nn.Parameter(weight_ED.detach().clone())
    linear.bias = nn.Parameter(bias_E.detach().clone())
    return linear


def _largest(difference: Tensor) -> float:
    return float(difference.abs().max())
