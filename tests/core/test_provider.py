"""Execution providers that the installed ONNX Runtime lacks: an error each, never the CPU in their place."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest

import core_rs
from platehost.settings import Settings
from worker import engine
from worker.engine import EngineUnavailable, Recogniser, find_runtime


def has(provider: str) -> bool:
    """Whether the installed package of ONNX Runtime comes with the provider's library."""
    return bool(list(Path(find_runtime()).parent.glob(f"libonnxruntime_providers_{provider}.so")))


def test_cpu_is_the_default_and_can_be_named(tiny: Path) -> None:
    assert Settings().provider == "cpu"
    assert core_rs.Engine(tiny, provider="cpu").pack.name == core_rs.Engine(tiny).pack.name


@pytest.mark.parametrize(("provider", "package"), [("openvino", "onnxruntime-openvino"), ("cuda", "onnxruntime-gpu")])
def test_a_provider_that_is_not_there_is_an_error_with_its_remedy(tiny: Path, provider: str, package: str) -> None:
    if has(provider):
        pytest.skip(f"the installed package has {provider}")
    with pytest.raises(core_rs.RuntimeUnavailable, match=f"provider: {provider} .* {package} ") as caught:
        core_rs.Engine(tiny, provider=cast(Any, provider))
    assert caught.value.code == "runtime_unavailable"
    with pytest.raises(EngineUnavailable, match=f"^PLATEHOST_PROVIDER is {provider}; .* {package} "):
        Recogniser(str(tiny), provider=provider)


def test_an_unknown_provider_is_told_by_its_field(tiny: Path) -> None:
    with pytest.raises(ValueError, match=r'^provider: "tpu" is not'):
        core_rs.Engine(tiny, provider=cast(Any, "tpu"))


@pytest.mark.parametrize(
    ("provider", "device"), [("cpu", "0"), ("openvino", "TPU"), ("openvino", "GPU.x"), ("cuda", "GPU")]
)
def test_a_device_that_the_provider_cannot_have_is_told_with_the_setting(
    tiny: Path, provider: str, device: str
) -> None:
    with pytest.raises(EngineUnavailable, match=f'^PLATEHOST_PROVIDER is {provider}; device: "{device}" '):
        Recogniser(str(tiny), provider=provider, device=device)


def test_the_command_line_says_it_in_one_sentence(tiny: Path) -> None:
    if has("cuda"):
        pytest.skip("the installed package has cuda")
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "pack", "verify", str(tiny)],
        env={**os.environ, "PLATEHOST_PROVIDER": "cuda"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "PLATEHOST_PROVIDER is cuda; " in done.stderr
    assert done.stderr.count("\n") == 1


def test_two_packages_in_one_folder_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    capi = tmp_path / "onnxruntime" / "capi"
    capi.mkdir(parents=True)
    (tmp_path / "onnxruntime" / "__init__.py").touch()
    (capi / "libonnxruntime.so.1.24.1").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "onnxruntime", raising=False)
    (capi / "libonnxruntime.so").symlink_to("libonnxruntime.so.1.24.1")
    assert engine.find_runtime() == str(capi / "libonnxruntime.so.1.24.1")
    (capi / "libonnxruntime.so.1.32.0").touch()
    with pytest.raises(EngineUnavailable, match="pip uninstall"):
        engine.find_runtime()
