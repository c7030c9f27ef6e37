-- KEYS snapshots  -> {key, value, ...}
return redis.call('HGETALL', KEYS[1])
