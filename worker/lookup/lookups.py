"""What registers say of the plates of a batch: at once what is kept here, later what others are asked."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from platehost.address_guard import AddressGuard
from platehost.metrics import count_lookup
from platehost.outbound import Outbound
from platehost.reading import Reading, Registration
from platehost.register import SOURCE, Register
from platehost.settings import Settings
from platehost.store import Client, RedisError
from worker.lookup.cache import Cache, Question
from worker.lookup.desk import MOST_AT_ONCE, Answer, Desk
from worker.lookup.dvla import Dvla
from worker.lookup.providers import Provider
from worker.lookup.rdw import Rdw
from worker.lookup.rules import Rules, check

log = logging.getLogger("worker.lookup")

# The operator wrote these addresses: a proxy in the own network is as good as a public one.
_EVERY_ADDRESS = "0.0.0.0/0,::/0"


@dataclass(frozen=True)
class Wish:
    """A reading whose plates are to be looked up, and the regions that its request named."""

    reading: Reading
    regions: Sequence[str] = ()


class Inquiry:
    """What one reading's plates came to so far; `open` are the answers that were out, by provider and plate text."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self.known: dict[str, Registration] = {}
        self.open: dict[Question, Answer] = {}

    @property
    def done(self) -> bool:
        return all(answer.done() for answer in self.open.values())

    def reading(self) -> Reading:
        """The reading with what is known now. May be called again when more is."""
        known = dict(self.known)
        for (_, text), answer in self.open.items():
            registration = answer.result() if answer.done() else None
            if registration:
                known[text] = registration
        if not known:
            return self._reading
        plates = tuple(replace(each, registration=known.get(each.text)) for each in self._reading.plates)
        return replace(self._reading, plates=plates)


class Lookups:
    """One worker's. `seconds` is the time that a picture's answer may wait."""

    def __init__(
        self, rules: Rules, desks: Mapping[str, Desk], register: Register, cache: Cache, seconds: float
    ) -> None:
        self.seconds = seconds
        self._rules = rules
        self._desks = desks
        self._register = register
        self._cache = cache

    def begin(self, wishes: Sequence[Wish]) -> list[Inquiry]:
        """Looks up what is kept here and begins to ask for the rest; one inquiry per wish. Raises nothing."""
        inquiries = [Inquiry(wish.reading) for wish in wishes]
        try:
            self._begin(wishes, inquiries)
        except RedisError as error:
            log.warning("registers were not asked", extra={"fields": {"error": str(error)}})
        except Exception:  # no register is worth a recognition
            log.exception("registers were not asked")
        return inquiries

    def count_late(self, inquiry: Inquiry) -> None:
        """Counts the answers that a picture did not wait for."""
        for (name, _), answer in inquiry.open.items():
            if not answer.done():
                count_lookup(name, "late")

    def _begin(self, wishes: Sequence[Wish], inquiries: Sequence[Inquiry]) -> None:
        texts = list(dict.fromkeys(each.text for wish in wishes for each in wish.reading.plates))
        own = self._register.find(texts) if self._rules.register else {}
        questions: dict[Question, None] = {}
        asked: list[tuple[Inquiry, Question]] = []
        for wish, inquiry in zip(wishes, inquiries, strict=True):
            for plate in wish.reading.plates:
                if plate.text in own:
                    inquiry.known[plate.text] = own[plate.text]
                    continue
                name = self._rules.choose(plate.text, wish.regions, plate.region.code if plate.region else None)
                if name:
                    questions[name, plate.text] = None
                    asked.append((inquiry, (name, plate.text)))
        if own:
            count_lookup(SOURCE, "known", len(own))
        if questions:
            self._ask(asked, list(questions))

    def _ask(self, asked: Sequence[tuple[Inquiry, Question]], questions: Sequence[Question]) -> None:
        kept, paused = self._cache.find(questions)
        for inquiry, question in asked:
            name, text = question
            if question in kept:
                count_lookup(name, "cached")
                if registration := kept[question]:
                    inquiry.known[text] = registration
            elif name in paused:
                count_lookup(name, "paused")
            elif answer := self._desks[name].ask(text):
                inquiry.open[question] = answer
            else:
                count_lookup(name, "busy")


def open_lookups(settings: Settings, store: Client) -> Lookups | None:
    """The registers that the settings name, None when they name none. Raises SettingError.

    `store` is a client that gives up soon: a register is no reason to wait for one that is away.
    """
    rules = check(settings)
    if not rules:
        return None
    outbound = Outbound(AddressGuard.from_setting(_EVERY_ADDRESS), idle=MOST_AT_ONCE)
    every: Sequence[Provider] = (
        Dvla(outbound, settings.dvla_url, settings.dvla_key),
        Rdw(outbound, settings.rdw_url, settings.rdw_token),
    )
    cache = Cache(store, known_seconds=settings.lookup_known_ttl, unknown_seconds=settings.lookup_unknown_ttl)
    named = set(rules.by_region.values())
    desks = {each.name: Desk(each, cache, settings.lookup_provider_timeout) for each in every if each.name in named}
    return Lookups(rules, desks, Register(store), cache, settings.lookup_timeout)
