"""What the conformance checks run on: problems, configurations, batches and models, all tiny.

B batch, S source positions, T target positions, F source features, V target vocabulary.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from models.base import Seq2Seq
from models.batch import Batch
from models.config import ModelConfig
from models.errors import BadInput
from models.problem import SPECIALS, Problem
from models.recipe import Recipe

WIDTH = 16

PROBLEMS: dict[str, Problem] = {
    "decoder-tokens": Problem(source_size=11, target_size=11),
    "decoder-floats": Problem(source_kind="floats", source_size=3, target_size=9),
    "decoder-alone": Problem(source_kind="none", source_size=0, target_size=11),
    "last-tokens": Problem(source_size=11, target_size=5, readout="last"),
    "last-floats": Problem(
        source_kind="floats",
        source_size=3,
        target_size=1,
        readout="last",
        objective="mean_squared_error",
    ),
    "position-tokens": Problem(source_size=11, target_size=7, readout="position"),
    "position-floats": Problem(
        source_kind="floats",
        source_size=3,
        target_size=1,
        readout="position",
        objective="mean_squared_error",
    ),
}
"""Every readout with every kind of source; cross-entropy and mean squared error."""

_VARIANT_PROBLEMS = ("decoder-tokens", "decoder-alone", "last-floats", "position-tokens")


@dataclass(frozen=True)
class Case:
    """One configuration of one architecture on one problem."""

    id: str  # for example "layers=2/decoder-tokens"
    cls: type[Seq2Seq]
    config: ModelConfig
    problem: Problem


def cases(cls: type[Seq2Seq]) -> Iterator[Case]:
    """Yield what the suite covers: the default options on every problem, each variant on some.

    A problem that the architecture does not ``accept`` is left out. Variants are two layers (if there
    is such an option), tied embeddings, and what the optional class method
    ``variants() -> list[dict]`` of the architecture returns.

    Raises:
        BadInput: it accepts none.
    """
    able = [name for name, problem in PROBLEMS.items() if _accepted(cls, problem)]
    if not able:
        raise BadInput(f"{cls.__name__} accepts no problem: {', '.join(PROBLEMS)}.")
    for name in able:
        yield Case(f"default/{name}", cls, small(cls, {}), PROBLEMS[name])
    variants: list[dict[str, Any]] = [{"layers": 2}] if "layers" in cls.Config.model_fields else []
    variants += [
        options for options in getattr(cls, "variants", list)() if options not in ({}, *variants)
    ]
    for options in variants:
        label = ",".join(f"{key}={value}" for key, value in options.items())
        for name in [name for name in _VARIANT_PROBLEMS if name in able]:
            yield Case(f"{label}/{name}", cls, small(cls, options), PROBLEMS[name])
    for tied in ("target", "all") if "decoder-tokens" in able else ():
        config = small(cls, {"tie_embeddings": tied})
        yield Case(f"tie_embeddings={tied}/decoder-tokens", cls, config, PROBLEMS["decoder-tokens"])


def _accepted(cls: type[Seq2Seq], problem: Problem) -> bool:
    try:
        cls.accept(problem)
    except BadInput:
        return False
    return True


def small(cls: type[Seq2Seq], options: dict[str, Any]) -> ModelConfig:
    """Return the configuration with these options, of the smallest valid width from WIDTH upwards."""
    config = cls.Config.model_validate(options)
    multiple = config.width_multiple()
    return config.resized(width=-(-WIDTH // multiple) * multiple)


def with_dropout(config: ModelConfig, dropout: float) -> ModelConfig:
    """Return the configuration with another dropout probability."""
    return type(config).model_validate({**config.model_dump(), "dropout": dropout})


def build(
    case: Case, *, dropout: float = 0.0, seed: int = 0, recipe: Recipe | None = None, exact: bool = True
) -> Seq2Seq:
    """Return a new model; ``exact`` for float64. The global random state is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = case.cls(with_dropout(case.config, dropout), case.problem, recipe)
    return model.double() if exact else model


def make_batch(
    problem: Problem,
    source_lengths: Sequence[int],
    target_lengths: Sequence[int] | None = None,
    *,
    source_padding: int = 0,
    target_padding: int = 0,
    mask: bool | None = None,
    seed: int = 0,
) -> Batch:
    """Return a batch whose rows depend on ``seed`` and their own number alone, not on the padding.

    What lies in the padding is random too: the masks alone say what is real. ``mask``: give masks
    (default: only where rows differ in length or are padded).
    """
    targets = list(target_lengths or source_lengths)
    if not problem.has_source:
        source_lengths, source_padding = [0] * len(targets), 0
    if problem.readout == "position":
        targets, target_padding = list(source_lengths), source_padding
    S, T = max(source_lengths) + source_padding, max(targets) + target_padding
    tokens, noise = problem.source_kind != "floats", torch.Generator().manual_seed(10_000 + S)
    source = _content(tokens, problem.source_size, (len(targets), S), noise)
    noise.manual_seed(20_000 + T)
    is_class = problem.objective == "cross_entropy"
    target = _content(is_class, problem.target_size if is_class else 0, (len(targets), T), noise)
    for row, (s, t) in enumerate(zip(source_lengths, targets, strict=True)):
        own = torch.Generator().manual_seed(1_000 * seed + row)
        source[row, :s] = _content(tokens, problem.source_size, (s,), own)
        target[row, :t] = _content(is_class, problem.target_size if is_class else 0, (t,), own)
    if problem.readout == "last":
        target, target_mask = target[:, 0], None
    else:
        target_mask = _mask(targets, T, mask)
    source_mask = _mask(source_lengths, S, mask) if problem.has_source else None
    return Batch(source, source_mask, target, target_mask)


def _content(tokens: bool, size: int, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    if tokens:
        low = SPECIALS if size > SPECIALS + 1 else 0
        return torch.randint(low, max(size, 1), shape, generator=generator)
    features = (size,) if size else ()
    return torch.randn(*shape, *features, generator=generator)


def _mask(lengths: Sequence[int], size: int, wanted: bool | None) -> Tensor | None:
    if wanted is False or (wanted is None and min(lengths) == size):
        return None
    return torch.arange(size) < torch.tensor(lengths)[:, None]


def as_exact(batch: Batch) -> Batch:
    """Return the batch with float64 in place of float32, for an exact model."""

    def cast(tensor: Tensor) -> Tensor:
        return tensor.double() if tensor.is_floating_point() else tensor

    return Batch(cast(batch.source), batch.source_mask, cast(batch.target), batch.target_mask)


def valid(logits: Tensor, batch: Batch) -> Tensor:
    """Return the logits at real positions, (number of them, V)."""
    if logits.dim() == 2 or batch.target_mask is None:
        return logits.flatten(0, -2)
    return logits[batch.target_mask]
