-- The store's clock in milliseconds since 1970. Put in front of every script that calls now().
local function now()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end
