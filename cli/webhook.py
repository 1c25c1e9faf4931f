"""`platehost webhook`: who is told of recognitions, what was tried, and sending again."""

import argparse
import contextlib
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

import redis

from cli.errors import UserError
from cli.store_address import add_data_option, store_address
from cli.tables import print_table
from platehost.accounts import DEFAULT_ACCOUNT
from platehost.address_guard import ALLOW_VARIABLE, AddressGuard
from platehost.deliveries import Attempt, Deliveries
from platehost.settings import Settings
from platehost.store import connect
from platehost.targets import EVENTS, FORMATS, IMAGES, Target, TargetError, Targets, new_secret

_MADE_HERE = "new"
_HEADINGS = (
    *("id", "account", "url", "format", "image", "signed", "limits"),
    *("on", "waiting", "ended", "dropped", "fails since"),
)


@dataclass(frozen=True)
class _Office:
    targets: Targets
    deliveries: Deliveries
    settings: Settings
    guard: AddressGuard

    def target(self, target_id: int) -> Target:
        target = self.targets.get(target_id)
        if target is None:
            raise UserError(f"No target has the id {target_id}; `platehost webhook list` shows the ids.")
        return target


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "webhook",
        help="say who is told of recognitions, and see what was tried",
        description="Targets that are told of every recognition of an account, by HTTP POST.",
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)

    add = actions.add_parser("add", help="make a target", description="Make a target and print its id.")
    add.add_argument("url", metavar="URL", help="where to send, http or https")
    add.add_argument("--account", default=DEFAULT_ACCOUNT, help=f"account (default: {DEFAULT_ACCOUNT})")
    add.add_argument("--event", choices=EVENTS, default=EVENTS[0], help=f"(default: {EVENTS[0]})")
    add.add_argument("--format", choices=FORMATS, help="form of the body (default: json, multipart with an image)")
    add.add_argument("--image", choices=IMAGES, help="picture that goes along, in the format multipart")
    add.add_argument("--header", metavar="'K: V'", action="append", default=[], help="a header of its own; repeatable")
    add.add_argument(
        "--secret",
        metavar="S",
        nargs="?",
        const=_MADE_HERE,
        default="",
        help="sign deliveries; without S a secret is made and printed, once",
    )
    add.add_argument("--mail", metavar="ADDRESS", default="", help="who is told when the target is switched off")
    _add_limits(add)
    add.set_defaults(run=_add)

    listing = actions.add_parser("list", help="list the targets and how they stand")
    listing.set_defaults(run=_list)

    attempts = actions.add_parser("attempts", help="show the latest attempts at deliveries")
    attempts.add_argument("--limit", type=int, default=20, metavar="N", help="how many (default: 20)")
    attempts.set_defaults(run=_attempts)

    replay = actions.add_parser("replay", help="send kept deliveries again, with the ids that they had")
    which = replay.add_mutually_exclusive_group(required=True)
    which.add_argument("--delivery", metavar="ID", help="this one, as `attempts` shows it")
    which.add_argument("--since", metavar="TIME", help="all of recognitions since then, such as 2026-05-01T08:00Z")
    replay.set_defaults(run=_replay)

    test = actions.add_parser("test", help="send a test and wait for the answer")
    test.set_defaults(run=_test)

    limit = actions.add_parser("limit", help="give a target limits of its own, below the service's; 0 takes one away")
    _add_limits(limit)
    limit.set_defaults(run=_limit)

    rotate = actions.add_parser("rotate", help="make a new secret; the old one signs beside it for a time")
    rotate.set_defaults(run=_rotate)

    on = actions.add_parser("on", help="switch a target on again")
    on.set_defaults(run=_on)
    off = actions.add_parser("off", help="send nothing to a target for now")
    off.set_defaults(run=_off)
    remove = actions.add_parser("remove", help="forget a target with its deliveries")
    remove.set_defaults(run=_remove)

    for action in (attempts, replay, test, limit, rotate, on, off, remove):
        action.add_argument("id", metavar="ID", type=int, help="the target's id, as `platehost webhook list` shows it")
    for action in (add, listing, attempts, replay, test, limit, rotate, on, off, remove):
        add_data_option(action)


def _add_limits(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--max-rate", metavar="N", type=float, help="at most N requests per second")
    parser.add_argument("--max-in-flight", metavar="N", type=int, help="at most N requests at the same time")


def _add(args: argparse.Namespace) -> int:
    headers: dict[str, str] = {}
    for each in args.header:
        name, colon, text = each.partition(":")
        if not colon:
            raise UserError(f"--header {each!r} has no colon. Write it like --header 'Authorization: Token abc'.")
        headers[name.strip()] = text.strip()
    secret = new_secret() if args.secret == _MADE_HERE else args.secret
    with _office(args.data) as office:
        target = office.targets.add(
            args.account,
            args.url,
            event=args.event,
            format=args.format,
            image=args.image,
            headers=headers,
            secret=secret,
            mail=args.mail,
            max_rate=args.max_rate or 0.0,
            max_in_flight=args.max_in_flight or 0,
        )
    print(target.id)
    _warn_of_address(target, office.guard)
    if args.secret == _MADE_HERE:
        _print_secret(target)
    return 0


def _warn_of_address(target: Target, guard: AddressGuard) -> None:
    """The service's own setting decides; this one is the command's, most likely the same."""
    with contextlib.suppress(OSError):
        for found in socket.getaddrinfo(urlsplit(target.url).hostname, None, type=socket.SOCK_STREAM):
            address = str(found[4][0])
            reason = guard.refusal(address)
            if reason:
                print(
                    f"{address} is {reason}: it is only called when {ALLOW_VARIABLE} in the service's environment "
                    f"names it, such as {ALLOW_VARIABLE}={address}.",
                    file=sys.stderr,
                )
                return


def _list(args: argparse.Namespace) -> int:
    with _office(args.data) as office:
        targets = office.targets.list_all()
        rows = [_row(target, office.deliveries.standing(target.id)) for target in targets]
    print_table(_HEADINGS, rows)
    for target in targets:
        if not target.on:
            print(f"Target {target.id} is off. {target.off_reason}", file=sys.stderr)
    return 0


def _row(target: Target, standing: dict[str, float]) -> tuple[str, ...]:
    return (
        str(target.id),
        target.account,
        target.url,
        target.format,
        target.image,
        "yes" if target.secret else "no",
        _limits(target),
        "on" if target.on else "off",
        str(standing["waiting"] + standing["in_flight"]),
        str(standing["ended"]),
        str(standing["dropped"]),
        _time(standing["failing_since"]),
    )


def _limits(target: Target) -> str:
    """Its own ones alone, such as `5/s, 1 at a time`."""
    own = [f"{target.max_rate:g}/s"] if target.max_rate else []
    return ", ".join([*own, f"{target.max_in_flight} at a time"] if target.max_in_flight else own)


def _attempts(args: argparse.Namespace) -> int:
    with _office(args.data) as office:
        found = office.deliveries.attempts(office.target(args.id).id, max(1, args.limit))
    rows = [
        (
            _time(each.time),
            each.delivery,
            str(each.number),
            str(each.status or "-"),
            f"{each.ms:.0f}",
            each.error or " ".join(each.answer.split()),
        )
        for each in found
    ]
    print_table(("time (UTC)", "delivery", "attempt", "status", "ms", "answer or error"), rows)
    return 0


def _replay(args: argparse.Namespace) -> int:
    with _office(args.data) as office:
        target = office.target(args.id)
        if args.delivery:
            known = office.deliveries.get(args.delivery)
            if known is None or known.target != target.id:
                raise UserError(
                    f"Target {target.id} has no delivery {args.delivery}; they are kept for a week at most."
                )
            count = int(office.deliveries.replay(known.id))
        else:
            count = office.deliveries.replay_since(target.id, _moment(args.since))
    print(f"{count} {'delivery is' if count == 1 else 'deliveries are'} sent again.")
    return 0


def _test(args: argparse.Namespace) -> int:
    with _office(args.data) as office:
        target = office.target(args.id)
        delivery = office.deliveries.ping(target)
        seconds = office.settings.webhook_timeout + 5
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            made = [each for each in office.deliveries.attempts(target.id) if each.delivery == delivery]
            if made:
                return _tell_test(target, made[0])
            time.sleep(0.1)
    raise UserError(
        f"The test was not made within {seconds:g} s: no service runs on this store, or the target is busy. "
        f"`platehost webhook attempts {target.id}` shows it later."
    )


def _tell_test(target: Target, attempt: Attempt) -> int:
    if attempt.status is None:
        raise UserError(f"Target {target.id} did not answer: {attempt.error}.")
    print(f"Target {target.id} answered {attempt.status} after {attempt.ms:.0f} ms.")
    if attempt.answer:
        print(attempt.answer)
    return 0 if 200 <= attempt.status < 300 else 1


def _limit(args: argparse.Namespace) -> int:
    if args.max_rate is None and args.max_in_flight is None:
        raise UserError("Name a limit: --max-rate N or --max-in-flight N; 0 takes one away.")

    def turn(known: Target) -> Target:
        max_rate = known.max_rate if args.max_rate is None else args.max_rate
        return replace(
            known,
            max_rate=max_rate,
            max_in_flight=known.max_in_flight if args.max_in_flight is None else args.max_in_flight,
        )

    with _office(args.data) as office:
        target = office.targets.change(office.target(args.id).id, turn)
    own = _limits(target) if target else ""
    print(f"Target {args.id} gets at most {own}." if own else f"Target {args.id} has no limits of its own.")
    return 0


def _rotate(args: argparse.Namespace) -> int:
    with _office(args.data) as office:
        overlap = office.settings.webhook_secret_overlap
        target = office.targets.rotate(office.target(args.id).id, overlap)
    if target:
        _print_secret(target)
        if target.old_secret:
            print(f"The old one signs beside it for {overlap / 3600:g} h.", file=sys.stderr)
    return 0


def _on(args: argparse.Namespace) -> int:
    with _office(args.data) as office:
        target = office.target(args.id)
        office.targets.change(target.id, lambda known: replace(known, on=True, off_reason=""))
        office.deliveries.wake(target.id)
    print(f"Target {args.id} is on.")
    return 0


def _off(args: argparse.Namespace) -> int:
    with _office(args.data) as office:
        office.targets.switch_off(office.target(args.id).id, "Switched off on the command line.")
    print(f"Target {args.id} is off.")
    return 0


def _remove(args: argparse.Namespace) -> int:
    with _office(args.data) as office:
        target = office.target(args.id)
        office.targets.remove(target.id)
        office.deliveries.forget(target.id)
    print(f"Target {args.id} is removed.")
    return 0


def _print_secret(target: Target) -> None:
    print(target.secret)
    print("This is the only time that the secret is shown.", file=sys.stderr)


def _time(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M:%S}" if moment else ""


def _moment(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise UserError(f"--since {text!r} is no time. Write it like 2026-05-01T08:00Z.") from None


@contextlib.contextmanager
def _office(data: str | None) -> Iterator[_Office]:
    """The targets in the store of the command; what goes wrong there is told in one sentence."""
    with store_address(data) as url:
        try:
            settings = Settings.from_env()
            guard = AddressGuard.from_setting(settings.webhook_allow)
            store = connect(url)
        except ValueError as error:
            raise UserError(str(error)) from error
        try:
            yield _Office(Targets(store), Deliveries(store, settings), settings, guard)
        except TargetError as error:
            raise UserError(str(error)) from error
        except redis.RedisError as error:
            raise UserError(f"The store does not answer: {error}.") from error
        finally:
            store.close()
