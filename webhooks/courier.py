"""One attempt at a delivery, from its body to what follows from the answer."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from platehost import logs, metrics
from platehost.blobs import Blobs
from platehost.deliveries import Attempt, Deliveries, Delivery
from platehost.outbound import Outbound, OutboundError
from platehost.settings import Settings
from platehost.targets import Target, Targets
from webhooks.mail import Notices
from webhooks.payload import build
from webhooks.retry import Verdict, judge, parse_schedule
from webhooks.signing import signature_headers

log = logging.getLogger("webhooks.courier")

ANSWER_BYTES = 1024
_DAY = 24 * 3600


class Courier:
    """Carries deliveries that were taken. Safe to be shared by threads."""

    def __init__(
        self,
        deliveries: Deliveries,
        targets: Targets,
        blobs: Blobs,
        outbound: Outbound,
        notices: Notices,
        settings: Settings,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Raises SettingError for a schedule that cannot be read."""
        self._deliveries = deliveries
        self._targets = targets
        self._blobs = blobs
        self._outbound = outbound
        self._notices = notices
        self._settings = settings
        self._schedule = parse_schedule(settings.webhook_retries)
        self._clock = clock

    def carry(self, target: Target, delivery: Delivery) -> None:
        """Makes one request and keeps what came of it. Raises redis.RedisError: the lease then ends by itself."""
        logs.bind_request(str(delivery.event.get("request_id", "")))
        began = time.perf_counter()
        status, headers, answer, error = self._request(target, delivery)
        ms = round((time.perf_counter() - began) * 1000, 1)
        now = self._clock()
        verdict = judge(status, headers, delivery.attempts, now, self._schedule)
        if delivery.event.get("test") and verdict.state == "pending":
            verdict = Verdict("failed")
        attempt = Attempt(delivery.id, delivery.attempts + 1, now, status, ms, error, answer)
        failing_since, drop = self._deliveries.finish(
            delivery, attempt, state=verdict.state, due=verdict.due, pause=verdict.pause
        )
        if drop:
            self._blobs.drop(delivery.picture)
        if not delivery.event.get("test"):
            metrics.count_attempt(verdict.state, ms / 1000, now - delivery.created)
        _log(target, attempt, verdict)
        if verdict.off:
            self._switch_off(target, "The receiver answered 410 Gone.")
        elif failing_since and now - failing_since >= self._settings.webhook_disable_after:
            self._switch_off(
                target, f"Every attempt of {_span(now - failing_since)} failed, the last one: {_why(attempt)}."
            )

    def _request(self, target: Target, delivery: Delivery) -> tuple[int | None, Mapping[str, str], str, str]:
        """Status, headers, beginning of the answer, and the error if there was no answer."""
        picture = self._blobs.get(delivery.picture) if delivery.picture else None
        try:
            body = build(target, delivery, picture)
        except Exception:  # one delivery that cannot be built must not hold up the rest
            log.exception("a delivery could not be built", extra={"fields": {"delivery": delivery.id}})
            return None, {}, "", "the delivery could not be built; the service's log has the reason"
        now = self._clock()
        headers = {
            **target.headers,
            **signature_headers(delivery.id, int(now), body.signed, target.secrets_at(now)),
            "Content-Type": body.content_type,
        }
        try:
            answer = self._outbound.send(
                "POST",
                target.url,
                headers=headers,
                body=body.content,
                seconds=self._settings.webhook_timeout,
                most_bytes=ANSWER_BYTES,
            )
        except OutboundError as error:
            return None, {}, "", str(error)
        return answer.status, answer.headers, answer.body.decode("utf-8", "replace"), ""

    def _switch_off(self, target: Target, reason: str) -> None:
        # The notice first: should this process die in between, it finds the target on, and says nothing.
        self._notices.put(target.id)
        if self._targets.switch_off(target.id, reason):
            metrics.SWITCHED_OFF.inc()
            log.error(
                "webhook.disabled",
                extra={"fields": {"target": target.id, "account": target.account, "reason": reason}},
            )


def _log(target: Target, attempt: Attempt, verdict: Verdict) -> None:
    fields: dict[str, Any] = {
        "delivery": attempt.delivery,
        "account": target.account,
        "target": target.id,
        "attempt": attempt.number,
        "status": attempt.status,
        "ms": attempt.ms,
        "state": verdict.state,
    }
    if attempt.error:
        fields["error"] = attempt.error
    log.log(logging.INFO if verdict.state == "delivered" else logging.WARNING, "attempt", extra={"fields": fields})


def _why(attempt: Attempt) -> str:
    return attempt.error or f"status {attempt.status}"


def _span(seconds: float) -> str:
    return f"{seconds / _DAY:.1f} days" if seconds >= _DAY else f"{seconds:.0f} s"
