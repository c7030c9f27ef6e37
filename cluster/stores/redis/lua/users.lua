-- KEYS users, aors  ARGV after this aor, how many  -> users, ordered by the octets of their aor
local aors = redis.call('ZRANGEBYLEX', KEYS[2], ARGV[1] == '' and '-' or '(' .. ARGV[1], '+', 'LIMIT', 0, ARGV[2])
if #aors == 0 then return {} end
return redis.call('HMGET', KEYS[1], unpack(aors))
