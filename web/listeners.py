"""Which ports web listens on, and what each of them speaks."""

from __future__ import annotations

import ctypes
import math
import multiprocessing
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from types import FrameType

from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels
from granian.server import Server

from platehost import logs
from platehost.settings import Settings

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_PROBE_THREADS = 4
_METRICS_THREADS = 2


@dataclass(frozen=True)
class Listener:
    """One port: `application` is its factory in web.wsgi, `variable` the setting that names the port."""

    host: str
    port: int
    variable: str
    application: str
    processes: int
    threads: int


def listeners(settings: Settings) -> list[Listener]:
    """The main port, and those that the settings add."""
    host, processes, threads = settings.host, settings.web_processes, settings.web_threads
    wanted = [
        Listener(host, settings.port, "PLATEHOST_PORT", "application", processes, threads),
        Listener(host, settings.sdk_port, "PLATEHOST_SDK_PORT", "sdk", processes, threads),
        Listener(host, settings.probe_port, "PLATEHOST_PROBE_PORT", "probes", 1, _PROBE_THREADS),
        Listener(
            settings.metrics_host, settings.metrics_port, "PLATEHOST_METRICS_PORT", "metrics", 1, _METRICS_THREADS
        ),
    ]
    return [each for each in wanted if each.port]


def serve(listener: Listener, settings: Settings) -> None:
    """Serves one port until SIGTERM or SIGINT; requests that wait are answered first."""
    Server(
        f"web.wsgi:{listener.application}",
        address=listener.host,
        port=listener.port,
        interface=Interfaces.WSGI,
        factory=True,
        workers=listener.processes,
        blocking_threads=listener.threads,
        http=HTTPModes.http1,
        websockets=False,
        log_level=LogLevels.error,
        log_dictconfig=logs.for_granian("web"),
        respawn_failed_workers=True,
        workers_kill_timeout=math.ceil(settings.sync_window) + 5,
    ).serve()


def serve_all(wanted: Sequence[Listener], settings: Settings) -> int:
    """Serves each port by a process of its own; all end together. Exit status 1 when one ended unasked."""
    spawn = multiprocessing.get_context("spawn")
    processes: list[BaseProcess] = [spawn.Process(target=_serve_port, args=(each, settings)) for each in wanted]
    asked = False

    def leave(signum: int, frame: FrameType | None) -> None:
        nonlocal asked
        asked = True
        for process in processes:
            if process.pid:
                process.terminate()

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)
    for process in processes:
        process.start()
    wait([process.sentinel for process in processes])
    unasked = not asked
    leave(signal.SIGTERM, None)
    for process in processes:
        process.join()
    return 1 if unasked else 0


def end_with_parent() -> None:
    """Has the kernel end this process with the one that started it.

    A serving process whose starter was killed would keep the port, and no new web process could have it.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "prctl"):
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _serve_port(listener: Listener, settings: Settings) -> None:
    end_with_parent()
    serve(listener, settings)
