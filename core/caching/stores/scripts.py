"""What Redis does in one step: Lua, with Redis' clock as the only one.

Keys: ``all`` is the stamp of everything, ``stamp``s are those of tags; beside each
lies the set of its writers in flight (``mark``: token -> deadline in milliseconds);
``entry`` and ``lease`` belong to one value.

The stamp of everything reads ``<run><generation><random>``, 16 characters each:
which start of the server made it, which generation of the database it goes with.
"""

_NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""

_RUN = """
local run = string.sub(string.match(redis.call('INFO', 'server'), 'run_id:(%x+)'), 1, 16)
"""

# KEYS all. The server may have started anew since, from an old snapshot, or be
# another one: then nothing in it can be trusted.
INTRODUCE = (
    _RUN
    + """
local all = redis.call('GET', KEYS[1])
if all and string.sub(all, 1, 16) ~= run then redis.call('DEL', KEYS[1]) end
return 1
"""
)

# KEYS all, mark of all. ARGV generation, random, hold.
# Memory was lost, or a writer could not leave a mark: everything lapses. Marks may
# be missing, so nothing is built until those who commit now have finished.
RENEW = (
    _NOW
    + _RUN
    + """
local all = redis.call('GET', KEYS[1])
if all and string.sub(all, 1, 32) == run .. ARGV[1] then return 0 end
redis.call('SET', KEYS[1], run .. ARGV[1] .. ARGV[2])
redis.call('ZADD', KEYS[2], now + ARGV[3], 'renewal')
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return 1
"""
)

# KEYS all, mark of all, entry, lease, stamps…, marks…
# ARGV random, token, lease time, life of stamps, reader's time (none: rebuild),
# generation, hold, time of a commit.
# A stamp is made here only, and only while no writer is in flight. A writer whose mark
# is younger than a commit takes is waited for; one that is older may be dead.
ACQUIRE = (
    _NOW
    + """
local header = redis.call('GET', KEYS[1])
if not header or string.sub(header, 17, 32) ~= ARGV[6] then return {'RENEW'} end
local count = (#KEYS - 4) / 2
local function state(mark)
  if redis.call('EXISTS', mark) == 0 then return 'FREE' end
  redis.call('ZREMRANGEBYSCORE', mark, '-inf', now)
  local oldest = redis.call('ZRANGE', mark, 0, 0, 'WITHSCORES')[2]
  if not oldest then return 'FREE' end
  local age = ARGV[7] - (oldest - now)
  return age >= 0 and age < tonumber(ARGV[8]) and 'COMMIT' or 'DIRTY'
end
local states = {[state(KEYS[2])] = true}
for i = 1, count do states[state(KEYS[4 + count + i])] = true end
if states.DIRTY then return {'DIRTY'} end
if states.COMMIT then return {'COMMIT'} end
for i = 1, count do
  local stamp = redis.call('GET', KEYS[4 + i])
  if stamp then
    redis.call('PEXPIRE', KEYS[4 + i], ARGV[4])
  else
    stamp = ARGV[1]
    redis.call('SET', KEYS[4 + i], stamp, 'PX', ARGV[4])
  end
  header = header .. stamp
end
local entry = redis.call('GET', KEYS[3])
if entry and ARGV[5] ~= '' and string.sub(entry, 1, #header) == header then
  local expires = tonumber(string.sub(entry, #header + 14, #header + 26))
  if expires and expires > tonumber(ARGV[5]) then return {'HIT', header, entry} end
end
local lease = redis.call('GET', KEYS[4])
if lease == 'uncacheable' then return {'PASS'} end
if lease then return {'WAIT'} end
redis.call('SET', KEYS[4], ARGV[2], 'PX', ARGV[3])
return {'BUILD', header}
"""
)

# KEYS all, entry, lease, stamps…  ARGV token, header, entry without it, time to live
STORE = """
local header = redis.call('GET', KEYS[1]) or ''
for i = 4, #KEYS do header = header .. (redis.call('GET', KEYS[i]) or '') end
local is_current = header == ARGV[2]
if is_current then redis.call('SET', KEYS[2], header .. ARGV[3], 'PX', ARGV[4]) end
if redis.call('GET', KEYS[3]) == ARGV[1] then redis.call('DEL', KEYS[3]) end
return is_current and 1 or 0
"""

# KEYS lease  ARGV token, time during which nobody waits for this value
ABANDON = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if tonumber(ARGV[2]) > 0 then
  redis.call('SET', KEYS[1], 'uncacheable', 'PX', ARGV[2])
else
  redis.call('DEL', KEYS[1])
end
return 1
"""

_LAPSE = """
local count = (#KEYS - 1) / 2
local function lapse(key)
  if key ~= KEYS[1] then return redis.call('DEL', key) end
  local all = redis.call('GET', key)
  if all then redis.call('SET', key, string.sub(all, 1, 32) .. ARGV[2]) end
end
"""

# KEYS all, stamps…, marks…  ARGV token, random, hold
# Before COMMIT: the stamps lapse, and none is made while the mark stands.
MARK = (
    _NOW
    + _LAPSE
    + """
for i = 2, count + 1 do
  lapse(KEYS[i])
  local mark = KEYS[count + i]
  redis.call('ZADD', mark, now + ARGV[3], ARGV[1])
  if redis.call('PTTL', mark) < tonumber(ARGV[3]) then
    redis.call('PEXPIRE', mark, ARGV[3])
  end
end
return 1
"""
)

# KEYS all, stamps…, marks…  ARGV token, random
# After COMMIT: the stamps lapse once more, in case the mark was lost or ran out.
RELEASE = (
    _LAPSE
    + """
for i = 2, count + 1 do
  lapse(KEYS[i])
  redis.call('ZREM', KEYS[count + i], ARGV[1])
end
return 1
"""
)
