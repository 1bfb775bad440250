"""The runs of one store in W&B: opened, filled from records, finished. Used in the mirror's process."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from experiments.cell import Cell
from experiments.store import Store, read_json
from experiments.tracking import content
from experiments.tracking.content import Series, safe
from experiments.tracking.ledger import Ledger, content_hash
from experiments.tracking.tables import by_architecture
from experiments.tracking.target import agents_run, plain

REPORT_FILES = (
    *("report.html", "claims.html", "report.md", "architectures/*.*", "failures/*.*"),
    *("figures/*.svg", "figures/*.csv", "tables/*.csv", "tables/pages/*.csv"),
)


class Runs:
    """Everything that is written to W&B; the one place that calls it."""

    def __init__(
        self,
        store: Store,
        *,
        mode: Literal["online", "offline"],
        project: str,
        entity: str | None,
        group: str,
    ) -> None:
        import wandb

        self.wandb = wandb
        self.store, self.mode = store, mode
        self.project, self.entity, self.group = project, entity, group
        self.plan = read_json(store.manifest) if store.manifest.exists() else {}
        self.folder = store.folder / "wandb"
        self.ledger = Ledger(self.folder / "logged.jsonl")
        self.open: dict[str, Any] = {}  # key -> run of a cell that trains now
        self.defined: dict[str, set[str]] = {}
        self.points: dict[str, set[tuple[str, float]]] = {}  # key -> (series, x) that are logged
        self.url: str | None = None  # of the group, once the server said so

    def point(self, cell: Cell, curve: str, x: float, y: float) -> None:
        """Log one point of a curve of a cell that runs."""
        run = self.open.get(cell.key) or self._begin(cell)
        axis = content.curve_axis(curve, cell.measure)
        self._log(cell.key, run, Series(content.curve_name(curve), axis, [(x, y)]))

    def recorded(self, key: str, alive: Callable[[], None] = lambda: None) -> bool:
        """Log the rest of a run from its record and finish it; return False if it was logged before."""
        path = self.store.path(key)
        if not path.exists():  # a comparison is measured again
            return False
        digest = content_hash(path)
        name = agents_run() or key
        with self.ledger.claim(name) as claimed:
            if not claimed or self.ledger.has(name, digest):
                self._abandon(key)
                return False
            record = self.store.read(key)
            run = self.open.get(key) or self._begin(record.cell)
            alive()
            run.config.update({"environment": record.environment, "block": record.block})
            for series in content.series(record):
                self._log(key, run, series)
            run.summary.update(content.summary(record))
            alive()
            self._finish(key, failed=record.status not in content.RESULTS)
            self.ledger.add(name, digest)
        return True

    def reported(self, folder: Path, alive: Callable[[], None] = lambda: None) -> bool:
        """Log the final report: the page, every figure, and all files as one artifact."""
        key, page = f"{self.group}-report", folder / "report.html"
        digest = content_hash(page)
        with self.ledger.claim(key) as claimed:
            if not claimed or self.ledger.has(key, digest):
                return False
            run = self._init(key, name=f"report of {self.group}", job_type="report", config={})
            media = {f"figures/{path.stem}": path for path in sorted(folder.glob("figures/*.svg"))}
            for name, path in {"report": page, **media}.items():
                run.log({name: self.wandb.Html(path.read_text(encoding="utf-8"), inject=False)})
                alive()
            artifact = self.wandb.Artifact(f"{self.group}-report", type="report")
            for pattern in REPORT_FILES:
                for path in sorted(folder.glob(pattern)):
                    artifact.add_file(str(path), name=path.relative_to(folder).as_posix())
            run.log_artifact(artifact)
            run.summary.update(_counts(self.store))
            alive()
            run.finish()
            for architecture, values in by_architecture(folder).items():
                self._compared(architecture, values)
                alive()
            self.ledger.add(key, digest)
        return True

    def _compared(self, architecture: str, values: dict[str, Any]) -> None:
        """Log what the report's tables say of one architecture, as a run of its own."""
        run = self._init(
            plain(f"{self.group}-{architecture}"),
            name=f"{architecture} in {self.group}",
            job_type="comparison",
            config={"architecture": architecture},
        )
        run.summary.update({safe(name): value for name, value in values.items()})
        run.finish()

    def missing(self) -> list[str]:
        """Return the keys of records that W&B does not have as they are now."""
        planned = self.plan.get("cells")
        paths = [
            path
            for path in sorted(self.store.records.glob("*.json"))
            if planned is None or path.stem in planned  # others are of older versions
        ]
        return [path.stem for path in paths if not self.ledger.has(path.stem, content_hash(path))]

    def close(self) -> None:
        """Finish the runs of cells that were not recorded: W&B shows them as failed."""
        for key in list(self.open):
            self._finish(key, failed=True)
        self.ledger.close()

    # W&B ------------------------------------------------------------------------------------------

    def _begin(self, cell: Cell) -> Any:
        plan = {name: self.plan[name] for name in ("plan", "profile") if name in self.plan}
        run = self._init(
            agents_run() or cell.key,
            name=content.name(cell),
            job_type=cell.measure,
            config=content.config(cell, **plan),
            tags=content.tags(cell),
        )
        self.open[cell.key] = run
        self.defined[cell.key], self.points[cell.key] = set(), set()
        return run

    def _init(self, key: str, **details: Any) -> Any:
        if not self.ledger.knows(key):
            self._remove_pieces(key)
        run = self.wandb.init(
            id=key,
            project=self.project,
            entity=self.entity,
            group=self.group,
            dir=str(self.store.folder),
            mode=self.mode,
            resume="allow",
            reinit="create_new",
            settings=self._settings(),
            **details,
        )
        if self.mode == "online" and run.url:
            self.url = str(run.url).rpartition("/runs/")[0]
        return run

    def _settings(self) -> Any:
        """Return settings under which W&B sends what we log, and nothing of the machine or the code."""
        return self.wandb.Settings(
            silent=True,
            console="off",
            disable_git=True,
            disable_job_creation=True,
            save_code=False,
            symlink=False,
            host="",
            init_timeout=20,
            x_disable_machine_info=True,
            x_disable_meta=True,
            x_disable_stats=True,
            x_save_requirements=False,
        )

    def _log(self, key: str, run: Any, series: Series) -> None:
        """Log the points that the run does not have yet."""
        if series.name not in self.defined[key]:
            run.define_metric(series.axis, summary="none", hidden=True)
            run.define_metric(series.name, step_metric=series.axis, summary="none")
            self.defined[key].add(series.name)
        for x, y in series.points:
            if y is not None and (series.name, x) not in self.points[key]:
                self.points[key].add((series.name, x))
                run.log({series.axis: x, series.name: y})

    def _finish(self, key: str, *, failed: bool) -> None:
        run = self.open.pop(key)
        del self.defined[key], self.points[key]
        run.finish(exit_code=1 if failed else 0)

    def _abandon(self, key: str) -> None:
        """Leave a run to the process that logged it; a part of it must not replace the whole."""
        if key in self.open:
            folder = Path(self.open[key].settings.sync_dir)
            self._finish(key, failed=False)
            if self.mode == "offline":
                shutil.rmtree(folder, ignore_errors=True)

    def _remove_pieces(self, key: str) -> None:
        """Remove files of a run that a killed process left half written: the record has all of it."""
        for folder in self.folder.glob(f"*run-*-{key}"):
            if not folder.is_symlink():
                shutil.rmtree(folder, ignore_errors=True)


def _counts(store: Store) -> dict[str, int]:
    """Return the number of records by status."""
    found: dict[str, int] = {}
    for record in store:
        found[f"cells/{record.status}"] = found.get(f"cells/{record.status}", 0) + 1
    return found


def prepare_environment(folder: Path) -> None:
    """Keep W&B quiet, without telemetry, and with a service process of our own."""
    # what W&B keeps until it is uploaded stays with the store; the cache is the user's
    os.environ.setdefault("WANDB_DATA_DIR", str(folder / "data"))
    quiet()
    os.environ.pop("WANDB_SERVICE", None)


def quiet() -> None:
    """Have W&B print nothing and report nothing of its own."""
    os.environ.update(WANDB_ERROR_REPORTING="false", WANDB_SILENT="true", WANDB_CONSOLE="off")
