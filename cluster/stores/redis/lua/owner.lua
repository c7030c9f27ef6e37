-- KEYS own  -> {epoch, node.incarnation}, nulls when it was never sealed
return redis.call('HMGET', KEYS[1], 'e', 'n')
