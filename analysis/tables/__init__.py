"""What is tabulated. One line a table: name → ``"module:function"`` of (view) → Table or None."""

import importlib

from analysis.tables.base import Table
from analysis.view import View

TABLES: dict[str, str] = {
    "table1": "analysis.tables.paper:table1",
    "spans": "analysis.tables.memory:spans",
    "digits": "analysis.tables.memory:scores",
    "throughput": "analysis.tables.speed:throughput",
    "kernels": "analysis.tables.speed:kernels",
    "exponents": "analysis.tables.scaling:exponents",
    "crossovers": "analysis.tables.scaling:crossovers",
    "translation": "analysis.tables.translation:scores",
    "significance": "analysis.tables.significance:pairs",
    "scan": "analysis.tables.scan:splits",
    "samples": "analysis.tables.samples:outputs",
    "formal_languages": "analysis.tables.formal_languages:scores",
    "agreement": "analysis.tables.agreement:table",
    "reach": "analysis.tables.reach:reach",
    "layers_needed": "analysis.tables.layers_needed:layers_needed",
    "learning_rates": "analysis.tables.learning_rates:scores",
    "memory_tasks": "analysis.tables.memory_tasks:losses",
    "ablation": "analysis.tables.ablation:table",
    "tuning": "analysis.tables.tuning:trials",
    "tuning_values": "analysis.tables.tuning:values",
    "tuning_effect": "analysis.tables.tuning:effects",
    "not_ok": "analysis.tables.cells:not_ok",
    "cells": "analysis.tables.cells:durations",
}


def tabulate(name: str, view: View) -> Table | None:
    """Return the table called ``name``, or None if no record holds anything for it."""
    module, _, function = TABLES[name].partition(":")
    table: Table | None = getattr(importlib.import_module(module), function)(view)
    return table
