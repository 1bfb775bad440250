"""optuna-dashboard opens on the storage of a sweep's queue."""

import json
from typing import Any
from wsgiref.util import setup_testing_defaults

import optuna_dashboard

from experiments.cell import Block
from experiments.sweep.queue import Queue
from experiments.sweep.storage import open_storage
from tests.experiments.toys import toy


def test_it_shows_the_queue_of_a_sweep(tmp_path):
    storage = open_storage(str(tmp_path / "sweep.db"), create=True)
    queue = Queue.create(storage, "some-sweep", grace_s=60, plan="toys", profile="smoke", store="store")
    blocks = [Block(name=f"toy {seed}", cells=(toy(seed=seed),)) for seed in range(3)]
    assert queue.enqueue(blocks, planned={block.key for block in blocks}) == 3
    seen: list[str] = []

    def start_response(status: str, headers: Any, error: Any = None) -> None:
        seen.append(status)

    request: dict[str, Any] = {"PATH_INFO": "/api/studies"}
    setup_testing_defaults(request)
    answer = json.loads(b"".join(optuna_dashboard.wsgi(storage)(request, start_response)))
    storage.engine.dispose()
    assert seen == ["200 OK"]
    names = [study["study_name"] for study in answer["study_summaries"]]
    assert any("some-sweep" in name for name in names)
