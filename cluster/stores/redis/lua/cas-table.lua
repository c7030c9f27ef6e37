-- KEYS table, current voters, next voters
-- ARGV expected epoch, expected nonce, epoch, nonce, octets, count of current voters, current voters*, next voters*
-- -> {1 replaced | 0 not, epoch that is stored now, its nonce}
local epoch, nonce = unpack(redis.call('HMGET', KEYS[1], 'e', 'n'))
if (epoch or '0') ~= ARGV[1] or (nonce or '') ~= ARGV[2] then return {0, tonumber(epoch or '0'), nonce or ''} end
redis.call('HSET', KEYS[1], 'e', ARGV[3], 'n', ARGV[4], 'b', ARGV[5])
redis.call('DEL', KEYS[2], KEYS[3])
local current = tonumber(ARGV[6])
for i = 7, #ARGV do
  redis.call('SADD', i < 7 + current and KEYS[2] or KEYS[3], ARGV[i])
end
return {1, tonumber(ARGV[3]), ARGV[4]}
