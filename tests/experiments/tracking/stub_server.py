"""A W&B server on loopback, as large as sync, online runs, sweeps and agents need it; it keeps all.

It stands in for the service so that the real client can be run against it end to end; what the real
service makes of the same requests is beyond it.
"""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ENTITY = "tester"
KEY = "0123456789" * 4


class StubServer:
    """Runs, files, artifacts and sweeps that a client sent; ``offered``: values for agents, in turn."""

    def __init__(self) -> None:
        self.runs: dict[str, dict[str, Any]] = {}
        self.files: dict[str, bytes] = {}
        self.artifacts: dict[str, dict[str, Any]] = {}
        self.sweeps: dict[str, str] = {}  # name -> configuration, YAML
        self.views: list[dict[str, Any]] = []
        self.offered: list[dict[str, Any]] = []
        self.agents: list[dict[str, Any]] = []  # run states of every heartbeat
        self.operations: list[str] = []
        self.broken = False  # answers nothing but 500 from now on
        self.lock = threading.Lock()
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._say(200, b"stub")

            def do_PUT(self) -> None:
                with stub.lock:
                    stub.files[self.path.removeprefix("/upload/")] = self._body()
                self._say(200, b"")

            def do_POST(self) -> None:
                body = json.loads(self._body() or b"{}")
                if stub.broken:
                    return self._say(500, b"{}")
                with stub.lock:
                    if self.path == "/graphql":
                        answer = {"data": stub.graphql(body["query"], body.get("variables") or {})}
                    else:
                        answer = stub.file_stream(self.path, body)
                return self._say(200, json.dumps(answer).encode())

            def _body(self) -> bytes:
                if "chunked" in self.headers.get("Transfer-Encoding", ""):
                    data = b""
                    while size := int(self.rfile.readline(), 16):
                        data += self.rfile.read(size)
                        self.rfile.readline()
                    self.rfile.readline()
                    return data
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))

            def _say(self, code: int, body: bytes) -> None:
                self.send_response(code)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    # What clients ask -------------------------------------------------------------------------------

    def file_stream(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        run = self.runs[path.split("/")[-2]]
        for name, chunk in body.get("files", {}).items():
            lines, offset = chunk.get("content", []), chunk.get("offset", 0)
            if name == "wandb-history.jsonl":
                rows = run["history"]
                rows[offset : offset + len(lines)] = [json.loads(line) for line in lines]
            elif name == "wandb-summary.json":
                run["summary"] = json.loads(lines[-1])
        if body.get("complete"):
            run["exit_code"] = body.get("exitcode")
        return {"exitcode": None, "limits": {}}

    def graphql(self, query: str, given: dict[str, Any]) -> dict[str, Any]:
        found = re.search(r"(?:query|mutation)\s+(\w+)", query)
        operation = found[1] if found else query.strip()[:40]
        self.operations.append(operation)
        answer = getattr(self, f"on_{operation}", None)
        return answer(given) if answer else {}

    def on_Viewer(self, given: dict[str, Any]) -> dict[str, Any]:
        viewer = {
            "id": "1",
            "entity": ENTITY,
            "username": ENTITY,
            "name": ENTITY,
            "email": "",
            "admin": False,
            "flags": "{}",
            "teams": {"edges": []},
            "apiKeys": {"edges": []},
            "deletedAt": None,
        }
        return {"viewer": viewer}

    def on_ServerFeaturesQuery(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"serverInfo": {"features": []}}

    def on_RunResumeStatus(self, given: dict[str, Any]) -> dict[str, Any]:
        run = self.runs.get(given["name"])
        bucket = run and {
            "id": given["name"],
            "name": given["name"],
            "displayName": given["name"],
            "historyLineCount": len(run["history"]),
            "eventsLineCount": 0,
            "logLineCount": 0,
            "historyTail": json.dumps([json.dumps(row) for row in run["history"][-1:]]),
            "summaryMetrics": json.dumps(run["summary"]),
            "config": json.dumps(run["config"]),
            "eventsTail": "[]",
            "tags": [],
            "wandbConfig": '{"t": 1}',
        }
        return {"model": {"id": "p", "name": given["project"], "bucket": bucket or None}}

    def on_UpsertBucket(self, given: dict[str, Any]) -> dict[str, Any]:
        empty = {"history": [], "summary": {}, "config": {}, "exit_code": None}
        run = self.runs.setdefault(given["name"], empty)
        if given.get("config"):
            run["config"] = json.loads(given["config"])
        names = ("groupName", "displayName", "jobType", "sweep", "project", "tags")
        run.update({name: given[name] for name in names if given.get(name)})
        entity = {"id": "e", "name": ENTITY}
        project = {"id": "p", "name": run.get("project", ""), "entity": entity}
        bucket = {
            "id": given["name"],
            "name": given["name"],
            "displayName": given.get("displayName"),
            "description": "",
            "config": "{}",
            "sweepName": run.get("sweep"),
            "project": project,
            "historyLineCount": len(run["history"]),
        }
        return {"upsertBucket": {"bucket": bucket, "inserted": True}}

    def on_CreateRunFiles(self, given: dict[str, Any]) -> dict[str, Any]:
        files = [
            {"name": name, "uploadUrl": self._place(f"{given['run']}/{name}")}
            for name in given["files"]
        ]
        return {"createRunFiles": {"runID": given["run"], "uploadHeaders": [], "files": files}}

    def on_ArtifactType(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"project": {"artifact": None}}

    def on_CreateArtifact(self, given: dict[str, Any]) -> dict[str, Any]:
        name = str(len(self.artifacts))
        self.artifacts[name] = {**given["input"], "committed": False}
        sequence = {"id": name, "name": "", "latestArtifact": None}
        return {
            "createArtifact": {
                "artifact": {"id": name, "state": "PENDING", "artifactSequence": sequence}
            }
        }

    def on_CreateArtifactManifest(self, given: dict[str, Any]) -> dict[str, Any]:
        name = f"artifact-{given['artifactID']}/manifest"
        file = {"id": name, "name": name, "displayName": name, "uploadHeaders": []}
        file["uploadUrl"] = self._place(name)
        return {"createArtifactManifest": {"artifactManifest": {"id": name, "file": file}}}

    def on_CreateArtifactFiles(self, given: dict[str, Any]) -> dict[str, Any]:
        edges = []
        for file in given["input"]["artifactFiles"]:
            name = f"artifact-{file['artifactID']}/{file['name']}"
            node = {
                "id": name,
                "name": file["name"],
                "displayName": file["name"],
                "uploadUrl": self._place(name),
                "uploadHeaders": [],
                "storagePath": name,
                "uploadMultipartUrls": None,
                "artifact": {"id": file["artifactID"]},
            }
            edges.append({"node": node})
        return {"createArtifactFiles": {"files": {"edges": edges}}}

    def on_CommitArtifact(self, given: dict[str, Any]) -> dict[str, Any]:
        artifact = self.artifacts[given["artifactID"]]
        artifact["committed"] = True
        return {
            "commitArtifact": {"artifact": {"id": given["artifactID"], "digest": artifact["digest"]}}
        }

    # Sweeps and agents ------------------------------------------------------------------------------

    def on_UpsertSweep(self, given: dict[str, Any]) -> dict[str, Any]:
        name = f"sweep{len(self.sweeps)}"
        self.sweeps[name] = given["config"]
        project = {"id": "p", "name": given["projectName"], "entity": {"id": "e", "name": ENTITY}}
        return {
            "upsertSweep": {"sweep": {"name": name, "project": project}, "configValidationWarnings": []}
        }

    def on_SweepWithRuns(self, given: dict[str, Any]) -> dict[str, Any]:
        sweep = {"id": "s", "name": given["sweep"], "method": "random", "state": "RUNNING"}
        sweep |= {"config": self.sweeps[given["sweep"]], "runs": {"edges": []}}
        return {"project": {"sweep": sweep}}

    def on_CreateAgent(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"createAgent": {"agent": {"id": "agent0"}}}

    def on_Heartbeat(self, given: dict[str, Any]) -> dict[str, Any]:
        self.agents.append(json.loads(given["runState"]))
        if any(self.agents[-1].values()):
            commands = []
        elif self.offered:
            arguments = {name: {"value": value} for name, value in self.offered.pop(0).items()}
            run = f"trial{len(self.offered)}"
            commands = [{"type": "run", "run_id": run, "program": "seqyard", "args": arguments}]
        else:
            commands = [{"type": "exit"}]
        return {"agentHeartbeat": {"agent": {"id": "agent0"}, "commands": json.dumps(commands)}}

    def on_UpsertView2(self, given: dict[str, Any]) -> dict[str, Any]:
        self.views.append(given)
        return {"upsertView": {"view": {"id": "v", "name": "nw-v-v"}, "inserted": True}}

    def on_upsertView(self, given: dict[str, Any]) -> dict[str, Any]:
        self.views.append(given)
        project = {"id": "p", "name": given["projectName"], "entityName": ENTITY}
        view = {name: given[name] for name in ("name", "displayName", "description", "spec")}
        return {"upsertView": {"view": {**view, "id": "v", "project": project}, "inserted": True}}

    def on_GetProjects(self, given: dict[str, Any]) -> dict[str, Any]:
        project = {
            "__typename": "Project",
            "id": "p",
            "name": "p",
            "entityName": ENTITY,
            "createdAt": "2026-01-01T00:00:00",
            "isBenchmark": False,
            "user": None,
        }
        page = {"endCursor": None, "hasNextPage": False}
        return {"models": {"pageInfo": page, "edges": [{"node": project}]}}

    def on_ProjectInternalId(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"project": {"internalId": "UHJvamVjdEludGVybmFsSWQ6MQ=="}}

    def _place(self, name: str) -> str:
        return f"{self.url}/upload/{name}"
