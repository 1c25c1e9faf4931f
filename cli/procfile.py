"""The processes of the service, as the Procfile lists them, in the order in which they end."""

from pathlib import Path

from honcho.environ import parse_procfile  # type: ignore[import-untyped]

from cli.errors import UserError
from cli.supervisor import Program
from platehost.settings import Settings

PROCFILE = Path(__file__).resolve().parent.parent / "Procfile"
# web ends first, so that nothing new comes in; the workers then finish what it took; the rest follows.
FIRST_TO_END = ("web", "worker")
CANNOT_START = 2  # the exit status of our programs when a setting cannot be used
SPARE_SECONDS = 5.0  # for a process to close what it holds after its last request or job


def programs(settings: Settings) -> list[list[Program]]:
    """The programs in the stages in which they are to be stopped; one `worker` for each that the settings ask for."""
    try:
        commands: dict[str, str] = dict(parse_procfile(PROCFILE.read_text()).processes)
    except OSError as error:
        raise UserError(f"{PROCFILE} cannot be read: run `platehost serve` from a checkout of Platehost.") from error
    patience = {"web": settings.sync_window, "worker": float(settings.job_timeout)}
    rest = [name for name in commands if name not in FIRST_TO_END]
    return [
        [
            _program(label, commands[name], patience.get(name, 0.0))
            for name in stage
            if name in commands
            for label in _labels(name, settings.workers)
        ]
        for stage in (*([name] for name in FIRST_TO_END), rest)
    ]


def _labels(name: str, workers: int) -> list[str]:
    return [f"{name}.{number}" for number in range(1, workers + 1)] if name == "worker" else [name]


def _program(label: str, command: str, patience: float) -> Program:
    # exec: the signals that end a program must reach it, not the shell that reads its line of the Procfile.
    return Program(label, ["/bin/sh", "-c", f"exec {command}"], patience + SPARE_SECONDS, refusal=CANNOT_START)
