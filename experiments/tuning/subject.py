"""What is tuned: one training cell of a plan, at the plan's own size, under a seed of its own.

A trial is planned by the plan itself, with the trial's values in place of the plan's, so that it is
exactly the training that a tuned run would do: same budget, same parameter count, same data. The seed
is one that the plan does not use: what is reported was not selected on.
"""

from dataclasses import dataclass, field, replace
from typing import Any

from experiments.cell import Block, Cell, digest
from experiments.planning import make_cell
from experiments.plans.base import Plan, Request
from experiments.run import find_measure
from experiments.tasks.find import task_for
from models.errors import BadInput, nearest
from models.registry import architecture as find_architecture
from models.search import Choice, Point, Range, Space, settings


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One task of a plan, for all architectures of the request."""

    plan: Plan
    request: Request
    task: str
    seed: int
    as_planned: dict[str, Cell] = field(default_factory=dict)  # by architecture, once asked for

    def planned(self, architecture: str, point: Point) -> tuple[Block, Cell]:
        """Return the training cell that the plan makes of a point, and its block.

        Raises:
            BadInput: the values exclude each other, or cannot meet the parameter budget.
        """
        request = replace(
            self.request, architectures=[architecture], tuned={architecture: settings(point)}
        )
        cells = training_cells(self.plan, request)
        return next((block, cell) for block, cell in cells if cell.task == self.task)

    def block(self, architecture: str, point: Point, name: str) -> Block:
        """Return a trial: the block of one cell of measure ``validate``.

        Raises:
            BadInput: the values exclude each other, or cannot meet the parameter budget.
        """
        block, planned = self.planned(architecture, point)
        cell = make_cell(
            measure="validate",
            architecture=architecture,
            task=planned.task,
            model=planned.model,
            data=planned.data,
            recipe=planned.recipe,
            options={"of": planned.measure},
            seed=self.seed,
            request=replace(self.request, settings={}, tuned={}),
            threads=planned.threads,
            precision=planned.precision,
        )
        return Block(name=name, cells=(cell,), timeout_s=block.timeout_s)

    def template(self, architecture: str) -> Cell:
        """Return the training cell with the plan's own values."""
        if architecture not in self.as_planned:
            self.as_planned[architecture] = self.planned(architecture, {})[1]
        return self.as_planned[architecture]

    def untuned(self, architecture: str, space: Space) -> dict[str, dict[str, dict[str, Any]]]:
        """Return what the plan has in place of the tuned values: task -> part -> key -> value."""
        request = replace(self.request, architectures=[architecture])
        found: dict[str, dict[str, dict[str, Any]]] = {}
        for _, cell in training_cells(self.plan, request):
            if cell.task and cell.task not in found:
                found[cell.task] = {
                    part: {key: getattr(cell, part)[key] for key in keys}
                    for part, keys in settings(dict.fromkeys(space)).items()
                }
        return found

    def space(self, architecture: str) -> tuple[Space, list[str]]:
        """Return what is tuned here, and why it is less than the architecture's whole space.

        Left out is what the user has set, and every choice that this plan has no room for.
        """
        cell = self.template(architecture)
        whole = find_architecture(architecture).search_space(cell.recipe["steps"])
        found: Space = {}
        notes = []
        for name, dimension in whole.items():
            if self._is_set(name):
                notes.append(f"{name} is set")
                continue
            if isinstance(dimension, Choice):
                left = tuple(v for v in dimension.values if self._room(architecture, name, v))
                refused = [value for value in dimension.values if value not in left]
                notes += [f"{name} = {value} cannot meet the parameter budget" for value in refused]
                if len(left) < 2:
                    continue
                dimension = Choice(left, dimension.why)
            found[name] = dimension
        return found, notes

    def larger_is_better(self, architecture: str) -> bool:
        """Return whether the validation score is an accuracy (or BLEU), not an error."""
        cell = self.template(architecture)
        return task_for(self.task, cell.data).problem().objective == "cross_entropy"

    def digest(self, architecture: str, space: Space) -> str:
        """Return what tells this tuning from every other: cell, versions and space."""
        cell = self.template(architecture).model_copy(update={"seed": self.seed})
        return digest([cell.key, describe(space)])[:8]

    def _is_set(self, name: str) -> bool:
        return any(
            key in self.request.settings.get(part, {})
            for part, keys in settings({name: None}).items()
            for key in keys
        )

    def _room(self, architecture: str, name: str, value: Any) -> bool:
        try:
            self.planned(architecture, {name: value})
        except BadInput:
            return False
        return True


def find_subject(plan: Plan, request: Request, task: str | None) -> Subject:
    """Return what is tuned of a plan: its first training task, or the one that is named.

    Raises:
        BadInput: the plan trains nothing, or not this, or not every architecture of the request on it.
    """
    request = replace(request, tuned={})
    cells = [cell for _, cell in training_cells(plan, request)]
    tasks = list(dict.fromkeys(cell.task for cell in cells if cell.task))
    if not tasks:
        raise BadInput(f"plan '{plan.name}' trains nothing, so there is nothing to tune.")
    if task is not None and task not in tasks:
        raise BadInput(f"--task '{task}': plan '{plan.name}' does not train it.{nearest(task, tasks)}")
    task = task or tasks[0]
    trained = {cell.architecture for cell in cells if cell.task == task}
    for name in request.architectures:
        if name not in trained:
            raise BadInput(
                f"plan '{plan.name}' does not train {name} on {task}, so not all can be tuned alike; "
                f"choose with --only: {', '.join(sorted(trained))}."
            )
    seed = max(cell.seed for cell in cells) + 1
    return Subject(plan=plan, request=request, task=task, seed=seed)


def training_cells(plan: Plan, request: Request) -> list[tuple[Block, Cell]]:
    """Return the cells that train and select a model, each with its block, in the plan's order."""
    from experiments.measures.train import Train

    return [
        (block, cell)
        for block in plan.blocks(request)
        for cell in block.cells
        if issubclass(find_measure(cell.measure), Train)
    ]


def describe(space: Space) -> dict[str, dict[str, Any]]:
    """Return a space as plain data."""
    return {name: _plain(dimension) for name, dimension in space.items()}


def _plain(dimension: Range | Choice) -> dict[str, Any]:
    if isinstance(dimension, Choice):
        return {"values": list(dimension.values)}
    low, high = dimension.extremes()
    return {"low": low, "high": high, "log": dimension.log, "integer": dimension.integer}
