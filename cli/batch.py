"""`platehost batch`: has a running service read many photos, in parallel, and goes on where it was stopped."""

import argparse
import os
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import islice

from cli.batch_client import Answer, BatchClient, Stopped, failed
from cli.batch_output import open_output
from cli.errors import UserError
from cli.progress import bar
from cli.sources import Source, find_sources

MOST_IN_CHUNK = 20  # the API's own bound
NO_PLATES = "NO_PLATES_FOUND"


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "batch",
        help="have a running service read many photos",
        description="Send photos, folders with all below them, and ZIP archives of photos to a running service, "
        "several at a time. With --output FILE, a command that was stopped goes on where it was: photos that FILE has "
        "an answer for are not sent again. The exit status is 1 when a photo could not be read.",
    )
    parser.add_argument("photos", nargs="+", metavar="FILES", help="photos, folders, ZIP archives")
    parser.add_argument(
        "--url", default="http://127.0.0.1:8080", help="address of the service (default: http://127.0.0.1:8080)"
    )
    parser.add_argument("--key", help="key of the service (default: $PLATEHOST_KEY, which other users cannot see)")
    parser.add_argument("--output", metavar="FILE", help="write the answers there, and go on where FILE ends")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", dest="form", action="store_const", const="json", help="one JSON object a photo")
    form.add_argument("--csv", dest="form", action="store_const", const="csv", help="one CSV row a plate")
    parser.add_argument("--regions", action="append", metavar="CODES", default=[], help="such as gb or de,us-ca")
    parser.add_argument("--parallel", type=_count(64), default=4, metavar="N", help="requests at a time (default: 4)")
    parser.add_argument(
        "--chunk", type=_count(MOST_IN_CHUNK), default=10, metavar="N", help="photos in one request (default: 10)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    key = args.key or os.environ.get("PLATEHOST_KEY", "")
    if not key:
        raise UserError("Which key? Give --key KEY or set PLATEHOST_KEY; `platehost key create NAME` makes one.")
    stop = threading.Event()
    client = BatchClient(args.url, key, args.regions, stop)
    client.check()
    form = args.form or ("csv" if (args.output or "").lower().endswith(".csv") else "json")
    stream, output, done = open_output(args.output, form)
    sources = list({each.file: each for each in find_sources(args.photos)}.values())
    left = [each for each in sources if each.file not in done]
    counts = {"plates": 0, NO_PLATES: 0, "errors": 0}
    shown = sys.stderr.isatty() and (args.output is not None or not sys.stdout.isatty())
    with bar("sending", len(sources), shown=shown) as progress:
        progress.advance(progress.task_ids[0], len(sources) - len(left))
        for file, answer in _answers(client, left, args.parallel, args.chunk, stop):
            output.add({"file": file, **answer})
            code = "" if answer["success"] else answer["error"]["code"]
            counts["plates" if not code else NO_PLATES if code == NO_PLATES else "errors"] += 1
            progress.advance(progress.task_ids[0])
    if stream is not sys.stdout:
        stream.close()
    before = f", {len(sources) - len(left)} had answers before" if len(left) < len(sources) else ""
    print(
        f"{len(left)} photos sent: {counts['plates']} with plates, {counts[NO_PLATES]} without, "
        f"{counts['errors']} errors{before}",
        file=sys.stderr,
    )
    return 1 if counts["errors"] else 0


def _answers(
    client: BatchClient, sources: Sequence[Source], parallel: int, size: int, stop: threading.Event
) -> Iterator[tuple[str, Answer]]:
    """File and answer of each photo, as they come. Raises UserError when the service cannot go on."""
    with ThreadPoolExecutor(parallel, thread_name_prefix="batch") as pool:
        try:
            chunks = [pool.submit(_send, client, chunk) for chunk in _chunks(sources, size)]
            for chunk in as_completed(chunks):
                yield from chunk.result()
        except Stopped:
            return
        finally:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)


def _send(client: BatchClient, chunk: Sequence[Source]) -> list[tuple[str, Answer]]:
    opened = [(each.file, each.open()) for each in chunk]
    pictures = [(file, content) for file, content in opened if isinstance(content, bytes)]
    answers = iter(client.send(pictures) if pictures else [])
    return [(file, next(answers) if isinstance(content, bytes) else failed(content)) for file, content in opened]


def _chunks(sources: Iterable[Source], size: int) -> Iterator[list[Source]]:
    remaining = iter(sources)
    while chunk := list(islice(remaining, size)):
        yield chunk


def _count(highest: int) -> "type[int]":
    def parse(text: str) -> int:
        number = int(text)
        if not 1 <= number <= highest:
            raise argparse.ArgumentTypeError(f"must be from 1 to {highest}")
        return number

    parse.__name__ = "number"  # argparse tells it for a text that is none
    return parse  # type: ignore[return-value]
