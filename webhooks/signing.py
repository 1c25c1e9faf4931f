"""Signatures as Standard Webhooks 1.0.0 has them, the symmetric form.

Source: github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence

from platehost.targets import SECRET_PREFIX


def signature_headers(
    delivery_id: str, timestamp: int, contents: Sequence[bytes], secrets: Sequence[str]
) -> dict[str, str]:
    """The three headers; one signature per content and secret (`whsec_` and base64), the body as sent first.

    Without a secret there are two headers: the id lets every receiver drop what it got before.
    """
    headers = {"webhook-id": delivery_id, "webhook-timestamp": str(timestamp)}
    if secrets:
        begin = f"{delivery_id}.{timestamp}.".encode()
        signatures = (_sign(begin + content, secret) for content in contents for secret in secrets)
        headers["webhook-signature"] = " ".join(f"v1,{each}" for each in signatures)
    return headers


def _sign(signed: bytes, secret: str) -> str:
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
