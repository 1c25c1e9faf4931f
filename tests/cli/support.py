"""What the tests of the command line share beside their fixtures."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "tests" / "fixtures" / "sample.jpg"
SAMPLE_PLATE = "phst482"
COMMAND = str(Path(sys.executable).parent / "platehost")

Platehost = Callable[..., "subprocess.CompletedProcess[str]"]


def one_sentence(done: "subprocess.CompletedProcess[str]") -> str:
    """The sentence of a command that failed by the user's mistake: all of stderr, one line, no traceback."""
    assert done.returncode == 1, done.stderr
    assert done.stderr.startswith("platehost: "), done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr.strip()


def processes_below(process: int) -> dict[int, str]:
    """All descendants of a process that run now, with their command lines."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:  # it has just ended
                continue
            if fields[0] != "Z":
                parents[int(entry.name)] = int(fields[1])
    found: dict[int, str] = {}
    wanted = {process}
    while wanted:
        wanted = {child for child, parent in parents.items() if parent in wanted and child not in found}
        for child in wanted:
            try:
                found[child] = Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
            except OSError:
                continue
    return found
