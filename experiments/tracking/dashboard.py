"""A dashboard as code: a saved view of a W&B project, built without a server."""

import json
from collections.abc import Sequence
from typing import Any

import wandb_workspaces.workspaces as ws

from experiments.tracking.panels import RUNS, sections

COLUMNS = [
    *("config:measure", "config:architecture", "config:task", "config:seed"),
    *("summary:status", "summary:test", "summary:bleu", "summary:converged", "summary:duration_s"),
]


def workspace(entity: str, project: str, group: str | None, slices: Sequence[str]) -> ws.Workspace:
    """Return the dashboard of a project, or of one sweep in it (``group``)."""
    return ws.Workspace(
        entity=entity,
        project=project,
        name="Seqyard" if group is None else f"Seqyard: {group}",
        sections=[
            ws.Section(name=charts.name, panels=charts.panels, is_open=True)
            for charts in sections(slices)
        ],
        settings=ws.WorkspaceSettings(max_runs=RUNS),
        runset_settings=ws.RunsetSettings(
            filters="" if group is None else f"Metric('Group') = {group!r}",
            pinned_columns=COLUMNS,
        ),
    )


def spec(view: Any) -> dict[str, Any]:
    """Return a workspace's or report's specification as plain data, with ids that do not change.

    The library draws an id for every panel; here they are counted, so that the same code gives the
    same bytes.
    """
    data = json.loads(view._to_model().model_dump_json(by_alias=True, exclude_none=True))
    return dict(_numbered(data, {}))


def _numbered(data: Any, seen: dict[str, str]) -> Any:
    if isinstance(data, dict):
        return {
            key: seen.setdefault(value, f"id{len(seen)}")
            if key in ("__id__", "id") and isinstance(value, str) and value
            else _numbered(value, seen)
            for key, value in data.items()
        }
    if isinstance(data, list):
        return [_numbered(item, seen) for item in data]
    return data
