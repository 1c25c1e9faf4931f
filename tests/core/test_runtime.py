"""Loading ONNX Runtime, each case in a process of its own: one process loads it once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from worker.engine import find_runtime


def outcome(script: str, *arguments: str) -> str:
    run = subprocess.run(
        [sys.executable, "-c", "import sys, core_rs\n" + script, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


TRY = """
for path in sys.argv[1:]:
    try:
        core_rs.init(path)
        print("loaded")
    except core_rs.RuntimeUnavailable as error:
        print(error.code, error)
"""


def test_a_relative_path_is_refused() -> None:
    assert "onnxruntime_path" in outcome(TRY, "libonnxruntime.so")


def test_a_missing_library_is_an_error_and_can_be_tried_again(tmp_path: Path) -> None:
    first, second = outcome(TRY, str(tmp_path / "absent.so"), find_runtime()).splitlines()
    assert first.startswith("runtime_unavailable")
    assert "absent.so" in first
    assert second == "loaded"


def test_a_file_that_is_no_library(tmp_path: Path) -> None:
    (tmp_path / "text.so").write_text("not a library")
    assert outcome(TRY, str(tmp_path / "text.so")).startswith("runtime_unavailable")


def test_the_same_path_twice_is_one_load_and_another_path_is_refused(tmp_path: Path) -> None:
    library = find_runtime()
    lines = outcome(TRY, library, library, str(tmp_path / "other.so")).splitlines()
    assert lines[:2] == ["loaded", "loaded"]
    assert "already loaded" in lines[2]


def test_a_pack_before_the_runtime_says_what_to_do(tiny: Path) -> None:
    script = """
try:
    core_rs.Engine(sys.argv[1])
except core_rs.CoreError as error:
    print(error)
"""
    assert "core_rs.init" in outcome(script, str(tiny))


def test_the_version_is_the_packages() -> None:
    from importlib.metadata import version

    import core_rs

    assert core_rs.__version__ == version("platehost")
