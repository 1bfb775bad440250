"""What a page beside the report is made of; one template each for HTML and Markdown shows them all."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from analysis.claims_view import ClaimView
from analysis.pages.case import Explanation
from analysis.tables.base import Table
from experiments.cell import digest

ARCHITECTURES = "architectures"
FAILURES = "failures"
INDEX = "index"


@dataclass(frozen=True)
class Link:
    """A page, from the report's folder, without its suffix; ``anchor`` is a place in it."""

    text: str
    path: str
    anchor: str = ""
    colour: str = ""  # a dot before the text: the architecture's colour
    note: str = ""

    def href(self, suffix: str = "html") -> str:
        """Return the reference from the report's folder."""
        return f"{self.path}.{suffix}" + (f"#{self.anchor}" if self.anchor else "")


@dataclass(frozen=True)
class Picture:
    """A chart that lies in ``figures/`` as a file."""

    name: str
    title: str


@dataclass(frozen=True)
class Gallery:
    """Charts that answer one thing together, and the figure of the report that they are from."""

    title: str
    caption: str
    pictures: tuple[Picture, ...]
    figure: str  # whose numbers are ``figures/<figure>.csv``
    size: str = "half"


@dataclass(frozen=True, kw_only=True)
class Part:
    """One section of a page."""

    anchor: str
    heading: str
    answer: str = ""
    texts: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    points: tuple[Explanation, ...] = ()
    galleries: tuple[Gallery, ...] = ()
    tables: tuple[Table, ...] = ()
    claims: tuple[ClaimView, ...] = ()
    links: tuple[Link, ...] = ()
    limits: tuple[str, ...] = ()
    charts_first: bool = False

    @property
    def side_by_side(self) -> bool:
        """Whether its charts, one a figure, share a row."""
        return len(self.galleries) > 1 and all(len(one.pictures) == 1 for one in self.galleries)


@dataclass(frozen=True, kw_only=True)
class Page:
    """One file, as HTML and as Markdown."""

    path: str  # from the report's folder, without suffix
    title: str
    lead: str
    facts: tuple[tuple[str, str], ...] = ()
    crumbs: tuple[Link, ...] = ()  # the way back
    parts: tuple[Part, ...] = field(default_factory=tuple)

    @property
    def root(self) -> str:
        """Return the way to the report's folder."""
        return "../" * self.path.count("/")


def slugs(names: Iterable[tuple[str, ...]]) -> dict[tuple[str, ...], str]:
    """Return name → what its file is called: letters, digits and lines, no two alike in any case.

    The parts of a name are joined by a line. One that is like another's carries a hash.
    """
    found: dict[tuple[str, ...], str] = {}
    taken = {"", INDEX}
    for name in names:
        slug = re.sub(r"[^A-Za-z0-9_-]+", "-", "-".join(name))[:100].strip("-")
        if slug.casefold() in taken:
            slug = f"{slug}-{digest(list(name))[:8]}".strip("-")
        taken.add(slug.casefold())
        found[name] = slug
    return found
