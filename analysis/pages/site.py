"""What all pages are made from: a store's pairs and failures, and where each page lies."""

from collections.abc import Sequence
from functools import cached_property

from analysis.claims_view import ClaimView
from analysis.pages.failing import Failure, failure
from analysis.pages.gradients import Profiles
from analysis.pages.page import ARCHITECTURES, FAILURES, INDEX, Link, slugs
from analysis.pages.pairs import Pair, pairs
from analysis.style import Style, styles
from analysis.view import View

Place = tuple[str, str]
"""(setting of the data, architecture)."""

HOME = Link("Report", "report")


class Site:
    """A store as pages read it; nothing is drawn or written."""

    def __init__(self, view: View, claims: Sequence[ClaimView]) -> None:
        self.view = view
        self.claims = claims
        self.pairs: list[Pair] = pairs(view)
        self.failures: dict[Place, Failure] = {
            (pair.setting, pair.architecture): found
            for pair in self.pairs
            if (found := failure(pair)) is not None
        }

    @cached_property
    def looks(self) -> dict[str, Style]:
        """Return the look of each architecture, in legend order."""
        return styles(self.view.architectures)

    @cached_property
    def profiles(self) -> Profiles:
        """Return the recorded gradients."""
        return Profiles(self.view.results)

    def of(self, architecture: str) -> list[Pair]:
        """Return an architecture's pairs in the order of the tasks."""
        return [pair for pair in self.pairs if pair.architecture == architecture]

    def beside(self, pair: Pair) -> list[Pair]:
        """Return all architectures' pairs on the same task and data, the given one among them."""
        return [other for other in self.pairs if other.setting == pair.setting]

    def architecture_path(self, architecture: str) -> str:
        """Return where an architecture's page lies, without suffix."""
        return f"{ARCHITECTURES}/{self._architecture_slugs[(architecture,)]}"

    def failure_path(self, place: Place) -> str:
        """Return where the page of a failure lies, without suffix."""
        return f"{FAILURES}/{self._failure_slugs[place]}"

    def architecture_link(self, architecture: str) -> Link:
        """Return the link to an architecture's page."""
        look = self.looks[architecture]
        return Link(look.label, self.architecture_path(architecture), colour=look.colour)

    def failure_link(self, found: Failure) -> Link:
        """Return the link to the page of a failure."""
        look = self.looks[found.pair.architecture]
        path = self.failure_path((found.pair.setting, found.pair.architecture))
        return Link(f"{look.label} on {found.pair.label}", path, colour=look.colour)

    @property
    def crumbs(self) -> tuple[Link, ...]:
        """Return the links that every page has."""
        found = [HOME, Link("Architectures", f"{ARCHITECTURES}/{INDEX}")]
        if self.failures:
            found.append(Link("Why did it fail?", f"{FAILURES}/{INDEX}"))
        return tuple(found)

    @cached_property
    def _architecture_slugs(self) -> dict[tuple[str, ...], str]:
        return slugs((name,) for name in self.view.architectures)

    @cached_property
    def _failure_slugs(self) -> dict[Place, str]:
        several = {
            task: len({pair.setting for pair in self.pairs if pair.task == task}) > 1
            for task in {pair.task for pair in self.pairs}
        }
        names = {
            place: (found.pair.architecture, found.pair.task)
            + ((found.pair.label, place[0]) if several[found.pair.task] else ())
            for place, found in self.failures.items()
        }
        found = slugs(names.values())
        return {place: found[name] for place, name in names.items()}
