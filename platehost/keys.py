"""One API key: what is kept of it, and the scripts that make, find and remove it together with its account.

A key is shown once, when it is made; only its SHA-256 hash is kept. 160 random bits need no slow hash: nobody can try
them all.

In Redis: `platehost:key:<hash>` holds a key, `platehost:keys` the hashes of all by age, `platehost:account-keys:<id>`
those of one account. Keys made before the last of them was there are put into it by the first script that needs it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

KEY_PREFIX = "platehost:key:"
KEY_INDEX = "platehost:keys"
ACCOUNT_KEYS_PREFIX = "platehost:account-keys:"
INDEXED = "platehost:keys:indexed"

# The last use is written at most this often: it is for people's eyes, and a write a request would cost more than it.
SECONDS_BETWEEN_USES = 60

# KEYS of all: the keys, how many of them are indexed, the accounts. An earlier version, which may run beside this one,
# writes the first alone.
INDEX = f"""
local function index()
  if redis.call('ZCARD', KEYS[1]) == tonumber(redis.call('GET', KEYS[2]) or '-1') then return end
  local keys = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
  for place = 1, #keys, 2 do
    local stored = redis.call('HMGET', '{KEY_PREFIX}' .. keys[place], 'account', 'created')
    if stored[1] then
      redis.call('ZADD', '{ACCOUNT_KEYS_PREFIX}' .. stored[1], keys[place + 1], keys[place])
      local account = 'platehost:account:' .. stored[1]
      if redis.call('EXISTS', account) == 0 then
        redis.call('HSET', account, 'name', stored[1], 'created', stored[2])
        redis.call('ZADD', KEYS[3], keys[place + 1], stored[1])
      end
    end
  end
  redis.call('SET', KEYS[2], redis.call('ZCARD', KEYS[1]))
end
index()
"""

# KEYS[4]: the key, KEYS[5]: its account, KEYS[6]: the account's keys. ARGV: the hash, the account's id, when in seconds
# and in words, whether the account has to be there, the key's fields and values. 0 when the account is missing.
CREATE = (
    INDEX
    + """
if redis.call('EXISTS', KEYS[5]) == 0 then
  if ARGV[5] == '1' then return 0 end
  redis.call('HSET', KEYS[5], 'name', ARGV[2], 'created', ARGV[4])
  redis.call('ZADD', KEYS[3], ARGV[3], ARGV[2])
end
redis.call('HSET', KEYS[4], 'account', ARGV[2], 'created', ARGV[4], unpack(ARGV, 6))
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])
redis.call('ZADD', KEYS[6], ARGV[3], ARGV[1])
redis.call('INCR', KEYS[2])
return 1
"""
)

# KEYS[4]: the account, KEYS[5]: its keys. ARGV: its id, now in seconds, whether keys in use go with it.
# -1 when there is no such account, else how many keys in use keep it from being removed.
REMOVE_ACCOUNT = (
    INDEX
    + f"""
if redis.call('EXISTS', KEYS[4]) == 0 then return -1 end
local keys = redis.call('ZRANGE', KEYS[5], 0, -1)
local used = 0
for _, key in ipairs(keys) do
  local ended = redis.call('HMGET', '{KEY_PREFIX}' .. key, 'revoked', 'expires')
  if not ended[1] and (not ended[2] or tonumber(ended[2]) > tonumber(ARGV[2])) then used = used + 1 end
end
if used > 0 and ARGV[3] ~= '1' then return used end
for _, key in ipairs(keys) do
  redis.call('DEL', '{KEY_PREFIX}' .. key)
  redis.call('ZREM', KEYS[1], key)
end
redis.call('DEL', KEYS[4], KEYS[5])
redis.call('ZREM', KEYS[3], ARGV[1])
redis.call('SET', KEYS[2], redis.call('ZCARD', KEYS[1]))
return 0
"""
)

# KEYS[1]: the key. ARGV: now in seconds, seconds between uses. One trip for all that a request has to know, and never
# from a memory of this process: what was revoked, or got another plan, is so for the next request.
FIND = """
local key = redis.call('HGETALL', KEYS[1])
if #key == 0 then return false end
local stored = redis.call('HMGET', KEYS[1], 'account', 'used', 'revoked')
local account = redis.call('HGETALL', 'platehost:account:' .. stored[1])
local plan = redis.call('HGET', 'platehost:account:' .. stored[1], 'plan')
-- A store that is full or read-only does not keep a key from being used.
if not stored[3] and tonumber(ARGV[1]) - tonumber(stored[2] or '0') >= tonumber(ARGV[2]) then
  redis.pcall('HSET', KEYS[1], 'used', ARGV[1])
end
return {key, account, plan and redis.call('HGETALL', 'platehost:plan:' .. plan) or {}}
"""


@dataclass(frozen=True)
class Key:
    """One API key, without its secret: `id` is the first part of the secret's hash. Times are aware.

    `last_used` is up to a minute old, None when it was never used; `expires_at` None means never.
    """

    id: str
    account: str
    name: str
    created: datetime
    revoked: datetime | None = None
    expires_at: datetime | None = None
    last_used: datetime | None = None

    def state(self, now: datetime) -> str:
        """in use, expired or revoked, at `now` (aware)."""
        if self.revoked:
            return "revoked"
        return "expired" if self.expires_at and self.expires_at <= now else "in use"

    def described(self, now: datetime) -> dict[str, Any]:
        """For a JSON answer."""
        times = {name: getattr(self, name) for name in ("created", "last_used", "expires_at", "revoked")}
        return {
            "id": self.id,
            "account": self.account,
            "name": self.name,
            "state": self.state(now),
            **{name: time.isoformat() if time else None for name, time in times.items()},
        }


def digest_of(secret: str) -> str:
    """The hash that a key is kept by, 64 hex digits."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def key_of(digest: str, fields: dict[bytes, bytes]) -> Key:
    """A key as the store holds it."""
    text = {name.decode(): value.decode() for name, value in fields.items()}
    return Key(
        id=digest[:12],
        account=text["account"],
        name=text["name"],
        created=datetime.fromisoformat(text["created"]),
        revoked=datetime.fromisoformat(text["revoked"]) if "revoked" in text else None,
        expires_at=_moment(text.get("expires")),
        last_used=_moment(text.get("used")),
    )


def _moment(seconds: str | None) -> datetime | None:
    return datetime.fromtimestamp(float(seconds), UTC) if seconds else None
