"""What another server asks for with `Retry-After`: seconds or a date (RFC 9110, 10.2.3)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

# More than any schedule of ours waits; nobody can ask to be forgotten.
LONGEST_RETRY_AFTER = 24 * 3600.0


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """The time that a Retry-After header asks for, in seconds or as a date; None without a usable one."""
    text = next((text.strip() for name, text in headers.items() if name.lower() == "retry-after"), "")
    if text.isascii() and text.isdigit():
        return now + min(float(text), LONGEST_RETRY_AFTER)
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return min(max(date.timestamp(), now), now + LONGEST_RETRY_AFTER)
