"""Every setting of the service, read once from the environment.

One table: a setting is a field of `Settings`; its environment variable and its sentence of documentation stand in the
field's metadata. docs/settings.md is held equal to this table by a test.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any


class SettingError(ValueError):
    """A setting that cannot be used. The message names the variable, the value's fault and the remedy."""


def _setting(
    env: str,
    default: Any,
    doc: str,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    choices: Sequence[Any] = (),
) -> Any:
    metadata = {"env": env, "doc": doc, "minimum": minimum, "maximum": maximum, "choices": choices}
    return field(default=default, metadata=metadata)


def default_pack() -> str:
    """The folder of the pack that ships with the code: models/default beside the packages."""
    return str(Path(__file__).resolve().parent.parent / "models" / "default")


# The word of PLATEHOST_MAKE_MODEL_PACK for no pack, even where one lies beside.
NO_PACK = "none"


@dataclass(frozen=True)
class Settings:
    """The settings of one process. Times are in seconds, sizes in the unit that the name says."""

    redis_url: str = _setting(
        "REDIS_URL",
        "redis://127.0.0.1:6379/0",
        "The Redis that holds queues, records and, unless PLATEHOST_BLOB_URL says otherwise, pictures.",
    )
    blob_url: str = _setting(
        "PLATEHOST_BLOB_URL",
        "",
        "Where pictures wait for a worker: a redis:// URL or a file:///folder; empty means REDIS_URL.",
    )
    pack: str = _setting(
        "PLATEHOST_PACK", default_pack(), "The folder of the model pack that workers and `platehost read` load."
    )
    make_model_pack: str = _setting(
        "PLATEHOST_MAKE_MODEL_PACK",
        "",
        "The folder of the pack that tells make and model; empty: `make-model` beside the pack, if there; or none.",
    )
    host: str = _setting("PLATEHOST_HOST", "0.0.0.0", "The address that web listens on.")  # noqa: S104
    port: int = _setting("PLATEHOST_PORT", 8080, "The TCP port that web listens on.", minimum=1, maximum=65535)
    web_processes: int = _setting("PLATEHOST_WEB_PROCESSES", 1, "How many web processes serve the port.", minimum=1)
    web_threads: int = _setting(
        "PLATEHOST_WEB_THREADS",
        96,
        "Threads of one web process; each request that waits for its reading holds one, 16 are kept for the rest.",
        minimum=20,
        maximum=2048,
    )
    sync_window: float = _setting(
        "PLATEHOST_SYNC_WINDOW",
        8.0,
        "Seconds that a request waits for its reading before it is answered by 202 and a status URL.",
        minimum=0,
        maximum=300,
    )
    job_timeout: int = _setting(
        "PLATEHOST_JOB_TIMEOUT", 30, "Seconds that one recognition may take inside a worker.", minimum=1, maximum=3600
    )
    job_retries: int = _setting(
        "PLATEHOST_JOB_RETRIES",
        2,
        "How often a job is run again after its worker died or failed.",
        minimum=0,
        maximum=10,
    )
    result_ttl: int = _setting(
        "PLATEHOST_RESULT_TTL", 3600, "Seconds that a finished job and its reading are kept for polling.", minimum=60
    )
    blob_ttl: int = _setting(
        "PLATEHOST_BLOB_TTL",
        3600,
        "Seconds that an uploaded picture may wait for a worker before it is dropped.",
        minimum=60,
    )
    queue_limit: int = _setting(
        "PLATEHOST_QUEUE_LIMIT", 1000, "Jobs that may wait in the queue; beyond it web answers 503.", minimum=1
    )
    max_upload_mb: float = _setting(
        "PLATEHOST_MAX_UPLOAD_MB",
        10.0,
        "Largest picture that is accepted, in MB of 1,000,000 bytes.",
        minimum=0.001,
        maximum=200,
    )
    fetch_timeout: float = _setting(
        "PLATEHOST_FETCH_TIMEOUT",
        5.0,
        "Seconds that a picture sent by URL (upload_url) may take to be fetched.",
        minimum=0.1,
        maximum=60,
    )
    max_pixels: int = _setting(
        "PLATEHOST_MAX_PIXELS",
        50_000_000,
        "Largest picture that is decoded, in pixels (width times height).",
        minimum=10_000,
        maximum=1 << 30,
    )
    batch_size: int = _setting(
        "PLATEHOST_BATCH_SIZE",
        4,
        "Most pictures that a worker takes from the queue for one call of the core.",
        minimum=1,
        maximum=256,
    )
    workers: int = _setting(
        "PLATEHOST_WORKERS", 1, "Worker processes that `platehost serve` starts.", minimum=1, maximum=256
    )
    worker_threads: int = _setting(
        "PLATEHOST_WORKER_THREADS",
        1,
        "Threads that one model may use inside one worker process.",
        minimum=1,
        maximum=64,
    )
    provider: str = _setting(
        "PLATEHOST_PROVIDER",
        "cpu",
        "ONNX Runtime's execution provider that the models run on: cpu, openvino or cuda; each needs its own package.",
        choices=("cpu", "openvino", "cuda"),
    )
    provider_device: str = _setting(
        "PLATEHOST_PROVIDER_DEVICE",
        "",
        "The provider's device: CPU, GPU, GPU.1 or NPU for openvino, 0 or 1 for cuda; empty: CPU, and 0.",
    )
    worker_max_jobs: int = _setting(
        "PLATEHOST_WORKER_MAX_JOBS",
        50_000,
        "Jobs after which a worker starts afresh in its own process; 0 means never.",
        minimum=0,
    )
    lease: int = _setting(
        "PLATEHOST_LEASE",
        6,
        "Seconds without a sign of life after which a worker's started jobs are given to another.",
        minimum=3,
        maximum=600,
    )
    reap_interval: float = _setting(
        "PLATEHOST_REAP_INTERVAL", 1.0, "Seconds between two looks for jobs of dead workers.", minimum=0.1, maximum=60
    )
    rate_limit: str = _setting(
        "PLATEHOST_RATE_LIMIT",
        "100 per second",
        "Requests that one key may send, in Flask-Limiter's words, such as '8 per second' or '600 per minute'.",
    )
    face: str = _setting(
        "PLATEHOST_FACE",
        "cloud",
        "Which form of the Snapshot API the port speaks: cloud, or sdk for clients of the on-premise SDK.",
        choices=("cloud", "sdk"),
    )
    sdk_port: int = _setting(
        "PLATEHOST_SDK_PORT",
        0,
        "A second TCP port that speaks the SDK's form, beside the one above; 0 means none.",
        minimum=0,
        maximum=65535,
    )
    sdk_account: str = _setting(
        "PLATEHOST_SDK_ACCOUNT", "main", "The account that calls without a key belong to, in the SDK's form."
    )
    sdk_empty_status: int = _setting(
        "PLATEHOST_SDK_EMPTY_STATUS",
        400,
        "Status of a call with nothing in it in the SDK's form, 400 or 200; the vendor's installer looks for 200.",
        choices=(400, 200),
    )
    probe_port: int = _setting(
        "PLATEHOST_PROBE_PORT",
        0,
        "A TCP port for /liveliness/ and /readiness/ alone, 8081 in the SDK's Kubernetes charts; 0 means none.",
        minimum=0,
        maximum=65535,
    )
    metrics_port: int = _setting(
        "PLATEHOST_METRICS_PORT",
        0,
        "A TCP port for /metrics alone, for Prometheus, without a key; 0 means none.",
        minimum=0,
        maximum=65535,
    )
    metrics_host: str = _setting(
        "PLATEHOST_METRICS_HOST", "127.0.0.1", "The address that the port for /metrics listens on."
    )
    snapshot_status: int = _setting(
        "PLATEHOST_SNAPSHOT_STATUS",
        0,
        "Status of a successful Snapshot answer, 200 or 201; 0 means 201 as the cloud and 200 as the SDK.",
        choices=(0, 200, 201),
    )
    webhook_allow: str = _setting(
        "PLATEHOST_WEBHOOK_ALLOW",
        "",
        "Networks that are not public but may be called, as CIDRs with commas between, such as 192.168.1.0/24.",
    )
    webhook_timeout: float = _setting(
        "PLATEHOST_WEBHOOK_TIMEOUT",
        15.0,
        "Seconds that a receiver has for its whole answer.",
        minimum=0.1,
        maximum=120,
    )
    webhook_retries: str = _setting(
        "PLATEHOST_WEBHOOK_RETRIES",
        "5,300,1800,7200,18000,36000,50400,72000,86400",
        "Seconds before each further attempt at a delivery; each is changed by up to a fifth at random.",
    )
    webhook_in_flight: int = _setting(
        "PLATEHOST_WEBHOOK_IN_FLIGHT",
        4,
        "Requests to one target at the same time; one that fails, or is new, gets one at a time.",
        minimum=1,
        maximum=64,
    )
    webhook_rate: float = _setting(
        "PLATEHOST_WEBHOOK_RATE", 100.0, "Requests to one target per second.", minimum=0.01, maximum=10_000
    )
    webhook_pending: int = _setting(
        "PLATEHOST_WEBHOOK_PENDING",
        100_000,
        "Deliveries that may wait for one target; beyond it new ones are dropped, counted and logged.",
        minimum=1,
    )
    webhook_kept: int = _setting(
        "PLATEHOST_WEBHOOK_KEPT",
        5000,
        "Ended deliveries, and attempts, that are kept per target to be shown and replayed, for a week at most.",
        minimum=1,
    )
    webhook_pictures: int = _setting(
        "PLATEHOST_WEBHOOK_PICTURES",
        500,
        "Pictures that may wait for deliveries; beyond it the oldest go, and their deliveries are sent without.",
        minimum=0,
    )
    webhook_picture_ttl: int = _setting(
        "PLATEHOST_WEBHOOK_PICTURE_TTL",
        3600,
        "Seconds that a picture waits for its deliveries; later attempts are sent without it.",
        minimum=60,
    )
    webhook_secret_overlap: int = _setting(
        "PLATEHOST_WEBHOOK_SECRET_OVERLAP",
        86_400,
        "Seconds that the old secret of a target signs beside the new one.",
        minimum=0,
    )
    webhook_disable_after: float = _setting(
        "PLATEHOST_WEBHOOK_DISABLE_AFTER",
        432_000.0,
        "Seconds of nothing but failures after which a target is switched off.",
        minimum=0.1,
    )
    smtp_url: str = _setting(
        "PLATEHOST_SMTP_URL",
        "",
        "The mail server, as smtp://host:25, smtp+starttls://user:password@host:587 or smtps://…; empty: no mail.",
    )
    mail_from: str = _setting("PLATEHOST_MAIL_FROM", "platehost@localhost", "The sender of the service's mails.")
    mail_to: str = _setting(
        "PLATEHOST_MAIL_TO", "", "Who is told of a target that was switched off, unless the target names somebody."
    )
    lookup: str = _setting(
        "PLATEHOST_LOOKUP",
        "",
        "Registers asked for NPR's vehicle, as register,gb=dvla,nl=rdw; dvla and rdw are sent plates; empty: none.",
    )
    lookup_timeout: float = _setting(
        "PLATEHOST_LOOKUP_TIMEOUT",
        1.5,
        "Seconds that the answer to a picture waits at most for registers; what is not known by then is left out.",
        minimum=0,
        maximum=30,
    )
    lookup_provider_timeout: float = _setting(
        "PLATEHOST_LOOKUP_PROVIDER_TIMEOUT",
        5.0,
        "Seconds that a register has for its answer; one that comes too late for a picture is kept for the next.",
        minimum=0.1,
        maximum=60,
    )
    lookup_known_ttl: int = _setting(
        "PLATEHOST_LOOKUP_KNOWN_TTL",
        604_800,
        "Seconds that a register's answer is kept, so that it is not asked again.",
        minimum=1,
    )
    lookup_unknown_ttl: int = _setting(
        "PLATEHOST_LOOKUP_UNKNOWN_TTL",
        21_600,
        "Seconds that a register is not asked again for a plate that it does not know.",
        minimum=1,
    )
    dvla_url: str = _setting(
        "PLATEHOST_DVLA_URL",
        "https://driver-vehicle-licensing.api.gov.uk/vehicle-enquiry/v1",
        "Where DVLA's Vehicle Enquiry Service answers, or your own proxy of it.",
    )
    dvla_key: str = _setting("PLATEHOST_DVLA_KEY", "", "The key for DVLA's Vehicle Enquiry Service (x-api-key).")
    rdw_url: str = _setting(
        "PLATEHOST_RDW_URL",
        "https://opendata.rdw.nl/resource",
        "Where RDW's open data answers, or your own proxy of it.",
    )
    rdw_token: str = _setting(
        "PLATEHOST_RDW_TOKEN", "", "An app token for RDW's open data (X-App-Token), for a higher limit; needs none."
    )
    dashboard: str = _setting(
        "PLATEHOST_DASHBOARD",
        "on",
        "Whether the main port serves the dashboard at /dashboard/: on or off.",
        choices=("on", "off"),
    )
    secret_key: str = _setting(
        "PLATEHOST_SECRET_KEY", "", "Signs the dashboard's forms; empty: made once and kept in Redis."
    )
    session_idle: int = _setting(
        "PLATEHOST_SESSION_IDLE",
        3600,
        "Seconds without a click after which a session of the dashboard ends.",
        minimum=60,
    )
    session_longest: int = _setting(
        "PLATEHOST_SESSION_LONGEST",
        43_200,
        "Seconds after sign-in at which a session of the dashboard ends in any case.",
        minimum=60,
    )
    proxies: int = _setting(
        "PLATEHOST_PROXIES",
        0,
        "Reverse proxies in front of web whose X-Forwarded-For, -Proto and -Host are believed.",
        minimum=0,
        maximum=10,
    )
    readings_keep: int = _setting(
        "PLATEHOST_READINGS_KEEP",
        0,
        "Seconds that readings are kept with a crop of the plate, to be searched in the dashboard; 0: none is kept.",
        minimum=0,
    )
    readings_most: int = _setting(
        "PLATEHOST_READINGS_MOST",
        20_000,
        "Readings that are kept per account at most; beyond it the oldest go.",
        minimum=1,
        maximum=1_000_000,
    )
    log_level: str = _setting(
        "PLATEHOST_LOG_LEVEL",
        "INFO",
        "Least level that is logged: DEBUG, INFO, WARNING or ERROR.",
        choices=("DEBUG", "INFO", "WARNING", "ERROR"),
    )

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Settings:
        """Reads every setting from `env` (the process's environment if not given); an empty value means the default.

        Raises SettingError for a value of the wrong type or outside its limits.
        """
        env = os.environ if env is None else env
        values: dict[str, Any] = {}
        for each in fields(cls):
            raw = env.get(each.metadata["env"], "").strip()
            if raw:
                values[each.name] = _parse(each.metadata, type(each.default), raw)
        return cls(**values)

    def make_model_beside(self, pack: str) -> str | None:
        """The folder of the make-model pack that is loaded with the pack in the folder `pack`, if any."""
        if self.make_model_pack:
            return None if self.make_model_pack.lower() == NO_PACK else self.make_model_pack
        beside = Path(pack).resolve().parent / "make-model"
        return str(beside) if beside.is_dir() else None

    @property
    def max_upload_bytes(self) -> int:
        return int(self.max_upload_mb * 1_000_000)

    @property
    def blob_store_url(self) -> str:
        return self.blob_url or self.redis_url


def _parse(metadata: Mapping[str, Any], kind: type, raw: str) -> Any:
    name = metadata["env"]
    if kind is str:
        # Words are taken in any case and kept as they are written here.
        text = next((each for each in metadata["choices"] if each.lower() == raw.lower()), raw)
        _check_choice(metadata, text)
        return text
    try:
        value = kind(raw)
        # No limit holds against nan, and nothing here can be without an end.
        if kind is float and not math.isfinite(value):
            raise ValueError
    except ValueError:
        raise SettingError(f"{name} must be a {'whole ' if kind is int else ''}number, not {raw!r}.") from None
    low, high = metadata["minimum"], metadata["maximum"]
    if (low is not None and value < low) or (high is not None and value > high):
        bounds = ([f"at least {low}"] if low is not None else []) + ([f"at most {high}"] if high is not None else [])
        raise SettingError(f"{name} is {raw}, but must be {' and '.join(bounds)}.")
    _check_choice(metadata, value)
    return value


def _check_choice(metadata: Mapping[str, Any], value: Any) -> None:
    choices = metadata["choices"]
    if choices and value not in choices:
        allowed = " or ".join(str(each) for each in choices)
        raise SettingError(f"{metadata['env']} is {value!r}, but must be {allowed}.")
