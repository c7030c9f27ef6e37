-- KEYS lease, members, votes (of id.incarnation), current voters, next voters
-- ARGV target, its incarnation, voter, issued at, how long a vote counts, how late it may come
-- -> 0 too old | 1 stale incarnation | 2 noted | 3 dead
local at = now()
local known = redis.call('HGET', KEYS[2], ARGV[1])
if not known then return 1 end
local incarnation, state, info = string.match(known, '^(%d+) (%a+) (.*)$')
if incarnation ~= ARGV[2] then return 1 end
if state == 'dead' then return 3 end
-- A vote that was stuck on its way must not land later; a clock far ahead of ours is not trusted either.
local issued = tonumber(ARGV[4])
if math.abs(at - issued) > tonumber(ARGV[6]) then return 0 end
-- Votes that another master collected do not count: it may have lost renewals that we have.
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
if redis.call('HGET', KEYS[3], ' run') ~= run then
  redis.call('DEL', KEYS[3])
  redis.call('HSET', KEYS[3], ' run', run)
end
redis.call('HSET', KEYS[3], ARGV[3], issued + ARGV[5])
redis.call('PEXPIRE', KEYS[3], ARGV[5] * 4)
-- No table, as in a wiped Redis: nobody dies.
if redis.call('SCARD', KEYS[4]) == 0 then return 2 end
if tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]) or '0') > at then return 2 end
local counts = {}
local all = redis.call('HGETALL', KEYS[3])
for i = 1, #all, 2 do
  if all[i] ~= ' run' and tonumber(all[i + 1]) > at then counts[all[i]] = true end
end
-- Half is enough: the target itself is in the set and does not vote. An empty set asks for nothing.
local function agree(key)
  local voters = redis.call('SMEMBERS', key)
  local votes = 0
  for _, id in ipairs(voters) do
    if counts[id] then votes = votes + 1 end
  end
  return votes >= math.ceil(#voters / 2)
end
if not agree(KEYS[4]) or not agree(KEYS[5]) then return 2 end
redis.call('HSET', KEYS[2], ARGV[1], incarnation .. ' dead ' .. info)
redis.call('ZREM', KEYS[1], ARGV[1])
return 3
