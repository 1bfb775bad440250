"""Verdicts as the report shows them."""

from dataclasses import dataclass, replace
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class ClaimView:
    """One claim's row: texts only."""

    id: str
    verdict: str
    statement: str
    effect: str
    facts: tuple[tuple[str, str], ...] = ()
    details: tuple["ClaimView", ...] = ()
    seeds: str = ""
    missing: str = ""
    figure: str = ""
    figure_title: str = ""
    keys: tuple[str, ...] = ()

    @property
    def anchor(self) -> str:
        """Return the fragment that leads to it."""
        return f"claim-{self.id}"

    @property
    def summary(self) -> str:
        """Return the effect, or what is missing."""
        return self.effect or self.missing

    def linked(self, titles: dict[str, str]) -> "ClaimView":
        """Return it with its figure's title, or without a figure that the page does not have."""
        title = titles.get(self.figure, "")
        return replace(self, figure=self.figure if title else "", figure_title=title)


def read_claims(store: Path) -> list[ClaimView]:
    """Return every verdict of a store."""
    from analysis import claims

    if not hasattr(claims, "verdicts"):
        return []
    raise NotImplementedError
