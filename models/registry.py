"""Architectures by name, and their options as validated configurations."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from models import ENTRY_POINTS, MODELS, lookup
from models.config import ModelConfig
from models.errors import BadInput, explain

if TYPE_CHECKING:  # torch is imported by the architecture's own module, when it is used
    from models.base import Seq2Seq


def architecture(name: str) -> "type[Seq2Seq]":
    """Return the class of a registered name, an entry point or ``"module:Class"``.

    Raises:
        BadInput: there is none, it is no Seq2Seq, or it leaves a method of the contract out.
    """
    found = lookup.find(name, MODELS, ENTRY_POINTS, "architecture")
    from models.base import Seq2Seq

    if not (isinstance(found, type) and issubclass(found, Seq2Seq)):
        raise BadInput(f"architecture '{name}': {_called(found)} does not extend models.base.Seq2Seq.")
    missing = [key for key in dir(Seq2Seq) if _is_abstract(found, key)]
    if missing:
        raise BadInput(
            f"architecture '{name}': {_called(found)} does not implement {', '.join(missing)}."
        )
    return found


def config_for(cls: "type[Seq2Seq]", options: Mapping[str, Any]) -> ModelConfig:
    """Return the validated configuration of an architecture.

    Raises:
        BadInput: one line that names every wrong key with its value and the nearest valid key.
    """
    try:
        return cls.Config.model_validate(dict(options))
    except ValidationError as error:
        raise explain(error, f"options of {cls.__name__}", cls.Config.model_fields) from error


def describe_all() -> dict[str, str]:
    """Return every known architecture with one line about it; imports none of them."""
    known = lookup.names(MODELS, ENTRY_POINTS)
    return {name: lookup.describe(target) for name, target in known.items()}


def _is_abstract(cls: type, key: str) -> bool:
    return getattr(getattr(cls, key, None), "__isabstractmethod__", False)


def _called(thing: object) -> str:
    return getattr(thing, "__name__", None) or f"a {type(thing).__name__}"
