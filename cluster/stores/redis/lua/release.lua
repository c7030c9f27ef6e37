-- KEYS lease, members  ARGV id, incarnation  -> 1 it is dead (now or before) | 0 another incarnation is registered
local known = redis.call('HGET', KEYS[2], ARGV[1])
if not known then return 0 end
local incarnation, info = string.match(known, '^(%d+) %a+ (.*)$')
if incarnation ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[2], ARGV[1], incarnation .. ' dead ' .. info)
redis.call('ZREM', KEYS[1], ARGV[1])
return 1
