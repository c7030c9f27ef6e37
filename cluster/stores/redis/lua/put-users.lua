-- KEYS users, aors  ARGV (aor, JSON)*  A user is one text: "CREATED JSON"; the day of creation stays.
local created = string.format('%.0f', now())
for i = 1, #ARGV, 2 do
  local known = redis.call('HGET', KEYS[1], ARGV[i])
  local at = known and string.match(known, '^%d+') or created
  redis.call('HSET', KEYS[1], ARGV[i], at .. ' ' .. ARGV[i + 1])
  redis.call('ZADD', KEYS[2], 0, ARGV[i])
end
return #ARGV / 2
