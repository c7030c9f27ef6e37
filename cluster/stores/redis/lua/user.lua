-- KEYS users  ARGV aor  -> the user or null
return redis.call('HGET', KEYS[1], ARGV[1])
