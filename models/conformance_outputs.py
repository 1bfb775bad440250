"""Conformance: what a model's output may and must depend on.

B batch, S source positions, T target positions, D width. Everything is computed in float64, so that
what differs differs by a leak and not by rounding.
"""

import torch
from torch import Tensor

from models.base import Seq2Seq
from models.batch import Batch
from models.config import LONGEST_CHECKED
from models.conformance_cases import Case, as_exact, build, make_batch, valid

TOLERANCE = 1e-9


class CheckFailedError(AssertionError):
    """The architecture does not conform; ``str(error)`` says in one line what was seen."""


def require(condition: bool, message: str) -> None:
    """Raise CheckFailedError with ``message`` unless ``condition``."""
    if not condition:
        raise CheckFailedError(message)


def require_equal(got: Tensor, wanted: Tensor, message: str) -> None:
    """Raise CheckFailedError unless the tensors agree in shape, and in value to TOLERANCE."""
    require(
        got.shape == wanted.shape, f"{message}: shape {tuple(got.shape)}, not {tuple(wanted.shape)}"
    )
    if not torch.allclose(got, wanted, rtol=TOLERANCE, atol=TOLERANCE):
        difference = float((got - wanted).abs().max())
        raise CheckFailedError(f"{message}: they differ by up to {difference:.2g}")


@torch.no_grad()
def step_equals_decode(case: Case) -> None:
    """``step``, one position after the other, gives what ``decode`` gives for all at once."""
    model = build(case).eval()
    batch = as_exact(make_batch(case.problem, [6, 3, 5], [7, 7, 7]))
    memory = model.encode_source(batch.source, batch.source_mask)
    embedded_BTD = model.target_embedding(model.shift_right(batch.target))
    parallel_BTD = model.decode(embedded_BTD, memory)
    state = model.start(memory)
    for t in range(embedded_BTD.shape[1]):
        output_BD, state = model.step(embedded_BTD[:, t], state, memory)
        require_equal(output_BD, parallel_BTD[:, t], f"step and decode at position {t}")


def padding(case: Case) -> None:
    """More padding of source and target changes neither logits at real positions nor gradients."""
    model = build(case).train()
    for lengths in ([5, 5, 5], [5, 1, 3]):
        targets = [4, 2, 4]
        plain = as_exact(make_batch(case.problem, lengths, targets))
        wanted, wanted_gradients = _outputs_and_gradients(model, plain)
        for source_padding, target_padding in ((0, 0), (3, 0), (0, 2), (4, 3)):
            padded = as_exact(
                make_batch(
                    case.problem,
                    lengths,
                    targets,
                    source_padding=source_padding,
                    target_padding=target_padding,
                    mask=True,
                )
            )
            got, gradients = _outputs_and_gradients(model, padded)
            where = (
                f"source lengths {lengths}, {source_padding} more source and {target_padding} target"
            )
            require_equal(got, wanted, f"logits with {where} positions of padding and without")
            for name, gradient in gradients.items():
                message = f"gradient of {name} with {where} positions of padding and without"
                require_equal(gradient, wanted_gradients[name], message)


def _outputs_and_gradients(model: Seq2Seq, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
    logits = valid(model(batch), batch)
    weights = torch.randn(logits.shape, dtype=logits.dtype, generator=torch.Generator().manual_seed(0))
    names, parameters = zip(*model.named_parameters(), strict=True)
    gradients = torch.autograd.grad((logits * weights).sum(), parameters, allow_unused=True)
    return logits.detach(), {
        name: torch.zeros_like(parameter) if gradient is None else gradient
        for name, parameter, gradient in zip(names, parameters, gradients, strict=True)
    }


@torch.no_grad()
def batch_mates(case: Case) -> None:
    """What else is in the batch changes no row, in training or in evaluation."""
    lengths, targets = [4, 6, 2, 6], [5, 3, 5, 4]
    batch = as_exact(make_batch(case.problem, lengths, targets))
    others = as_exact(make_batch(case.problem, lengths, targets, seed=1))
    for training in (True, False):
        model = build(case).train(training)
        logits = model(batch)
        for row in range(len(lengths)):
            rows = [row, *(other for other in range(len(lengths)) if other != row)]
            mixed = Batch(
                torch.cat([batch.source[row : row + 1], others.source[rows[1:]]]),
                None if batch.source_mask is None else batch.source_mask[rows],
                torch.cat([batch.target[row : row + 1], others.target[rows[1:]]]),
                None if batch.target_mask is None else batch.target_mask[rows],
            )
            keep = _row_mask(batch, row)
            mode = "training" if training else "evaluation"
            require_equal(
                model(mixed)[0][keep], logits[row][keep], f"row {row} among other rows in {mode}"
            )


def _row_mask(batch: Batch, row: int) -> Tensor:
    return torch.tensor(True) if batch.target_mask is None else batch.target_mask[row]


def no_future(case: Case) -> None:
    """No target position sees a later one: exactly zero, in value and in gradient."""
    model = build(case).train()
    T = 7
    batch = as_exact(make_batch(case.problem, [5, 3], [T, T]))
    other = make_batch(case.problem, [5, 3], [T, T], seed=1)
    with torch.no_grad():
        logits = model(batch)
        for t in range(T - 1):
            # the target at t is an input from t + 1 on
            target = torch.cat([batch.target[:, :t], (other.target[:, t:])], dim=1)
            changed = model(Batch(batch.source, batch.source_mask, target, batch.target_mask))
            same = torch.equal(changed[:, : t + 1], logits[:, : t + 1])
            require(same, f"target tokens from position {t} on change the logits at or before {t}")
    memory = model.encode_source(batch.source, batch.source_mask)
    embedded_BTD = model.target_embedding(model.shift_right(batch.target)).detach().requires_grad_()
    output_BTD = model.decode(embedded_BTD, memory)
    for t in range(T - 1):
        gradient_BTD = _gradient(output_BTD[:, t], embedded_BTD, retain=True)
        reached = gradient_BTD[:, t + 1 :].abs().amax(dim=(0, 2)).nonzero().flatten() + t + 1
        seen = ", ".join(str(int(position)) for position in reached)
        require(not seen, f"the output at target position {t} depends on the input at {seen}")


def _gradient(output: Tensor, of: Tensor, *, retain: bool = False) -> Tensor:
    weights = torch.randn(output.shape, dtype=output.dtype, generator=torch.Generator().manual_seed(0))
    (gradient,) = torch.autograd.grad(
        (output * weights).sum(), of, retain_graph=retain, allow_unused=True
    )
    return torch.zeros_like(of) if gradient is None else gradient


@torch.no_grad()
def any_length(case: Case) -> None:
    """Lengths 1, 2, 17 and 100, padded or not, give finite logits of the right shape."""
    model = build(case, exact=False).train()
    n = LONGEST_CHECKED
    for S, T in ((1, 1), (1, n), (2, 17), (17, 2), (n, 1), (n, n)):
        for lengths in ([S, S], [S, 1]):
            batch = make_batch(case.problem, lengths, [T, 1])
            logits = model(batch)
            answers = {"decoder": (T,), "position": (S,), "last": ()}[case.problem.readout]
            shape = (2, *answers, case.problem.target_size)
            where = f"source lengths {lengths}, target length {T}"
            require(logits.shape == shape, f"{where}: logits {tuple(logits.shape)}, not {shape}")
            require(bool(valid(logits, batch).isfinite().all()), f"{where}: logits are not finite")


def depends_on_source(case: Case) -> None:
    """Every real source position has an influence on the answer (``position``: on its own answer)."""
    model = build(case).train()
    lengths = [5, 3]
    batch = as_exact(make_batch(case.problem, lengths, [4, 4]))
    embedded_BSD = model.source_embedding(batch.source).detach().requires_grad_()
    memory = model.encode(embedded_BSD, batch.source_mask)
    logits = model.logits(memory, batch.target)
    if case.problem.readout == "position":
        own = [_gradient(logits[:, s], embedded_BSD, retain=True)[:, s] for s in range(max(lengths))]
        influence_BS = torch.stack(own, dim=1).norm(dim=-1)
    else:
        influence_BS = _gradient(logits, embedded_BSD).norm(dim=-1)
    for row, length in enumerate(lengths):
        unused = [s for s in range(length) if influence_BS[row, s] == 0]
        require(not unused, f"the answer does not depend on source positions {unused} of {length}")


@torch.no_grad()
def dropout_modes(case: Case) -> None:
    """Dropout acts in training, and evaluation is what it would be without."""
    batch = make_batch(case.problem, [5, 3, 4], [6, 6, 6])
    plain, dropping = build(case, exact=False).eval(), build(case, exact=False, dropout=0.5)
    dropping.load_state_dict(plain.state_dict())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        dropping.eval()
        first, second = valid(dropping(batch), batch), valid(dropping(batch), batch)
        require(torch.equal(first, second), "two evaluations with dropout = 0.5 differ")
        same = torch.allclose(first, valid(plain(batch), batch), rtol=1e-4, atol=1e-5)
        require(same, "evaluation with dropout = 0.5 is not evaluation without dropout")
        dropping.train()
        first, second = valid(dropping(batch), batch), valid(dropping(batch), batch)
        require(not torch.equal(first, second), "dropout = 0.5 changes nothing in training")
