"""What a request needs of the shared rooms, made once per process."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cached_property

from flask import current_app

from platehost.accounts import Accounts
from platehost.address_guard import AddressGuard
from platehost.batches import Batches
from platehost.blobs import Blobs, open_blobs
from platehost.jobs import Jobs
from platehost.outbound import Outbound
from platehost.settings import Settings
from platehost.store import Client, connect, connect_probe, connect_waiting
from platehost.usage import Usage
from web.turns import Turns

# Threads that never wait for a reading, so that health checks and short requests are always served.
SPARE_THREADS = 16

# Servers of fetched pictures to which a connection may stay open.
FETCHED_HOSTS = 16


@dataclass(frozen=True)
class Service:
    """The settings, the stores, and the slots for requests that wait or fetch."""

    settings: Settings
    store: Client
    probe: Client
    accounts: Accounts
    blobs: Blobs
    jobs: Jobs
    batches: Batches
    usage: Usage
    guard: AddressGuard
    wait_slots: threading.Semaphore
    fetch_slots: threading.Semaphore
    turns: Turns

    @cached_property
    def outbound(self) -> Outbound:
        """For requests to servers of other people. Made when it is first used: it reads all trusted certificates."""
        return Outbound(self.guard, hosts=FETCHED_HOSTS)


def build(settings: Settings) -> Service:
    """Connects lazily: web starts and answers 503 while Redis is away. Raises SettingError for bad URLs, networks."""
    connections = settings.web_threads * 2
    store = connect(settings.redis_url, max_connections=connections)
    waiting = connect_waiting(settings.redis_url, longest=settings.sync_window, max_connections=connections)
    blobs = open_blobs(settings, store, lambda url: connect(url, max_connections=connections))
    jobs = Jobs(store, waiting, blobs, settings)
    return Service(
        settings=settings,
        store=store,
        probe=connect_probe(settings.redis_url),
        accounts=Accounts(store),
        blobs=blobs,
        jobs=jobs,
        batches=Batches(store, jobs, settings),
        usage=Usage(store),
        guard=AddressGuard.from_setting(settings.webhook_allow),
        wait_slots=threading.Semaphore(settings.web_threads - SPARE_THREADS),
        fetch_slots=threading.Semaphore(max(1, settings.web_threads // 4)),
        turns=Turns(),
    )


def service() -> Service:
    """The service of the app that handles the current request."""
    built: Service = current_app.extensions["platehost"]
    return built
