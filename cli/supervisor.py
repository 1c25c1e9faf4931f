"""Runs several programs together: one that dies is started again, and all of them end in a set order."""

import asyncio
import contextlib
import ctypes
import io
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

FIRST_DELAY = 0.5  # seconds before a program that died is started again; doubled each time
LONGEST_DELAY = 30.0
STEADY_AFTER = 60.0  # a program that ran this long before it died starts over with the first delay
LONGEST_LINE = 64 * 1024
LAST_WORDS = 1.0  # seconds to read what a program wrote before it ended
PR_SET_PDEATHSIG = 1  # linux/prctl.h


@dataclass(frozen=True)
class Program:
    """One program to keep running.

    `stop_seconds` is how long it may take to end after SIGTERM before it is killed. `keep_open` are file descriptors
    that it inherits. `refusal` is the exit status by which the program says that it can never start as it was asked to.
    """

    name: str
    command: Sequence[str]
    stop_seconds: float = 10.0
    keep_open: Sequence[int] = field(default=())
    refusal: int | None = None


class Supervisor:
    """Keeps programs running until they are stopped. All methods are for one event loop."""

    def __init__(
        self,
        environment: Mapping[str, str],
        say: Callable[[str, str], None],
        refused: Callable[[str, str], None] = lambda name, words: None,
    ) -> None:
        """`say(name, line)` prints a line that program `name` wrote, or that the supervisor says about it.

        `refused(name, words)` is called when a program's first run soon ends with its `refusal` status; `words` is the
        last line that it wrote. Such a program is not started again.
        """
        self._environment = dict(environment)
        self._say = say
        self._refused = refused
        self._last_line: dict[str, str] = {}
        self._running: dict[str, asyncio.subprocess.Process] = {}
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._ending: dict[str, asyncio.Event] = {}
        self._deaths: dict[str, int] = {}

    def start(self, program: Program) -> None:
        self._ending[program.name] = asyncio.Event()
        self._keepers[program.name] = asyncio.create_task(self._keep(program))

    def deaths(self, name: str) -> int:
        """How often the program ended, or could not start, without being asked to."""
        return self._deaths.get(name, 0)

    async def stop(self, programs: Sequence[Program]) -> None:
        """Ask the programs to end, all at once, and wait until they have; kill those that take too long."""
        await asyncio.gather(*(self._stop_one(program) for program in programs if program.name in self._keepers))

    def kill(self, programs: Sequence[Program]) -> None:
        """End the programs at once."""
        for program in programs:
            if program.name in self._ending:
                self._ending[program.name].set()
            if process := self._running.get(program.name):
                _signal_group(process, signal.SIGKILL)

    async def _keep(self, program: Program) -> None:
        ending = self._ending[program.name]
        delay = FIRST_DELAY
        while True:
            started = time.monotonic()
            status, outcome = await self._run_once(program)
            if ending.is_set():
                return
            # Later, the same status may come from a passing fault: a port or a folder that was lost for a moment.
            first = self.deaths(program.name) == 0 and time.monotonic() - started <= STEADY_AFTER
            if first and status is not None and status == program.refusal:
                self._refused(program.name, self._last_line.get(program.name, outcome))
                return
            self._deaths[program.name] = self.deaths(program.name) + 1
            if time.monotonic() - started > STEADY_AFTER:
                delay = FIRST_DELAY
            self._say(program.name, f"{outcome}; starting it again in {delay:g} s")
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(ending.wait(), delay)
                return
            delay = min(2 * delay, LONGEST_DELAY)

    async def _run_once(self, program: Program) -> tuple[int | None, str]:
        """Run the program to its end; its exit status (None: it could not be started), and how it ended in words."""
        # Not asyncio's own pipe: with that, a process has not ended for asyncio while a child of it holds the pipe.
        reading, writing = os.pipe()
        with open(reading, "rb", buffering=0) as output:
            try:
                # A session of its own: Ctrl-C at the terminal must reach us alone, or the order of the end is lost.
                process = await asyncio.create_subprocess_exec(
                    *program.command,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=writing,
                    stderr=asyncio.subprocess.STDOUT,
                    env=self._environment,
                    start_new_session=True,
                    pass_fds=tuple(program.keep_open),
                    preexec_fn=_end_with_parent,
                )
            except OSError as error:
                return None, f"cannot start: {error}"
            finally:
                os.close(writing)
            self._running[program.name] = process
            if self._ending[program.name].is_set():  # asked to end while it was being started
                _signal_one(process, signal.SIGTERM)
            reader = asyncio.create_task(self._read_lines(program.name, output))
            status = await process.wait()
            _signal_group(process, signal.SIGKILL)  # what it left behind would stand in the way of its next run
            del self._running[program.name]
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(reader, LAST_WORDS)
        return status, f"ended by signal {-status}" if status < 0 else f"ended with status {status}"

    async def _read_lines(self, name: str, output: io.FileIO) -> None:
        stream = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), output
        )
        with contextlib.closing(transport):
            rest = b""
            while chunk := await stream.read(LONGEST_LINE):
                *lines, rest = (rest + chunk).split(b"\n")
                if len(rest) > LONGEST_LINE:
                    lines, rest = [*lines, rest], b""
                for line in lines:
                    self._say_line(name, line)
            if rest:
                self._say_line(name, rest)

    def _say_line(self, name: str, line: bytes) -> None:
        self._last_line[name] = line.decode(errors="replace")
        self._say(name, self._last_line[name])

    async def _stop_one(self, program: Program) -> None:
        self._ending[program.name].set()
        process = self._running.get(program.name)
        if process is not None:
            _signal_one(process, signal.SIGTERM)
        keeper = self._keepers[program.name]
        done, _ = await asyncio.wait([keeper], timeout=program.stop_seconds)
        if not done:
            self._say(program.name, f"did not end within {program.stop_seconds:g} s; killing it")
            if process is not None:
                _signal_group(process, signal.SIGKILL)
            await asyncio.wait([keeper])


def _signal_one(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(number)


def _signal_group(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def _end_with_parent() -> None:
    """Have the kernel end the new program when the supervisor itself is killed, so that nothing is left running."""
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
