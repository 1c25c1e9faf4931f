"""Probes of the running service, and logs that hold no secret."""

from __future__ import annotations

import json
import subprocess
import sys

import requests
from flask.testing import FlaskClient

from tests.service.support import Processes, wait_until


def test_the_running_service_is_ready(running: Processes) -> None:
    assert requests.get(f"{running.url}/healthz", timeout=5).json() == {"status": "ok"}
    answer = requests.get(f"{running.url}/readyz", timeout=5)
    assert answer.status_code == 200
    assert answer.json() == {"status": "ready", "checks": {"store": "ok", "worker": "ok", "queue": "ok"}}
    assert requests.get(running.url, timeout=2).status_code == 200


def test_without_a_worker_it_is_not_ready(client: FlaskClient) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "no worker" in answer.get_json()["checks"]["worker"]
    assert client.get("/healthz").status_code == 200


def test_logs_are_json_lines_without_keys(running: Processes, running_key: str, photo: bytes) -> None:
    requests.post(
        f"{running.url}/v1/plate-reader/?token={running_key}",
        headers={"Authorization": f"Token {running_key}", "X-Request-Id": "seen-in-the-log"},
        files={"upload": photo},
        timeout=30,
    )
    lines = [json.loads(line) for line in running.log("web").splitlines() if line.startswith("{")]
    (line,) = [line for line in lines if line.get("request_id") == "seen-in-the-log"]
    assert line["status"] == 201
    assert line["path"] == "/v1/plate-reader/"
    # The worker tells of a batch after its answers are out.
    wait_until(lambda: line["job_id"] in running.log("worker"), 10, "the worker's log has the job")
    for name in ("web", "worker", "webhooks"):
        assert running_key not in running.log(name)


def test_the_runtime_is_found_without_its_python_module() -> None:
    # In a process of its own: other tests here import it.
    code = "import sys; from worker.engine import find_runtime; print(find_runtime(), 'onnxruntime' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert found[0].startswith("/")
    assert found[1] == "False"
