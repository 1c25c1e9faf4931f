"""Writes what the service and the command line really answer into README.md, and draws docs/sample.jpg.

    .venv/bin/python scripts/readme.py

Run it after a change of the pack or of an answer's shape. It starts a service of its own on a free port.
"""

import json
import re
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = "tests/fixtures/sample.jpg"
PLATEHOST = str(Path(sys.executable).parent / "platehost")
# Lists whose elements have a line each.
LONG = ("results", "candidates")


def main() -> None:
    with tempfile.TemporaryDirectory() as data:
        port = free_port()
        service = subprocess.Popen(
            [PLATEHOST, "serve", "--port", str(port), "--data", data], stdout=subprocess.DEVNULL, cwd=ROOT
        )
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for(f"{url}/readyz", service)
            key = platehost("key", "create", "readme", "--data", data).strip()
            answers = {
                "snapshot": post(f"{url}/v1/plate-reader/", f"Token {key}"),
                "npr": post(f"{url}/api/v1/recognise", f"Bearer {key}"),
            }
        finally:
            service.terminate()
            service.wait()
    blocks = {name: f"```json\n{pretty(answer)}\n```" for name, answer in answers.items()}
    table = platehost("read", SAMPLE, "--table", "--annotate", "docs")
    blocks["read"] = "\n".join(f"    {line}".rstrip() for line in [f"$ platehost read {SAMPLE}", *table.splitlines()])
    readme = ROOT / "README.md"
    text = readme.read_text()
    for name, block in blocks.items():
        between = re.compile(f"(<!-- {name} -->\n).*?(\n<!-- end -->)", re.DOTALL)
        text, found = between.subn(lambda match, block=block: match[1] + block + match[2], text)
        if found != 1:
            sys.exit(f"README.md has {found} places for {name!r}, not 1.")
    readme.write_text(text)


def pretty(node: Any, indent: str = "") -> str:
    """JSON that is short and still readable: an object of one line where it holds no long list."""
    inner = indent + "  "
    if isinstance(node, list):
        return "[\n" + ",\n".join(inner + pretty(each, inner) for each in node) + f"\n{indent}]"
    if not isinstance(node, dict) or not (set(node) & set(LONG) or indent == ""):
        return json.dumps(node, ensure_ascii=False)
    members = [
        f"{inner}{json.dumps(key)}: {pretty(each, inner) if key in LONG else json.dumps(each, ensure_ascii=False)}"
        for key, each in node.items()
    ]
    return "{\n" + ",\n".join(members) + f"\n{indent}}}"


def post(url: str, authorization: str) -> Any:
    with (ROOT / SAMPLE).open("rb") as photo:
        answer = requests.post(url, headers={"Authorization": authorization}, files={"upload": photo}, timeout=60)
    answer.raise_for_status()
    return answer.json()


def platehost(*arguments: str) -> str:
    done = subprocess.run([PLATEHOST, *arguments], stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT)
    return done.stdout


def wait_for(url: str, service: "subprocess.Popen[bytes]") -> None:
    while service.poll() is None:
        try:
            if requests.get(url, timeout=5).ok:
                return
        except requests.RequestException:
            pass
        time.sleep(0.2)
    sys.exit("The service did not start.")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
