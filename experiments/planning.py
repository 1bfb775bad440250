"""Make cells: every part validated, every default spelled out, every version noted."""

import functools
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ValidationError

from experiments.budget import solve_width
from experiments.cell import Cell
from experiments.environment import device_model
from experiments.measures.base import Measure
from experiments.plans.base import Request
from experiments.run import find_measure
from experiments.tasks.base import Task
from experiments.tasks.find import find_task, task_for
from models import recipe as recipes
from models.config import ModelConfig
from models.errors import BadInput, explain
from models.lookup import source_hash
from models.problem import Problem
from models.recipe import Recipe
from models.registry import architecture as find_architecture
from models.registry import config_for

if TYPE_CHECKING:  # an architecture brings torch with it
    from models.base import Seq2Seq

WITHOUT_TASK = Problem(source_size=32, target_size=32)
"""What a whole model is built for where no task is trained: tokens in, tokens out."""

_OWN = ("models", "experiments")  # packages whose versions are numbers; others' are their source


def make_cell(
    *,
    measure: str,
    architecture: str,
    task: str | None = None,
    model: Mapping[str, Any] | None = None,
    data: Mapping[str, Any] | None = None,
    recipe: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
    seed: int = 0,
    request: Request,
    threads: int | None = None,
    precision: Literal["float32", "bfloat16"] | None = None,
    parameter_budget: int | None = None,
) -> Cell:
    """Return a complete cell.

    ``threads`` defaults to all of the request's where the measure runs alone, and to one elsewhere.
    ``precision`` defaults to bfloat16 for time and memory on a GPU, where the fused attention kernels
    ask for it, and to float32 elsewhere: accuracies are then comparable between devices.
    ``parameter_budget`` solves for ``width`` (within 2 %), which ``model`` must then leave out.
    The request's tuned values, then its settings, replace the plan's where the cell has the option.

    Raises:
        BadInput: anything is wrong; one line that names the key, the value and the nearest valid one.
    """
    kind = find_measure(measure)
    cls = find_architecture(architecture)
    tuned = request.tuned.get(architecture, {}) if kind.trains else {}
    model = _replaced(model, cls.Config, "model", tuned, request.settings)
    options = _replaced(options, kind.Options, "measure", tuned, request.settings)
    if kind.trains:
        recipe = _replaced(recipe, Recipe, "recipe", tuned, request.settings)
    if task is not None:
        data = _replaced(data, find_task(task), "task", tuned, request.settings)
    subject = _task(kind, measure, task, data)
    problem = subject.problem() if subject else WITHOUT_TASK
    if subject or options.get("scope") == "model":  # a layer is measured whatever its model is for
        cls.accept(problem)
    if seed < 0:
        raise BadInput(f"seed = {seed}: must be 0 or more.")
    config = _config(cls, model, problem, parameter_budget)
    _check_tying(config, problem)
    on_device = kind.trains or _hardware_bound(kind)
    device = request.device if on_device else "cpu"
    on_gpu = _hardware_bound(kind) and device == "cuda"
    return Cell(
        measure=measure,
        architecture=architecture,
        task=task,
        model=config.model_dump(mode="json"),
        data=subject.model_dump(mode="json") if subject else {},
        recipe=_recipe(kind, measure, recipe),
        options=_validated(kind.Options, options, f"options of measure '{measure}'"),
        seed=seed,
        precision=precision or ("bfloat16" if on_gpu and not kind.trains else "float32"),
        device=device,
        threads=threads or (request.threads if kind.exclusive else 1),
        speed=request.speed,
        device_model=device_model(device) if _hardware_bound(kind) else None,
        versions=_versions(kind, cls, subject),
    )


def theory(cell: Cell) -> dict[str, Any]:
    """Return what theory says of a cell: of one layer (scope ``layer``), or of the whole model.

    Keys: ``parameters``, ``flops`` (forward, one example), ``sequential_operations``,
    ``path_length``, ``state_size`` (None for a layer).
    """
    cls = find_architecture(cell.architecture)
    config = config_for(cls, cell.model)
    n = cell.options.get("n")
    if cell.options.get("scope") == "layer":
        layers = cls.layers()
        part = cell.options.get("part") or next(iter(layers))
        if part not in layers:
            raise BadInput(
                f"part = '{part}': {cell.architecture} has no such layer. Choices: {', '.join(layers)}."
            )
        layer = layers[part]
        return {
            "parameters": layer.parameters(config),
            "flops": layer.flops(config, n or 1),
            "sequential_operations": layer.sequential_operations(n or 1),
            "path_length": layer.path_over(config, n or 1),
            "state_size": None,
        }
    if cell.task is None:
        problem, source, target = WITHOUT_TASK, n or 1, n or 1
    else:
        problem, source, target = _sizes(cell.task, json.dumps(cell.data, sort_keys=True))
    return cls.cost(config, problem, source, target).as_dict()


@functools.cache
def _sizes(task: str, data: str) -> tuple[Problem, int, int]:
    """Return a task's problem and the lengths of its first batch."""
    subject = task_for(task, json.loads(data))
    problem = subject.problem()
    few = {"examples": 1, "tokens": 4000}[subject.batch_unit]
    examples = subject.train_batch(0, 0, few)
    target = examples.target.shape[1] if problem.readout == "decoder" else 0
    return problem, examples.source.shape[1], target


def _replaced(
    planned: Mapping[str, Any] | None,
    kind: type[BaseModel],
    part: str,
    *replacements: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """Return the planned options with those of ``part`` that this kind has in their place."""
    found = dict(planned or {})
    for replacement in replacements:
        given = replacement.get(part, {})
        found |= {key: value for key, value in given.items() if key in kind.model_fields}
    return found


def _task(
    kind: type[Measure], measure: str, task: str | None, data: Mapping[str, Any] | None
) -> Task | None:
    if not kind.needs_task:
        if task is not None or data:
            raise BadInput(f"task = '{task}': measure '{measure}' takes no task.")
        return None
    if task is None:
        raise BadInput(f"measure '{measure}' needs a task; `seqyard list tasks` shows them.")
    found = task_for(task, data)
    kind.accept(found)
    return found


def _recipe(kind: type[Measure], measure: str, recipe: Mapping[str, Any] | None) -> dict[str, Any]:
    if kind.trains:
        return _validated(Recipe, recipe or {}, "recipe")
    if recipe:
        raise BadInput(f"recipe: measure '{measure}' does not train.")
    return {}


def _validated(kind: type[BaseModel], given: Mapping[str, Any], what: str) -> dict[str, Any]:
    try:
        return kind.model_validate(dict(given)).model_dump(mode="json")
    except ValidationError as error:
        raise explain(error, what, kind.model_fields) from error


def _config(
    cls: "type[Seq2Seq]", model: Mapping[str, Any], problem: Problem, budget: int | None
) -> ModelConfig:
    if budget is None:
        return config_for(cls, model)
    # a plan asks for the same width once for every seed and length
    subject = (cls, json.dumps(dict(model), sort_keys=True), problem, budget)
    if subject not in _solved:
        _solved[subject] = solve_width(cls, model, problem, budget)
    return _solved[subject]


_solved: dict[tuple[Any, str, Problem, int], ModelConfig] = {}


def _check_tying(config: ModelConfig, problem: Problem) -> None:
    tied = config.tie_embeddings
    if tied != "none" and problem.readout != "decoder":
        raise BadInput(
            f"tie_embeddings = '{tied}': readout '{problem.readout}' has no target embedding; "
            "choose 'none'."
        )
    joint = problem.source_kind == "tokens" and problem.source_size == problem.target_size
    if tied == "all" and not joint:
        raise BadInput("tie_embeddings = 'all' needs one joint vocabulary; choose 'target' or 'none'.")


def _hardware_bound(kind: type[Measure]) -> bool:
    return kind.hardware_bound or kind.exclusive


def _versions(kind: type[Measure], cls: "type[Seq2Seq]", task: Task | None) -> dict[str, str]:
    found = {"measure": _version(kind), "architecture": _version(cls)}
    if task is not None:
        found["task"] = _version(type(task))
    if kind.trains:
        found["recipe"] = str(recipes.VERSION)
    return found


def _version(thing: Any) -> str:
    """Return the declared version; from outside the repository with a hash of the source."""
    outside = thing.__module__.partition(".")[0] not in _OWN
    return f"{thing.version}+{source_hash(thing)}" if outside else str(thing.version)
