-- KEYS own  ARGV epoch, node.incarnation  -> 0 sealed | the epoch that refused it (equal or higher)
local sealed = tonumber(redis.call('HGET', KEYS[1], 'e') or '0')
if sealed >= tonumber(ARGV[1]) then return sealed end
redis.call('HSET', KEYS[1], 'e', ARGV[1], 'n', ARGV[2])
redis.call('HDEL', KEYS[1], 'w')
return 0
