-- KEYS users, aors  ARGV aor  -> 1 removed | 0 there was none
redis.call('ZREM', KEYS[2], ARGV[1])
return redis.call('HDEL', KEYS[1], ARGV[1])
