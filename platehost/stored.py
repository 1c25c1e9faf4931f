"""Records that Redis keeps as JSON, read by releases that are older or newer than the one that wrote them.

While a service is upgraded, both work side by side. So a member that this release does not know is passed over, and one
that is not there has its default; a field that is added to a stored class must have one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

T = TypeVar("T")


def made(kind: type[T], stored: Mapping[str, Any]) -> T:
    """The dataclass `kind` of the members of `stored` that it knows. Raises TypeError if one lacks."""
    names = {each.name for each in fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: value for name, value in stored.items() if name in names})
