"""The Plate Recognizer nodes for Node-RED, in a real Node-RED, pointed at this service by their field URL alone."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.clients import installed
from tests.service.support import SAMPLE_PLATE, Processes, free_port, wait_until

# What the editor puts into a node that nobody changed, but for the URL.
DEFAULTS = {
    "inputField": "payload",
    "outputField": "payload",
    "ignoreDuring": False,
    "makeAndModel": False,
    "separateMsg": False,
    "regionFilter": False,
    "regionList": "[]",
    "regionListType": "json",
    "statusText": "scores",
    "cameraId": "",
}


class NodeRed:
    """One Node-RED. Each node of ours stands behind an HTTP route: what it is given is posted there."""

    def __init__(self, installed_in: Path, folder: Path) -> None:
        self._program = installed_in / "node_modules" / "node-red" / "red.js"
        self._folder = folder
        self._port = free_port()
        self._nodes: list[dict[str, Any]] = [{"id": "tab", "type": "tab", "label": "test"}]
        self._credentials: dict[str, dict[str, str]] = {}
        self._process: subprocess.Popen[bytes] | None = None

    def add(self, path: str, method: str, token: str, **node: Any) -> None:
        """A route in front of a node, and its first output as the answer, 200; the second, if it has one, is 502."""
        name = path.strip("/")
        ways = [[f"{name}-ok"], [f"{name}-failed"]] if node["type"] == "plate-recognizer" else [[f"{name}-ok"]]
        for each in (
            {"id": f"{name}-in", "type": "http in", "url": path, "method": method, "wires": [[name]]},
            {"id": name, "wires": ways, **node},
            {"id": f"{name}-ok", "type": "http response", "statusCode": "200"},
            {"id": f"{name}-failed", "type": "http response", "statusCode": "502"},
        ):
            self._nodes.append({"z": "tab", "x": 0, "y": 0, "wires": [], **each})
        self._credentials[name] = {"apiToken": token}

    def start(self) -> None:
        settings = {
            "uiHost": "127.0.0.1",
            "uiPort": self._port,
            "httpAdminRoot": False,
            "credentialSecret": False,
            "flowFile": "flows.json",
            "externalModules": {"autoInstall": False},
            "telemetry": {"enabled": False},
        }
        self._folder.mkdir()
        (self._folder / "settings.js").write_text(f"module.exports = {json.dumps(settings)}")
        (self._folder / "flows.json").write_text(json.dumps(self._nodes))
        (self._folder / "flows_cred.json").write_text(json.dumps(self._credentials))
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                ["node", str(self._program), "--userDir", str(self._folder)], stdout=log, stderr=log
            )
        wait_until(lambda: "Started flows" in self.log(), 120, "Node-RED has started its flows")

    def stop(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(20)

    def log(self) -> str:
        return (self._folder / "log").read_text()

    def ask(self, path: str, picture: bytes | None = None) -> requests.Response:
        url = f"http://127.0.0.1:{self._port}{path}"
        if picture is None:
            return requests.get(url, timeout=60)
        return requests.post(url, data=picture, headers={"Content-Type": "image/jpeg"}, timeout=60)


@pytest.fixture(scope="module")
def flows(running: Processes, running_key: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeRed]:
    made = NodeRed(installed.node_red(), tmp_path_factory.mktemp("node-red") / "user")

    def read(path: str, base: str, token: str, **fields: Any) -> None:
        made.add(path, "post", token, type="plate-recognizer", **{**DEFAULTS, "url": base, **fields})

    cloud, sdk = f"{running.url}/v1/plate-reader/", f"{running.sdk_url}/v1/plate-reader/"
    read("/cloud", cloud, running_key)
    # Without a token it sends the word `undefined`.
    read("/sdk", sdk, "")
    regions = {"regionFilter": True, "regionList": '["gb", "us-ca"]'}
    read("/all", cloud, running_key, makeAndModel=True, cameraId="gate 1", separateMsg=True, **regions)
    read("/wrong", cloud, "wrong")
    statistics = f"{running.url}/v1/statistics/"
    made.add("/statistics", "get", running_key, type="plate-statistics", outputField="payload", url=statistics)
    made.start()
    yield made
    made.stop()


@pytest.mark.parametrize(("path", "status"), [("/cloud", 201), ("/sdk", 200)])
def test_a_plate_is_read(flows: NodeRed, photo: bytes, path: str, status: int) -> None:
    answer = flows.ask(path, photo)
    assert answer.status_code == 200, flows.log()
    body = answer.json()
    assert [each["plate"] for each in body["results"]] == [SAMPLE_PLATE]
    # The node adds what it was answered with.
    assert body["status"] == status


def test_every_field_of_the_node(flows: NodeRed, photo: bytes) -> None:
    """It has each plate sent as a message of its own, hence an object."""
    body = flows.ask("/all", photo).json()
    assert body["results"]["plate"] == SAMPLE_PLATE
    assert body["results"]["model_make"]
    assert body["camera_id"] == "gate 1"
    # It sends the time with milliseconds.
    assert body["timestamp"].endswith("000Z")


def test_a_picture_without_plates(flows: NodeRed, empty_road: bytes) -> None:
    assert flows.ask("/cloud", empty_road).json()["results"] == []
    # As messages of their own, none is an empty object to this node.
    assert flows.ask("/all", empty_road).json()["results"] == {}


def test_a_wrong_token_comes_out_at_the_second_output(flows: NodeRed, photo: bytes) -> None:
    assert flows.ask("/wrong", photo).status_code == 502


def test_the_statistics(flows: NodeRed) -> None:
    body = flows.ask("/statistics").json()
    assert isinstance(body["total_calls"], int)
    assert isinstance(body["usage"]["calls"], int)
