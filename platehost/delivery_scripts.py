"""The scripts of platehost.deliveries, each one atomic step in Redis.

Keys of a target: `queue` (delivery by the time when it is due), `taken` (by the end of its lease), `ended` (by the time
of its recognition), `attempts` (newest first), `state` (a hash). `platehost:queues` has each target by the time when
its queue should be looked at again. `platehost:picture:<blob>` are the deliveries that still need a blob.
"""

from __future__ import annotations

# KEYS: mark of the job, the account's targets.
# ARGV: now, seconds to keep, most pending, job, event, blob, its seconds, seconds of the mark.
ENQUEUE = """
local targets, made = redis.call('HVALS', KEYS[2]), 0
if #targets == 0 then return 0 end
if not redis.call('SET', KEYS[1], '1', 'NX', 'EX', ARGV[8]) then return 0 end
for _, stored in ipairs(targets) do
  local target = cjson.decode(stored)
  if target.on and target.event == 'image.done' then
    local id = string.format('%d', target.id)
    local queue = 'platehost:queue:' .. id
    if redis.call('ZCARD', queue) >= tonumber(ARGV[3]) then
      redis.call('HINCRBY', 'platehost:target:' .. id .. ':state', 'dropped', 1)
    else
      local delivery = 'msg_' .. ARGV[4] .. '_' .. id
      local picture = ''
      if target.format == 'multipart' and target.image ~= 'none' then picture = ARGV[6] end
      redis.call('HSET', 'platehost:delivery:' .. delivery, 'target', id, 'event', ARGV[5], 'picture', picture,
                 'created', ARGV[1], 'attempts', '0', 'state', 'pending')
      redis.call('EXPIRE', 'platehost:delivery:' .. delivery, ARGV[2])
      redis.call('ZADD', queue, ARGV[1], delivery)
      redis.call('ZADD', 'platehost:queues', 'LT', ARGV[1], id)
      if picture ~= '' then
        redis.call('SADD', 'platehost:picture:' .. picture, delivery)
        redis.call('EXPIRE', 'platehost:picture:' .. picture, ARGV[7])
        redis.call('ZADD', 'platehost:pictures', ARGV[1], picture)
      end
      made = made + 1
    end
  end
end
return made
"""

# KEYS: queues, accounts. ARGV: target, now, lease, in flight, rate, most, prefix of the accounts' targets, whether the
# process is crowded: a target that fails, or that never answered yet, then comes later.
# Returns the target's JSON and per taken delivery its id and fields; nothing when there is nothing to send to.
TAKE = """
local id, now, most = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[6])
local account = redis.call('HGET', KEYS[2], id)
local stored = account and redis.call('HGET', ARGV[7] .. account, id)
if not stored then
  redis.call('ZREM', KEYS[1], id)
  return nil
end
local queue, taken = 'platehost:queue:' .. id, 'platehost:taken:' .. id
local state = 'platehost:target:' .. id .. ':state'
for _, delivery in ipairs(redis.call('ZRANGEBYSCORE', taken, '-inf', ARGV[2])) do
  redis.call('ZREM', taken, delivery)
  redis.call('ZADD', queue, ARGV[2], delivery)
end
local target = cjson.decode(stored)
local on = target.on
local known = redis.call('HMGET', state, 'paused_until', 'failing_since', 'tokens', 'tokens_at', 'last_success')
local paused, cap, rate = tonumber(known[1] or '0'), tonumber(ARGV[4]), tonumber(ARGV[5])
-- A target's own limits, 0 when it has none, never reach beyond the service's.
if (target.max_in_flight or 0) > 0 then cap = math.min(cap, target.max_in_flight) end
if (target.max_rate or 0) > 0 then rate = math.min(rate, target.max_rate) end
local doubtful = known[2] or not known[5]
if doubtful then cap = 1 end
local burst = math.max(1, rate)
local tokens = math.min(burst, tonumber(known[3] or burst) + rate * math.max(0, now - tonumber(known[4] or ARGV[2])))
local in_flight, again, got = redis.call('ZCARD', taken), nil, {stored}
if doubtful and ARGV[8] == '1' then most, again = -1, now + 1 end
while #got <= most do
  local first = redis.call('ZRANGE', queue, 0, 0, 'WITHSCORES')
  if not first[1] then break end
  local due = tonumber(first[2])
  -- A test ping stands at 0: it goes to a target that is off, or paused, too.
  if due > 0 then
    if not on then break end
    due = math.max(due, paused)
  end
  if due > now then again = due break end
  if in_flight >= cap then break end
  if tokens < 1 then again = now + (1 - tokens) / rate break end
  redis.call('ZREM', queue, first[1])
  local fields = redis.call('HGETALL', 'platehost:delivery:' .. first[1])
  if #fields > 0 then
    tokens, in_flight = tokens - 1, in_flight + 1
    redis.call('ZADD', taken, now + tonumber(ARGV[3]), first[1])
    got[#got + 1] = {first[1], fields}
  end
end
redis.call('HSET', state, 'tokens', tostring(tokens), 'tokens_at', ARGV[2])
local lease = redis.call('ZRANGE', taken, 0, 0, 'WITHSCORES')
if most >= 0 and #got > most then
  again = now
elseif lease[2] then
  again = math.min(again or tonumber(lease[2]), tonumber(lease[2]))
end
if again then
  redis.call('ZADD', KEYS[1], tostring(again), id)
else
  redis.call('ZREM', KEYS[1], id)
end
return got
"""

# KEYS: queues. ARGV: target, delivery, now, state, due, pause, attempt, most kept, blob, whether it is a test.
FINISH = """
local id, delivery, state = ARGV[1], ARGV[2], ARGV[4]
local record, marks = 'platehost:delivery:' .. delivery, 'platehost:target:' .. id .. ':state'
redis.call('ZREM', 'platehost:taken:' .. id, delivery)
redis.call('ZADD', KEYS[1], 'LT', ARGV[3], id)
local known = redis.call('HGET', record, 'state')
if not known then return {'0', 0} end
redis.call('HINCRBY', record, 'attempts', 1)
redis.call('LPUSH', 'platehost:attempts:' .. id, ARGV[7])
redis.call('LTRIM', 'platehost:attempts:' .. id, 0, tonumber(ARGV[8]) - 1)
if state == 'delivered' then
  redis.call('HDEL', marks, 'failing_since', 'failures', 'paused_until')
  redis.call('HSET', marks, 'last_success', ARGV[3])
elseif ARGV[10] ~= '1' then
  redis.call('HSETNX', marks, 'failing_since', ARGV[3])
  redis.call('HINCRBY', marks, 'failures', 1)
  if tonumber(ARGV[6]) > 0 then redis.call('HSET', marks, 'paused_until', ARGV[6]) end
end
local failing = redis.call('HGET', marks, 'failing_since') or '0'
local queue = 'platehost:queue:' .. id
if state == 'pending' then
  -- Another process, which took it for lost, may have delivered it meanwhile.
  if known == 'pending' then redis.call('ZADD', queue, ARGV[5], delivery) end
  return {failing, 0}
end
if known ~= 'delivered' then redis.call('HSET', record, 'state', state) end
redis.call('ZREM', queue, delivery)
local ended = 'platehost:ended:' .. id
redis.call('ZADD', ended, redis.call('HGET', record, 'created'), delivery)
while redis.call('ZCARD', ended) > tonumber(ARGV[8]) do
  redis.call('DEL', 'platehost:delivery:' .. redis.call('ZPOPMIN', ended)[1])
end
if ARGV[9] == '' then return {failing, 0} end
local picture = 'platehost:picture:' .. ARGV[9]
redis.call('SREM', picture, delivery)
if redis.call('EXISTS', picture) == 1 then return {failing, 0} end
redis.call('ZREM', 'platehost:pictures', ARGV[9])
return {failing, 1}
"""

# KEYS: queues. ARGV: delivery, now.
REPLAY = """
local record = 'platehost:delivery:' .. ARGV[1]
local id = redis.call('HGET', record, 'target')
if not id then return 0 end
if redis.call('ZSCORE', 'platehost:taken:' .. id, ARGV[1]) then return 0 end
redis.call('ZREM', 'platehost:ended:' .. id, ARGV[1])
redis.call('HSET', record, 'state', 'pending', 'attempts', '0')
redis.call('ZADD', 'platehost:queue:' .. id, ARGV[2], ARGV[1])
redis.call('ZADD', KEYS[1], 'LT', ARGV[2], id)
return 1
"""
