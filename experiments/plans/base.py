"""What a plan is: a function from a profile to blocks, and what its records feed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from experiments.cell import Block
from models import CORE

Profile = Literal["smoke", "quick", "standard", "full"]
PROFILES: tuple[Profile, ...] = get_args(Profile)


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the user asked a plan for."""

    profile: Profile
    architectures: Sequence[str]  # names or module:Class, in legend order
    device: Literal["cpu", "cuda"]
    threads: int  # all cores of the machine (timing); training cells take one each on a CPU
    speed: Literal["fast", "plain"] = "fast"
    corpus: str | None = None  # a folder, or a name on the hub; None: what the plan has embedded
    pair: str | None = None  # source and target language of it, such as en-de
    columns: tuple[str, str] | None = None  # of a corpus with other names than the languages
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Part (model, task, recipe, measure) -> key -> value, in place of the plan's."""
    tuned: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)
    """Architecture -> part -> key -> value, in place of the plan's; ``settings`` come after."""
    seeds: int | None = None
    """So many of everything that is drawn, in place of the profile's."""

    def replicates(self, planned: int) -> range:
        """Return the seeds of something that the profile draws ``planned`` times."""
        return range(self.seeds or planned)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One question, or several, as cells."""

    name: str
    description: str
    budget: str  # the one kind of budget, in words: "equal steps", "equal tokens a batch"
    blocks: Callable[[Request], list[Block]]
    architectures: tuple[str, ...] = CORE  # what it compares unless told otherwise
    corpora: bool = False  # whether it takes a corpus
    equal_sizes: bool = True  # whether all its models of one task have equal parameters
    figures: tuple[str, ...] = ()  # names in analysis.figures
    tables: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()  # ids of claims.md
    profiles: dict[Profile, str] = field(default_factory=dict)  # one line each: seeds, sizes, cost
