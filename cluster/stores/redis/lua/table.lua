-- KEYS table  -> {epoch, nonce, octets}, nulls when there is none
return redis.call('HMGET', KEYS[1], 'e', 'n', 'b')
