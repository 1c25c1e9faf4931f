"""Sends pictures to a service's `/api/v1/batch` and brings back one answer per picture, through limits and restarts."""

import threading
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import requests

from cli.errors import UserError
from platehost.reading import Failure

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 330.0  # above the longest sync window that can be set
TRIES = 8
LONGEST_PAUSE = 30.0

Answer = dict[str, Any]
# A picture's name and bytes.
Picture = tuple[str, bytes]


class Stopped(Exception):
    """The command is to end; what was not answered is left for its next run."""


class BatchClient:
    """One service and one key. `stop` ends every wait. Safe to be used from several threads."""

    def __init__(self, url: str, key: str, regions: Sequence[str], stop: threading.Event) -> None:
        """Raises UserError for a URL that cannot be used."""
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            raise UserError(f"--url is {url!r}; write it like http://127.0.0.1:8080.")
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}"}
        self._fields = [("regions", each) for each in regions]
        self._stop = stop

    def check(self) -> None:
        """Raises UserError when no service answers at the URL, or it does not take the key."""
        try:
            answer = requests.get(f"{self._url}/api/v1/jobs/none", headers=self._headers, timeout=CONNECT_SECONDS)
        except (requests.RequestException, UnicodeError) as error:
            raise UserError(f"No service answers at {self._url}: {_reason(error)}.") from error
        if answer.status_code not in {404, 503} or "success" not in _body(answer):
            raise self._refusal(answer)

    def send(self, pictures: Sequence[Picture]) -> list[Answer]:
        """One answer per picture, in order, in the NPR API's words. Raises UserError or Stopped."""
        tries = 0
        while True:
            response = self._post(pictures)
            status = response.status_code if response is not None else 0
            if response is not None and status == 200:
                return list(_body(response)["results"])
            if response is not None and status == 202:
                answers = self._poll(str(_body(response)["job_id"]))
                if answers is not None:
                    return answers
            if response is not None and status == 413:
                return self._send_halves(pictures, response)
            if response is not None and 0 < status < 500 and status not in {202, 429}:
                raise self._refusal(response)
            # A limit passes by itself; what is broken gets some time.
            tries += status != 429
            if tries >= TRIES:
                raise UserError(f"{self._url} stopped answering; run the same command again to go on.")
            self._pause(_retry_after(response, 2.0 ** (tries - 1)))

    def _post(self, pictures: Sequence[Picture]) -> requests.Response | None:
        files = [("images[]", (f"{number}.img", content)) for number, (_, content) in enumerate(pictures)]
        try:
            return requests.post(
                f"{self._url}/api/v1/batch",
                headers=self._headers,
                data=self._fields,
                files=files,
                timeout=(CONNECT_SECONDS, ANSWER_SECONDS),
            )
        except requests.RequestException:
            return None

    def _send_halves(self, pictures: Sequence[Picture], refused: requests.Response) -> list[Answer]:
        """The body was too large as a whole, or its only picture is."""
        if len(pictures) == 1:
            return [_body(refused)]
        middle = len(pictures) // 2
        return [*self.send(pictures[:middle]), *self.send(pictures[middle:])]

    def _poll(self, job_id: str) -> list[Answer] | None:
        """The job's answers, None when it was lost and has to be sent again."""
        failures = 0
        while failures < TRIES:
            try:
                # Not the status URL of the answer: behind a proxy it may name a host that we cannot reach.
                response = requests.get(
                    f"{self._url}/api/v1/jobs/{job_id}", headers=self._headers, timeout=CONNECT_SECONDS
                )
            except requests.RequestException:
                response = None
            if response is not None and response.status_code == 200:
                failures = 0
                body = _body(response)
                if body["progress"]["done"] == body["progress"]["total"]:
                    return [
                        {name: value for name, value in each.items() if name != "image"} for each in body["results"]
                    ]
            elif response is not None and response.status_code == 404:
                return None
            else:
                failures += 1
            self._pause(_retry_after(response, 2.0**failures))
        return None

    def _pause(self, seconds: float) -> None:
        if self._stop.wait(min(seconds, LONGEST_PAUSE)):
            raise Stopped

    def _refusal(self, response: requests.Response) -> UserError:
        if response.status_code in {401, 403}:
            return UserError(f"{self._url} does not take this key. Make one there with `platehost key create NAME`.")
        error = _body(response).get("error")
        if isinstance(error, Mapping) and "message" in error:
            return UserError(f"{self._url} answered with status {response.status_code}: {error['message']}")
        return UserError(f"{self._url} is no service of Platehost: it answered with status {response.status_code}.")


def failed(failure: Failure) -> Answer:
    """The answer for a picture that could not be sent."""
    return {"success": False, "error": {"code": failure.code, "message": failure.message}}


def _body(response: requests.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _retry_after(response: requests.Response | None, otherwise: float) -> float:
    sent = response.headers.get("Retry-After", "") if response is not None else ""
    return float(sent) if sent.isdigit() else max(0.5, otherwise)


def _reason(error: Exception) -> str:
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    return "the connection failed" if isinstance(error, requests.ConnectionError) else str(error)
