-- KEYS lease, members, table, born  ARGV id, incarnation, ttl, info (JSON)
-- -> {0 ok | 1 superseded | 2 dead | 3 predecessor alive, clock, table epoch, life of the store (only when ok)}
-- A member is one text: "INCARNATION up|dead INFO".
local at = now()
local known = redis.call('HGET', KEYS[2], ARGV[1])
if known then
  local incarnation, state = string.match(known, '^(%d+) (%a+) ')
  local registered, asked = tonumber(incarnation), tonumber(ARGV[2])
  if registered > asked then return {1, at, 0} end
  if registered == asked and state == 'dead' then return {2, at, 0} end
  if registered < asked and state ~= 'dead' then return {3, at, 0} end
end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2] .. ' up ' .. ARGV[4])
redis.call('ZADD', KEYS[1], at + ARGV[3], ARGV[1])
-- Another server, or one that was emptied, may have lost what it had acknowledged.
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
local born = redis.call('GET', KEYS[4])
if not born then
  born = run .. string.format(' %.0f', at)
  redis.call('SET', KEYS[4], born)
end
return {0, at, tonumber(redis.call('HGET', KEYS[3], 'e') or '0'), run .. ' ' .. born}
