"""`platehost batch` against the running service, and against servers that throttle, fail and answer late."""

import csv
import io
import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from PIL import Image

from platehost.accounts import Accounts
from platehost.settings import default_pack
from tests.cli.support import COMMAND, SAMPLE, SAMPLE_PLATE, Platehost, one_sentence
from tests.service.support import Processes, RedisServer, free_port, wait_until


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """URL and key of a running service."""
    folder = tmp_path_factory.mktemp("service")
    server = RedisServer(folder)
    server.start()
    pack = os.environ.get("PLATEHOST_PACK") or default_pack()
    processes = Processes(folder, server, {"PLATEHOST_PACK": pack})
    try:
        processes.start_all()
        yield processes.url, Accounts(server.client()).create_key("batch")
    finally:
        processes.stop_all()
        server.stop()


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A photo, a picture without plates, a file that is no picture, and an archive with a photo."""
    folder = tmp_path / "photos"
    folder.mkdir()
    shutil.copy(SAMPLE, folder / "car.jpg")
    Image.new("RGB", (640, 480), (120, 130, 140)).save(folder / "empty.png")
    (folder / "broken.jpg").write_text("no picture")
    with zipfile.ZipFile(tmp_path / "more.zip", "w") as archive:
        archive.write(SAMPLE, "street/car.jpg")
        archive.writestr("street/notes.txt", "no photo")
        archive.writestr("__MACOSX/._car.jpg", "no photo either")
    return folder


class Scripted(BaseHTTPRequestHandler):
    """A server that answers batches from a script: statuses, then 200 for ever. Remembers the sizes of its batches."""

    script: ClassVar[list[tuple[int, dict[str, str], Any]]] = []
    sizes: ClassVar[list[int]] = []
    polls: ClassVar[int] = 0
    pause = 0.0

    def do_GET(self) -> None:
        if self.path == "/api/v1/jobs/none":
            return self._send(404, {}, {"success": False, "error": {"code": "NOT_FOUND", "message": "none"}})
        Scripted.polls += 1
        done = Scripted.polls > 1
        results = [{"image": number, **self._found()} for number in range(self.sizes[-1])] if done else []
        progress = {"done": len(results), "total": self.sizes[-1]}
        return self._send(200, {}, {"success": True, "progress": progress, "results": results})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.sizes.append(len(re.findall(rb'name="images\[\]"', body)))
        time.sleep(self.pause)
        if self.script:
            return self._send(*self.script.pop(0))
        return self._send(200, {}, {"success": True, "results": [self._found() for _ in range(self.sizes[-1])]})

    def _found(self) -> dict[str, Any]:
        box = {"x": 1, "y": 2, "width": 3, "height": 4}
        result = {"plate": "AB12 CDE", "confidence": 0.9, "region": "gb", "bounding_box": box, "vehicle": {}}
        return {"success": True, "results": [result]}

    def _send(self, status: int, headers: dict[str, str], body: Any) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """No lines among the tests' own."""


@pytest.fixture
def scripted() -> Iterator[str]:
    Scripted.script, Scripted.sizes, Scripted.polls, Scripted.pause = [], [], 0, 0.0
    server = ThreadingHTTPServer(("127.0.0.1", 0), Scripted)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def five(tmp_path: Path) -> Path:
    folder = tmp_path / "five"
    folder.mkdir()
    for number in range(5):
        (folder / f"{number}.jpg").write_bytes(b"\xff\xd8\xff")
    return folder


def lines(text: str) -> dict[str, dict[str, Any]]:
    """The records by the last part of their file's name."""
    return {Path(each["file"]).name: each for each in map(json.loads, text.splitlines())}


def test_files_folders_and_archives_are_read(
    platehost: Platehost, service: tuple[str, str], photos: Path, tmp_path: Path
) -> None:
    url, key = service
    archive = tmp_path / "more.zip"
    done = platehost("batch", photos, archive, tmp_path / "none.jpg", "--url", url, "--key", key, "--chunk", 2)
    assert done.returncode == 1, done.stderr
    records = [json.loads(line) for line in done.stdout.splitlines()]
    by_file = {each["file"]: each for each in records}
    assert len(by_file) == len(records) == 5
    for file in (str(photos / "car.jpg"), f"{archive}/street/car.jpg"):
        assert by_file[file]["results"][0]["plate"].replace(" ", "") == SAMPLE_PLATE.upper()
    codes = {Path(file).name: each["error"]["code"] for file, each in by_file.items() if not each["success"]}
    assert codes == {"empty.png": "NO_PLATES_FOUND", "broken.jpg": "INVALID_IMAGE", "none.jpg": "FILE_NOT_FOUND"}
    assert "5 photos sent: 2 with plates, 1 without, 2 errors" in done.stderr


def test_csv_has_a_row_a_plate(platehost: Platehost, service: tuple[str, str], photos: Path, tmp_path: Path) -> None:
    url, key = service
    output = tmp_path / "plates.csv"
    done = platehost("batch", photos, "--url", url, "--output", output, env={"PLATEHOST_KEY": key})
    assert done.returncode == 1
    assert done.stdout == ""
    rows = {Path(row["file"]).name: row for row in csv.DictReader(io.StringIO(output.read_text()))}
    assert rows["car.jpg"]["plate"].replace(" ", "") == SAMPLE_PLATE.upper()
    assert int(rows["car.jpg"]["width"]) > 0
    assert rows["empty.png"]["error_code"] == "NO_PLATES_FOUND"
    assert rows["broken.jpg"]["error_code"] == "INVALID_IMAGE"


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_it_goes_on_where_it_was_stopped(
    platehost: Platehost, scripted: str, five: Path, tmp_path: Path, form: str
) -> None:
    output = tmp_path / f"plates.{form}"
    arguments = ("batch", five, "--url", scripted, "--key", "k", "--output", output, "--chunk", 1, "--parallel", 1)
    assert platehost(*arguments).returncode == 0
    whole = output.read_text()
    # Cut in the third record, as a machine that fails would.
    position = whole.index("2.jpg") + 3
    output.write_text(whole[:position])
    Scripted.sizes.clear()
    done = platehost(*arguments)
    assert done.returncode == 0
    answered = whole[:position].count("\n") - (form == "csv")
    assert len(Scripted.sizes) == 5 - answered
    assert "had answers before" in done.stderr
    assert sorted(output.read_text().splitlines()) == sorted(whole.splitlines())
    Scripted.sizes.clear()
    assert platehost(*arguments).returncode == 0
    # In CSV the last photo is sent again: it could have had more plates than rows were written.
    assert len(Scripted.sizes) == (0 if form == "jsonl" else 1)


def test_what_the_service_failed_at_is_sent_again_by_the_next_run(
    platehost: Platehost, scripted: str, five: Path, tmp_path: Path
) -> None:
    error = {"success": False, "error": {"code": "INTERNAL_ERROR", "message": "failed"}}
    Scripted.script = [(200, {}, {"success": True, "results": [error] * 5})]
    output = tmp_path / "plates.jsonl"
    arguments = ("batch", five, "--url", scripted, "--key", "k", "--output", output)
    assert platehost(*arguments).returncode == 1
    assert platehost(*arguments).returncode == 0
    assert all(each["success"] for each in lines(output.read_text()).values())


@pytest.mark.parametrize(
    "script",
    [
        [(429, {"Retry-After": "1"}, {})] * 2,
        [(503, {"Retry-After": "1"}, {"success": False})],
        [(502, {"Retry-After": "1"}, b"<html>bad gateway</html>")],
        [(202, {}, {"success": True, "job_id": "batch-1"})],
    ],
    ids=["throttled", "busy", "a proxy's page", "a job to poll"],
)
def test_it_waits_and_tries_again(platehost: Platehost, scripted: str, five: Path, script: list[Any]) -> None:
    Scripted.script = list(script)
    done = platehost("batch", five, "--url", scripted, "--key", "k")
    assert done.returncode == 0, done.stderr
    assert len(lines(done.stdout)) == 5
    assert all(set(each) == {"file", "success", "results"} for each in lines(done.stdout).values())


@pytest.mark.parametrize(("name", "kept"), [("answers.jsonl", 6), ("answers.csv", 5)])  # CSV: all but the last one
def test_a_name_that_is_not_utf_8_is_written_and_known_again(
    platehost: Platehost, scripted: str, five: Path, tmp_path: Path, name: str, kept: int
) -> None:
    (five / os.fsdecode(b"0\xe9.jpg")).write_bytes(b"\xff\xd8\xff")
    command = ("batch", five, "--url", scripted, "--key", "k", "--output", tmp_path / name)
    assert platehost(*command).returncode == 0
    again = platehost(*command)
    assert f"{kept} had answers before" in again.stderr
    text = (tmp_path / name).read_text(encoding="utf-8")
    assert "0\\xe9.jpg" in (text if kept == 5 else text.replace("\\\\", "\\"))


def test_a_body_that_is_too_large_is_sent_in_halves(platehost: Platehost, scripted: str, five: Path) -> None:
    refusal = {"success": False, "error": {"code": "IMAGE_TOO_LARGE", "message": "large"}}
    Scripted.script = [(413, {}, refusal)] * 3
    done = platehost("batch", five, "--url", scripted, "--key", "k", "--parallel", 1)
    assert Scripted.sizes == [5, 2, 1, 1, 3]
    assert done.returncode == 1
    assert sorted(each["success"] for each in lines(done.stdout).values()) == [False, True, True, True, True]


def test_mistakes_are_told_in_a_sentence(platehost: Platehost, service: tuple[str, str], five: Path) -> None:
    url, key = service
    assert "platehost key create" in one_sentence(platehost("batch", five, "--url", url, "--key", "wrong"))
    assert "PLATEHOST_KEY" in one_sentence(platehost("batch", five, "--url", url))
    away = f"http://127.0.0.1:{free_port()}"
    assert away in one_sentence(platehost("batch", five, "--url", away, "--key", key))
    assert "--url" in one_sentence(platehost("batch", five, "--url", "gate:8080", "--key", key))
    sentence = one_sentence(platehost("batch", five, "--url", url, "--key", key, "--output", "/nowhere/plates.csv"))
    assert "--output" in sentence
    assert key not in sentence


def test_a_server_of_another_kind(platehost: Platehost, five: Path) -> None:
    class Other(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """No lines among the tests' own."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Other)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        url = f"http://127.0.0.1:{server.server_address[1]}"
        assert "no service of Platehost" in one_sentence(platehost("batch", five, "--url", url, "--key", "k"))
    finally:
        server.shutdown()
        server.server_close()


def test_ctrl_c_ends_it_and_what_was_answered_stays(
    environment: dict[str, str], scripted: str, five: Path, tmp_path: Path
) -> None:
    Scripted.pause = 1.0
    output = tmp_path / "plates.jsonl"
    arguments = ["batch", five, "--url", scripted, "--key", "k", "--output", output, "--chunk", 1, "--parallel", 1]
    # A shell's background jobs ignore SIGINT, and so would what they start: a terminal's commands do not.
    command = ["env", "--default-signal=INT", COMMAND, *map(str, arguments)]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: output.exists() and output.read_text().count("\n") >= 1, 30, "a first answer is written")
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in said
    assert 1 <= len(lines(output.read_text())) < 5
