-- KEYS own, snapshots  ARGV epoch, node.incarnation, number of the write, count of puts, (key, value)*, key to delete*
-- -> {1 written | 0 fenced by another epoch or owner | 2 overtaken by a later write of the same owner, epoch}
-- Writes of one owner are numbered upwards: one that got stuck in a connection we gave up must not land after those
-- that followed it on the next connection.
local epoch, owner, last = unpack(redis.call('HMGET', KEYS[1], 'e', 'n', 'w'))
if epoch ~= ARGV[1] or owner ~= ARGV[2] then return {0, tonumber(epoch or '0')} end
if last and tonumber(last) >= tonumber(ARGV[3]) then return {2, tonumber(epoch)} end
redis.call('HSET', KEYS[1], 'w', ARGV[3])
local i = 5
for _ = 1, tonumber(ARGV[4]) do
  redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1])
  i = i + 2
end
for k = i, #ARGV do redis.call('HDEL', KEYS[2], ARGV[k]) end
return {1, tonumber(epoch)}
