"""Settings come from the environment, are checked, and stand in the documentation."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from platehost.settings import SettingError, Settings, default_pack
from tests.service.support import ROOT
from web.app import create_app
from worker.engine import Recogniser


def test_the_defaults_hold_without_an_environment() -> None:
    assert Settings.from_env({}) == Settings()
    assert Settings.from_env({"PLATEHOST_PORT": " "}).port == 8080


def test_every_setting_is_read_from_its_variable() -> None:
    for each in fields(Settings):
        kind, low = type(each.default), each.metadata["minimum"]
        sent = "redis://other:1/2" if kind is str else str(low if low is not None else 7)
        if each.metadata["choices"]:
            sent = str(each.metadata["choices"][-1])
        read = getattr(Settings.from_env({each.metadata["env"]: sent}), each.name)
        assert read == kind(sent)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PLATEHOST_PORT", "http"),
        ("PLATEHOST_PORT", "70000"),
        ("PLATEHOST_BATCH_SIZE", "0"),
        ("PLATEHOST_LEASE", "1.5"),
        ("PLATEHOST_FACE", "clouds"),
        ("PLATEHOST_SNAPSHOT_STATUS", "202"),
        ("PLATEHOST_LOG_LEVEL", "verbose"),
        ("PLATEHOST_MAX_PIXELS", str((1 << 30) + 1)),
        ("PLATEHOST_PORT", "9" * 400),
    ],
)
def test_a_bad_value_is_told_with_its_name(name: str, value: str) -> None:
    with pytest.raises(SettingError, match=name):
        Settings.from_env({name: value})


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e999"])
def test_every_number_is_finite(value: str) -> None:
    numbers = [each.metadata["env"] for each in fields(Settings) if type(each.default) is float]
    assert numbers
    for name in numbers:
        with pytest.raises(SettingError, match=f"{name} must be a number"):
            Settings.from_env({name: value})


@pytest.mark.parametrize("level", ["DEBUG", "info", "Warning", "error"])
def test_a_log_level_is_known_in_any_case(level: str) -> None:
    assert Settings.from_env({"PLATEHOST_LOG_LEVEL": level}).log_level == level.upper()


def test_the_most_pixels_are_those_that_the_core_takes() -> None:
    most = Settings.from_env({"PLATEHOST_MAX_PIXELS": str(1 << 30)}).max_pixels
    engine = Recogniser(default_pack(), max_pixels=most)
    assert engine.pack.name
    with pytest.raises(ValueError, match="max_pixels"):
        Recogniser(default_pack(), max_pixels=most + 1)


def test_the_make_model_pack_lies_beside_the_pack_or_where_it_is_said(tmp_path: Path) -> None:
    pack = str(tmp_path / "default")
    assert Settings().make_model_beside(pack) is None
    (tmp_path / "make-model").mkdir()
    assert Settings().make_model_beside(pack) == str(tmp_path / "make-model")
    assert Settings(make_model_pack="/packs/mine").make_model_beside(pack) == "/packs/mine"
    assert Settings(make_model_pack="None").make_model_beside(pack) is None


def test_a_limit_that_cannot_be_read_is_told_with_its_name() -> None:
    with pytest.raises(SettingError, match="PLATEHOST_RATE_LIMIT"):
        create_app(Settings(rate_limit="often"))


def test_every_setting_has_a_sentence() -> None:
    for each in fields(Settings):
        assert each.metadata["doc"].endswith("."), each.name


def test_the_documentation_has_every_setting_with_its_default_and_sentence() -> None:
    page = (ROOT / "docs" / "settings.md").read_text()
    for each in fields(Settings):
        default = "models/default" if each.name == "pack" else str(each.default)
        shown = f"`{default}`" if default else "(empty)"
        assert f"| `{each.metadata['env']}` | {shown} | {each.metadata['doc']} |" in page
