"""Signatures as Standard Webhooks 1.0.0 has them, the symmetric form.

Source: github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence

from platehost.targets import SECRET_PREFIX


def signature_headers(delivery_id: str, timestamp: int, body: bytes, secrets: Sequence[str]) -> dict[str, str]:
    """The three headers over the body as it is sent; one signature per secret (`whsec_` and base64).

    Without a secret there are two headers: the id lets every receiver drop what it got before.
    """
    headers = {"webhook-id": delivery_id, "webhook-timestamp": str(timestamp)}
    if secrets:
        signed = f"{delivery_id}.{timestamp}.".encode() + body
        headers["webhook-signature"] = " ".join(f"v1,{_sign(signed, secret)}" for secret in secrets)
    return headers


def _sign(signed: bytes, secret: str) -> str:
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
