"""The compose file and the Procfile start the same processes, and their Redis keeps what is queued."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from platehost.settings import Settings
from tests.service.support import ROOT, Processes, wait_until
from webhooks import health as webhooks_health
from worker import health


def compose() -> dict[str, dict[str, object]]:
    services: dict[str, dict[str, object]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    return services


def test_it_runs_the_processes_of_the_procfile() -> None:
    lines = (ROOT / "Procfile").read_text().splitlines()
    procfile = dict(line.split(": ", 1) for line in lines)
    assert list(procfile) == ["web", "worker", "webhooks"]
    assert {name: compose()[name]["command"] for name in procfile} == procfile


def test_its_queue_is_durable_and_never_evicts() -> None:
    for option in ("--appendonly yes", "--maxmemory-policy noeviction", "--maxmemory 1gb"):
        assert option in str(compose()["redis"]["command"])
    assert "noeviction" in str(compose()["pictures"]["command"])


def test_what_a_restart_of_the_pictures_store_costs_is_said_where_it_is_set() -> None:
    assert '--save "" --appendonly no' in str(compose()["pictures"]["command"])
    above = (ROOT / "docker-compose.yml").read_text().partition("\n  pictures:\n")[0].rpartition("\n")[2]
    assert above.startswith("  # ")
    assert "503" in above


def test_a_stopped_worker_may_finish_its_batch() -> None:
    assert int(str(compose()["worker"]["stop_grace_period"]).rstrip("s")) > Settings().job_timeout


def test_every_service_has_a_health_check_and_time_to_end() -> None:
    least = {
        "web": Settings().sync_window + 5,
        "worker": Settings().job_timeout,
        "webhooks": 10,
        "redis": 20,
    }
    for name, service in compose().items():
        assert service["healthcheck"], name
        assert service["restart"] == "unless-stopped"
        if name in least:
            assert int(str(service["stop_grace_period"]).rstrip("s")) > least[name], name


def test_metrics_are_for_the_other_containers_alone() -> None:
    web: dict[str, Any] = compose()["web"]
    assert web["environment"]["PLATEHOST_METRICS_PORT"] == "9108"
    assert web["environment"]["REDIS_URL"] == compose()["worker"]["environment"]["REDIS_URL"]  # type: ignore[index]
    assert not [port for port in web["ports"] if "9108" in port]


def test_the_health_of_webhooks_is_told_by_its_exit_status(
    running: Processes, settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REDIS_URL", settings.redis_url)
    assert webhooks_health.main() == 1
    assert "No webhooks process on this host" in capsys.readouterr().err
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    assert webhooks_health.main() == 1
    assert "cannot be reached" in capsys.readouterr().err
    monkeypatch.setenv("REDIS_URL", running.server.url)
    wait_until(lambda: webhooks_health.main() == 0, 20, "a sign of life")


def test_the_health_of_a_worker_is_told_by_its_exit_status(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REDIS_URL", settings.redis_url)
    assert health.main() == 1
    assert "No worker on this host" in capsys.readouterr().err
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    assert health.main() == 1
    assert "cannot be reached" in capsys.readouterr().err


def test_a_living_worker_is_healthy(running: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", running.server.url)
    assert health.main() == 0
