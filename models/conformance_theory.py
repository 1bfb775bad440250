"""Conformance: the theory that stands beside the measurements, and fairness by construction."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from models.base import Seq2Seq
from models.conformance_cases import Case, build, make_batch, with_dropout
from models.conformance_outputs import require
from models.projection import Projection

_FREE = (
    "Config",
    "accept",  # a problem may be refused
    "summarise",
    "select",
    "attention_maps",
    "own_search_space",
    "receptive_field",
    "extra_repr",
)


def parameters(case: Case) -> None:
    """The formulas ``core_parameters`` and ``cost`` give the counted parameters."""
    counted = build(case).counted_core_parameters()
    formula = case.cls.core_parameters(case.config, case.problem)
    require(formula == counted, f"core_parameters says {formula:,}, the model has {counted:,}")
    S, T = 5 * case.problem.has_source, 4 * case.problem.has_target
    stated = case.cls.cost(case.config, case.problem, S, T).parameters
    require(stated == counted, f"cost says {stated:,} parameters, the model has {counted:,}")


def flops(case: Case) -> None:
    """The formula in ``cost`` gives the FLOPs of a forward pass as counted on the meta device."""
    with torch.device("meta"):
        model = case.cls(with_dropout(case.config, 0.0), case.problem)
    for S, T in ((5, 4), (2, 7)):
        batch = make_batch(case.problem, [S], [T]).to("meta")
        counted = counted_flops(model, batch)
        has_source, has_target = case.problem.has_source, case.problem.has_target
        formula = case.cls.cost(case.config, case.problem, S * has_source, T * has_target).flops
        lengths = f"source length {S}, target length {T}"
        require(formula == counted, f"{lengths}: cost says {formula:,} FLOPs, counted are {counted:,}")


def counted_flops(function: Callable[..., Any], *arguments: Any) -> int:
    """Count the FLOPs of matrix products, on the meta device: on a CPU fused kernels count as 0."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        function(*arguments)
    return counter.get_total_flops()


def layers(case: Case) -> None:
    """Each of ``layers()`` keeps the shape; its formulas give its parameters, FLOPs and path length."""
    described = case.cls.layers()
    require(bool(described), "layers() is empty: the first is the architecture's row of Table 1")
    for part, layer in described.items():
        with torch.device("meta"):
            module = layer.build(case.config)
        counted = sum(parameter.numel() for parameter in module.parameters())
        formula = layer.parameters(case.config)
        require(formula == counted, f"{part}: formula {formula:,} parameters, counted {counted:,}")
        for n in (1, 5):
            x_BND = torch.zeros(1, n, case.config.width, device="meta")
            shape = tuple(module(x_BND).shape)
            require(shape == x_BND.shape, f"{part}: maps {tuple(x_BND.shape)} to {shape}")
            shape = tuple(module.update(x_BND, None)[0].shape)
            require(shape == x_BND.shape, f"{part}: update maps {tuple(x_BND.shape)} to {shape}")
            counted = counted_flops(module, x_BND)
            formula = layer.flops(case.config, n)
            require(
                formula == counted, f"{part}, n = {n}: formula {formula:,} FLOPs, counted {counted:,}"
            )

        module = layer.build(case.config).double().eval()
        for k in (0, 1, 4):
            counted = counted_path(module, case.config.width, k)
            path = layer.path_over(case.config, k)
            require(path == counted, f"{part}: formula path {path} over {k}, counted {counted}")


def counted_path(module: Any, width: int, distance: int) -> int | None:
    """Count the updates of a layer until its last output depends on the input ``distance`` back."""
    N = distance + 1
    x_BND = torch.randn(1, N, width, dtype=torch.float64, requires_grad=True)
    state = None
    for updates in range(1, N + 1):
        output_BND, state = module.update(x_BND, state)
        (gradient_BND,) = torch.autograd.grad(output_BND[:, -1].sin().sum(), x_BND, retain_graph=True)
        if bool(gradient_BND[:, 0].any()):
            return updates
    return None


def overrides(case: Case) -> None:
    """Embeddings, readouts, loss, optimiser and loop are the shared ones: fairness by construction."""
    shared = {name for name in dir(Seq2Seq) if _is_shared(name)}
    for cls in case.cls.__mro__[: case.cls.__mro__.index(Seq2Seq)]:
        changed = sorted(shared & set(vars(cls)))
        require(not changed, f"{cls.__name__} overrides {', '.join(changed)}, which all share")
    model = build(case)
    changed = sorted(shared & set(vars(model)))
    require(not changed, f"build replaces {', '.join(changed)}, which all share")
    D, problem = case.config.width, case.problem
    source = nn.Embedding if problem.source_kind == "tokens" else nn.Linear
    expected: dict[str, nn.Module] = {"head": Projection(D, problem.target_size)}
    if problem.has_source:
        expected["source_embedding"] = source(problem.source_size, D)
    if problem.has_target:
        expected["target_embedding"] = nn.Embedding(problem.target_size, D)
    for name, module in expected.items():
        own = getattr(model, name)
        kept = type(own) is type(module) and _shapes(own) == _shapes(module)
        require(kept, f"build replaces {name}, which no parameter budget counts")


def _shapes(module: nn.Module) -> dict[str, torch.Size]:
    return {name: parameter.shape for name, parameter in module.named_parameters()}


def _is_shared(name: str) -> bool:
    """Whether this attribute of Seq2Seq is a method that is neither abstract nor free to choose."""
    found = getattr(Seq2Seq, name)
    if name in ("__init__", "_tie"):
        return True
    if name.startswith("_") or name in _FREE or getattr(found, "__isabstractmethod__", False):
        return False
    return callable(found) or isinstance(found, property)
