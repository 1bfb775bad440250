"""Templates filled with values: HTML is escaped, Markdown by its own filter."""

import functools
import re
from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

_POWER = re.compile(r"\b([nd])\^(−?[0-9.]*[0-9])")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]#|~$])")


def render(template: str, values: Mapping[str, Any]) -> str:
    """Return a template of ``analysis/templates`` filled with ``values``."""
    return _environment().get_template(template).render(values)


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("analysis"),
        autoescape=select_autoescape(enabled_extensions=("html.j2",)),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.filters["md"] = markdown
    environment.filters["rich"] = rich
    return environment


def rich(text: object) -> Markup:
    """Escape text for HTML and raise its exponents: ``n^1.98`` becomes n with a superscript."""
    return Markup(_POWER.sub(r"\1<sup>\2</sup>", str(escape(text))))


def markdown(text: object) -> str:
    """Escape what Markdown or its embedded HTML would act on; lines become breaks."""
    marked = _MARKDOWN.sub(r"\\\1", str(text).replace("&", "&amp;").replace("<", "&lt;"))
    return marked.replace("\n", "<br>")
