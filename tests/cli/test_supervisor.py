import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from cli import supervisor
from cli.supervisor import Program, Supervisor
from tests.cli.support import processes_below

Lines = list[tuple[str, str]]


def shell(name: str, script: str, stop_seconds: float = 20.0) -> Program:
    return Program(name, ["/bin/sh", "-c", script], stop_seconds)


def supervise(act: Callable[[Supervisor, Lines], Awaitable[None]]) -> Lines:
    """Do `act` with a supervisor; everything that was said."""
    lines: Lines = []

    async def run() -> None:
        await act(Supervisor(os.environ, lambda name, line: lines.append((name, line))), lines)

    asyncio.run(run())
    return lines


async def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, "did not happen within 20 s"
        await asyncio.sleep(0.01)


def test_what_a_program_writes_is_passed_on() -> None:
    program = shell("a", "echo out; echo err >&2; printf rest; exec sleep 60")

    async def act(running: Supervisor, lines: Lines) -> None:
        running.start(program)
        await until(lambda: ("a", "err") in lines)
        await running.stop([program])

    assert supervise(act) == [("a", "out"), ("a", "err"), ("a", "rest")]


def test_a_program_that_dies_is_started_again_later_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "FIRST_DELAY", 0.01)
    monkeypatch.setattr(supervisor, "LONGEST_DELAY", 0.04)
    dying, killed = shell("dying", "exit 3"), shell("killed", "kill -9 $$")

    async def act(running: Supervisor, lines: Lines) -> None:
        running.start(dying)
        running.start(killed)
        await until(lambda: min(running.deaths("dying"), running.deaths("killed")) >= 5)
        await running.stop([dying, killed])

    lines = supervise(act)
    told = [line for name, line in lines if name == "dying"][:5]
    assert told == [
        f"ended with status 3; starting it again in {s} s" for s in ("0.01", "0.02", "0.04", "0.04", "0.04")
    ]
    assert ("killed", "ended by signal 9; starting it again in 0.01 s") in lines


def test_a_program_that_ran_long_starts_over_with_the_first_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "FIRST_DELAY", 0.01)
    monkeypatch.setattr(supervisor, "STEADY_AFTER", 0.0)
    program = shell("a", "exit 1")

    async def act(running: Supervisor, lines: Lines) -> None:
        running.start(program)
        await until(lambda: running.deaths("a") >= 4)
        await running.stop([program])

    assert {line for _, line in supervise(act)} == {"ended with status 1; starting it again in 0.01 s"}


def test_a_program_that_cannot_start_is_told_and_stoppable() -> None:
    program = Program("ghost", ["/nonexistent/program"])

    async def act(running: Supervisor, lines: Lines) -> None:
        running.start(program)
        await until(lambda: bool(lines))
        await running.stop([program])

    assert "cannot start" in supervise(act)[0][1]


def test_a_program_that_refuses_to_start_is_left_alone() -> None:
    refusals: Lines = []
    program = Program("a", ["/bin/sh", "-c", "echo hello; echo 'A is wrong.' >&2; exit 2"], refusal=2)

    async def run() -> None:
        running = Supervisor(os.environ, lambda name, line: None, lambda name, words: refusals.append((name, words)))
        running.start(program)
        await until(lambda: bool(refusals))
        await running.stop([program])

    asyncio.run(run())
    assert refusals == [("a", "A is wrong.")]


def test_a_refusal_after_the_first_run_is_a_death_like_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "FIRST_DELAY", 0.01)
    again = tmp_path / "again"
    program = Program("a", ["/bin/sh", "-c", f"[ -e {again} ] && exit 2; touch {again}; exit 1"], refusal=2)

    async def act(running: Supervisor, lines: Lines) -> None:
        running.start(program)
        await until(lambda: running.deaths("a") >= 3)
        await running.stop([program])

    assert [line.partition(";")[0] for _, line in supervise(act)][:2] == ["ended with status 1", "ended with status 2"]


def test_a_program_gets_the_time_that_it_needs_to_end() -> None:
    program = shell("slow", "trap 'sleep 0.5; echo done; exit 0' TERM; echo up; while :; do sleep 0.05; done")

    async def act(running: Supervisor, lines: Lines) -> None:
        running.start(program)
        await until(lambda: ("slow", "up") in lines)
        await running.stop([program])

    assert supervise(act) == [("slow", "up"), ("slow", "done")]


def test_a_program_that_will_not_end_is_killed_with_all_it_started() -> None:
    program = shell("deaf", "trap '' TERM; sleep 300 & echo up $!; while :; do sleep 0.05; done", stop_seconds=0.3)

    async def act(running: Supervisor, lines: Lines) -> None:
        running.start(program)
        await until(lambda: bool(lines))
        await running.stop([program])

    lines = supervise(act)
    assert lines[1:] == [("deaf", "did not end within 0.3 s; killing it")]
    child = int(lines[0][1].split()[1])
    _wait_for_end(child)


def test_a_program_is_started_again_though_a_child_of_it_lives_on() -> None:
    program = shell("parent", "sleep 300 & echo up $!; kill -9 $$")

    async def act(running: Supervisor, lines: Lines) -> None:
        running.start(program)
        await until(lambda: running.deaths("parent") > 0)
        await running.stop([program])

    child = int(supervise(act)[0][1].split()[1])
    _wait_for_end(child)


def test_a_killed_supervisor_leaves_nothing_behind(tmp_path: Path) -> None:
    script = tmp_path / "supervise.py"
    script.write_text(
        "import asyncio, os\n"
        "from cli.supervisor import Program, Supervisor\n"
        "async def run():\n"
        "    running = Supervisor(os.environ, lambda name, line: print(line, flush=True))\n"
        "    running.start(Program('a', ['/bin/sh', '-c', 'echo up; exec sleep 300']))\n"
        "    await asyncio.sleep(300)\n"
        "asyncio.run(run())\n"
    )
    process = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    (child,) = processes_below(process.pid)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    _wait_for_end(child)


def _wait_for_end(process: int) -> None:
    deadline = time.monotonic() + 20
    while _runs(process):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _runs(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
