"""`platehost serve`: web, workers and webhooks together, on a private Redis unless REDIS_URL names one."""

import argparse
import asyncio
import contextlib
import http.client
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from cli.data_folder import DataFolder
from cli.errors import UserError
from cli.preflight import check_lookups, check_pack, check_ports, check_store
from cli.private_redis import STOP_SECONDS, PrivateRedis
from cli.procfile import programs
from cli.store_address import add_data_option, data_folder
from cli.supervisor import Program, Supervisor
from cli.welcome import dashboard_line, welcome
from platehost.settings import SettingError, Settings
from platehost.store import RedisError

NAME_WIDTH = 10
MOST_REDIS_DEATHS = 3  # while it starts; once it has answered it is started again for ever
READY_INTERVAL = 0.1
SAME_SIGNAL = 1.0  # seconds; timeout(1) and some shells send the one signal twice: to the process and to its group


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "serve",
        help="run the HTTP service",
        description="Run web, workers and webhooks together, and a private Redis unless REDIS_URL is set. A process "
        "that dies is started again. Ctrl-C ends all in order: web takes no more, the workers finish, Redis saves.",
    )
    parser.add_argument("--port", metavar="P", help="TCP port (default: $PLATEHOST_PORT, otherwise 8080)")
    parser.add_argument("--workers", metavar="N", help="worker processes (default: $PLATEHOST_WORKERS, otherwise 1)")
    parser.add_argument("--pack", metavar="DIR", help="model pack (default: $PLATEHOST_PACK, or the shipped one)")
    parser.add_argument(
        "--welcome", metavar="PHOTO", help="make a first key if there is none, and print curl lines that read PHOTO"
    )
    add_data_option(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    environment = _environment(args)
    folder = data_folder(args.data)
    photo = Path(args.welcome) if args.welcome else None
    with contextlib.ExitStack() as stack:
        server = redis = None
        if environment.get("REDIS_URL"):
            check_store(environment["REDIS_URL"])
            folder.make()
        else:
            lock = stack.enter_context(folder.locked("serve"))
            server = PrivateRedis(folder)
            redis = Program("redis", server.command, STOP_SECONDS, keep_open=(lock,))
            environment["REDIS_URL"] = server.url
        try:
            settings = Settings.from_env(environment)
        except SettingError as error:
            raise UserError(str(error)) from error
        check_ports(settings)
        check_lookups(settings)
        check_pack(settings.pack)
        asyncio.run(_Service(settings, environment, folder, photo, server, redis).run())
    return 0


class _Service:
    """All processes of one service, from start to end. `server` and `redis` are None when REDIS_URL named another."""

    def __init__(
        self,
        settings: Settings,
        environment: dict[str, str],
        folder: DataFolder,
        photo: Path | None,
        server: PrivateRedis | None,
        redis: Program | None,
    ) -> None:
        self._settings = settings
        self._folder = folder
        self._photo = photo
        self._server = server
        self._redis = [redis] if redis else []
        self._stages = programs(settings)
        self._supervisor = Supervisor(environment, _print_line, self._on_refusal)
        self._refusal = ""
        self._first_signal = 0.0
        self._end = asyncio.Event()

    async def run(self) -> None:
        """Run until a signal ends it. Raises UserError when a program refuses to start."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._on_signal)
        try:
            await self._unless_ended(self._start)
            await self._end.wait()
        finally:
            await self._stop()
        if self._refusal:
            raise UserError(self._refusal)

    def _on_refusal(self, name: str, words: str) -> None:
        self._refusal = self._refusal or f"{name} cannot start: {words}"
        self._end.set()

    def _on_signal(self) -> None:
        now = asyncio.get_running_loop().time()
        if not self._end.is_set():
            self._end.set()
            self._first_signal = now
            _print_line("platehost", "ending; once more to end without waiting")
        elif now - self._first_signal > SAME_SIGNAL:
            for stage in self._stages:
                self._supervisor.kill(stage)

    async def _start(self) -> None:
        if self._server:
            self._supervisor.start(self._redis[0])
            while not await asyncio.to_thread(self._server.answers):
                if self._supervisor.deaths("redis") >= MOST_REDIS_DEATHS:
                    raise UserError(f"redis-server does not start on {self._folder.path}; its own words are above.")
                await asyncio.sleep(0.05)
            self._server.announce()
        for stage in self._stages:
            for program in stage:
                self._supervisor.start(program)
        host, port = _reachable(self._settings.host), self._settings.port
        while not await asyncio.to_thread(_is_ready, host, port):
            await asyncio.sleep(READY_INTERVAL)
        base_url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        print(f"\nPlatehost answers on {base_url} (Ctrl-C ends it).", flush=True)
        if self._settings.dashboard == "on":
            with contextlib.suppress(RedisError):
                print(await asyncio.to_thread(dashboard_line, self._settings.redis_url, base_url), flush=True)
        if self._photo:
            try:
                lines = await asyncio.to_thread(welcome, self._folder, self._settings.redis_url, base_url, self._photo)
            except (RedisError, OSError) as error:
                lines = [f"No first key could be made: {error}"]
            print(*lines, "", sep="\n", flush=True)

    async def _unless_ended(self, step: Callable[[], Awaitable[None]]) -> None:
        """Do `step`, but drop it when the service is to end before it is done."""
        task = asyncio.ensure_future(step())
        end = asyncio.ensure_future(self._end.wait())
        await asyncio.wait([task, end], return_when=asyncio.FIRST_COMPLETED)
        end.cancel()
        if task.done():
            task.result()
        else:
            task.cancel()

    async def _stop(self) -> None:
        for stage in [*self._stages, self._redis]:
            await self._supervisor.stop(stage)
        if self._server:
            self._server.retract()


def _environment(args: argparse.Namespace) -> dict[str, str]:
    """What the processes get: our own environment, with the command's options in the words of the settings."""
    environment = dict(os.environ)
    given = {"PLATEHOST_PORT": args.port, "PLATEHOST_WORKERS": args.workers, "PLATEHOST_PACK": args.pack}
    environment.update({name: text for name, text in given.items() if text is not None})
    if environment.get("PLATEHOST_PACK"):
        environment["PLATEHOST_PACK"] = os.path.abspath(environment["PLATEHOST_PACK"])
    # The processes' commands are those of the same installation, whatever stands first on the user's PATH.
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", os.defpath)])
    return environment


def _reachable(host: str) -> str:
    """Where we ourselves reach what listens on `host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - looked up, not bound


def _is_ready(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _print_line(name: str, line: str) -> None:
    with contextlib.suppress(OSError):  # a reader that has gone must not end the service
        print(f"{name:<{NAME_WIDTH}} | {line}", flush=True)
