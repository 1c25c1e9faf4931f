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
