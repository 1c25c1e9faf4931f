"""scripts/run and scripts/environment on machines where something is missing; made of a PATH that lacks it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.support import ROOT

TOOLS = "bash basename cat cut dirname env find head id pwd rm sed sh sha256sum sleep sort tail xargs"


class Machine:
    """A checkout with nothing built, and a folder that is the whole PATH."""

    def __init__(self, folder: Path) -> None:
        self.checkout = folder / "checkout"
        self.bin = folder / "bin"
        self.bin.mkdir(parents=True)
        for tool in TOOLS.split():
            found = shutil.which(tool)
            assert found is not None, tool
            (self.bin / tool).symlink_to(found)
        shutil.copytree(ROOT / "scripts", self.checkout / "scripts", ignore=shutil.ignore_patterns("bench"))
        (self.checkout / "core_rs").mkdir()
        for name in ("Cargo.lock", "Cargo.toml", "pyproject.toml"):
            shutil.copy(ROOT / name, self.checkout)
        (self.checkout / "core_rs" / "lib.rs").write_text("// source\n")

    def has(self, name: str, script: str) -> None:
        tool = self.bin / name
        tool.write_text(f"#!/bin/sh\n{script}\n")
        tool.chmod(0o755)

    def has_python(self) -> None:
        self.has("python3", f'exec "{sys.executable}" "$@"')

    def has_rust(self, version: str = "1.95.0") -> None:
        self.has("cargo", "exit 0")
        self.has("rustc", f'echo "rustc {version} (0123abc 2026-01-01)"')
        self.has("cc", "exit 0")

    def has_environment(self) -> None:
        """A .venv whose pip installs nothing, and whose `platehost` tells its arguments."""
        for name, script in (("pip", "exit 0"), ("platehost", 'echo "$@"')):
            tool = self.checkout / ".venv" / "bin" / name
            tool.parent.mkdir(parents=True, exist_ok=True)
            tool.write_text(f"#!/bin/sh\n{script}\n")
            tool.chmod(0o755)

    def run(self, *command: str, env: dict[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
        """Run bash; `env` is its environment beside PATH (default: a HOME)."""
        return subprocess.run(
            [str(self.bin / "bash"), *command],
            cwd=self.checkout,
            env={"PATH": str(self.bin), **({"HOME": str(self.checkout.parent)} if env is None else env)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def sentence(done: "subprocess.CompletedProcess[str]") -> str:
    """What a script says when it cannot go on: one line on stderr."""
    assert done.returncode == 1, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


@pytest.mark.parametrize("script", ["scripts/run", "scripts/test"])
def test_python_missing(machine: Machine, script: str) -> None:
    assert "Python 3.11 or newer is missing" in sentence(machine.run(script))


def test_python_too_old(machine: Machine) -> None:
    machine.has("python3", "exit 1")
    assert "Python 3.11 or newer is missing" in sentence(machine.run("scripts/run"))


@pytest.mark.parametrize("script", ["scripts/run", "scripts/test"])
def test_rust_missing(machine: Machine, script: str) -> None:
    machine.has_python()
    assert "https://rustup.rs" in sentence(machine.run(script))


def test_rust_too_old(machine: Machine) -> None:
    machine.has_python()
    machine.has_rust("1.63.0")
    assert "Rust 1.88 or newer is needed, and this is 1.63.0" in sentence(machine.run("scripts/run"))


def test_c_compiler_missing(machine: Machine) -> None:
    machine.has_python()
    machine.has_rust()
    (machine.bin / "cc").unlink()
    assert "build-essential" in sentence(machine.run("scripts/run"))


def test_redis_missing_where_nothing_may_be_installed(machine: Machine) -> None:
    told = "apt-get install redis-server"
    assert told in sentence(machine.run("-c", ". scripts/environment; make_redis"))
    machine.has("apt-get", "echo called; exit 1")
    (machine.bin / "id").unlink()
    machine.has("id", "echo 1000")
    done = machine.run("-c", ". scripts/environment; make_redis")
    assert told in sentence(done)
    assert "called" not in done.stdout


def test_redis_is_installed_by_root(machine: Machine) -> None:
    (machine.bin / "id").unlink()
    machine.has("id", "echo 0")
    machine.has("apt-get", 'echo "$@" >> called')
    assert machine.run("-c", ". scripts/environment; make_redis").returncode == 0
    assert "redis-server" in (machine.checkout / "called").read_text().splitlines()[-1]


def test_redis_that_is_there_is_taken(machine: Machine) -> None:
    machine.has("redis-server", "exit 0")
    for command in ("make_redis", "make_redis redis-server"):
        assert machine.run("-c", f". scripts/environment; {command}").returncode == 0


def test_the_tests_need_redis_by_its_own_name(machine: Machine) -> None:
    machine.has("valkey-server", "exit 0")
    assert machine.run("-c", ". scripts/environment; make_redis").returncode == 0
    machine.has_python()
    machine.has_rust()
    machine.has_environment()
    assert "redis-server is missing" in sentence(machine.run("scripts/test"))


@pytest.mark.parametrize(
    ("env", "port"),
    [({}, 8080), ({"PLATEHOST_PORT": "9000"}, 9000), ({"PLATEHOST_PORT": "9000", "PORT": "9001"}, 9001)],
)
def test_the_port_comes_from_the_environment_and_no_home_is_needed(
    machine: Machine, env: dict[str, str], port: int
) -> None:
    machine.has_python()
    machine.has_rust()
    machine.has_environment()
    machine.has("redis-server", "exit 0")
    done = machine.run("scripts/run", env=env)
    assert done.returncode == 0, done.stderr
    assert f"serve --port {port} " in done.stdout


def test_python_may_be_a_path_with_blanks(machine: Machine) -> None:
    machine.has_python()
    place = machine.checkout.parent / "my own" / "python3"
    place.parent.mkdir()
    (machine.bin / "python3").rename(place)
    done = machine.run("-c", ". scripts/environment; find_python", env={"PYTHON": str(place)})
    assert done.stdout == f"{place}\n", done.stderr


def test_ci_runs_the_tests_from_anywhere(machine: Machine) -> None:
    shutil.copytree(ROOT / ".ci", machine.checkout / ".ci")
    assert os.access(machine.checkout / ".ci" / "run", os.X_OK)
    (machine.checkout / "scripts" / "test").write_text('#!/bin/sh\necho "tests of $PWD, CI=$CI"; exit 7\n')
    done = machine.run("../checkout/.ci/run", env={"CI": "true"})
    assert done.returncode == 7, done.stderr
    assert "CI=true" in done.stdout


class Pip:
    """The pip of a machine's environment: it installs nothing, and keeps what it was called with."""

    def __init__(self, machine: Machine, installed: str = "none") -> None:
        self.machine = machine
        machine.has_python()
        machine.has_rust()
        self._calls = machine.checkout / "calls"
        self._calls.touch()
        pip = machine.checkout / ".venv" / "bin" / "pip"
        pip.parent.mkdir(parents=True)
        shows = f'[ "$1" = show ] && {{ [ "$3" = {installed} ]; exit; }}'
        pip.write_text(f'#!/bin/sh\n{shows}\necho "$@" >> calls\nexit 0\n')
        pip.chmod(0o755)

    def calls_of(self, command: str, **env: str) -> list[str]:
        """What it is called for by a bash command after `. scripts/environment`, but for --version."""
        self._calls.write_text("")
        done = self.machine.run("-c", f". scripts/environment; {command}", env=env)
        assert done.returncode == 0, done.stderr
        return [call for call in self._calls.read_text().splitlines() if call != "--version"]

    def required(self) -> list[str]:
        return (self.machine.checkout / ".venv" / "requirements.txt").read_text().splitlines()


def test_the_environment_is_made_anew_only_after_a_change(machine: Machine) -> None:
    pip = Pip(machine)
    packages, core = pip.calls_of("make_environment")
    assert packages.endswith("--requirement .venv/requirements.txt")
    assert core.endswith("--no-deps --editable .")
    assert pip.calls_of("make_environment") == []
    (machine.checkout / "core_rs" / "lib.rs").write_text("// other source\n")
    assert pip.calls_of("make_environment")
    assert not any(each.startswith("pytest") for each in pip.required())
    assert pip.calls_of("make_environment test")  # the first one could not run tests
    assert any(each.startswith("pytest") for each in pip.required())
    assert pip.calls_of("make_environment") == []
    with (machine.checkout / "pyproject.toml").open("a") as project:
        project.write("# other dependencies\n")
    assert pip.calls_of("make_environment")
    assert any(each.startswith("pytest") for each in pip.required())  # one that can test stays one


@pytest.mark.parametrize(
    ("provider", "package"), [("", "onnxruntime>"), ("openvino", "onnxruntime-openvino"), ("CUDA", "onnxruntime-gpu")]
)
def test_the_package_of_onnx_runtime_is_the_providers(machine: Machine, provider: str, package: str) -> None:
    pip = Pip(machine)
    pip.calls_of("make_environment", PLATEHOST_PROVIDER=provider)
    (runtime,) = [each for each in pip.required() if each.startswith("onnxruntime")]
    assert runtime.startswith(package)
    assert "flask" in " ".join(pip.required())


def test_another_provider_takes_the_place_of_the_first(machine: Machine) -> None:
    pip = Pip(machine, installed="onnxruntime")
    assert not any(call.startswith("uninstall") for call in pip.calls_of("make_environment"))
    calls = pip.calls_of("make_environment", PLATEHOST_PROVIDER="openvino")
    assert calls[0].startswith("uninstall")
    assert len(calls) == 3


def test_a_provider_that_is_none_is_told_with_its_setting(machine: Machine) -> None:
    Pip(machine)
    done = machine.run("-c", ". scripts/environment; make_environment", env={"PLATEHOST_PROVIDER": "tpu"})
    assert "PLATEHOST_PROVIDER is tpu, but must be cpu, openvino or cuda" in sentence(done)


def test_an_environment_that_could_not_be_made_is_tried_again(machine: Machine) -> None:
    machine.has_python()
    machine.has_rust()
    pip = machine.checkout / ".venv" / "bin" / "pip"
    pip.parent.mkdir(parents=True)
    pip.write_text('#!/bin/sh\n[ "$1" = install ] && exit 1\nexit 0\n')
    pip.chmod(0o755)
    for _ in range(2):
        assert "could not be installed" in sentence(machine.run("scripts/run"))
