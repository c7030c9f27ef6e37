-- KEYS lease, members  -> {{id, member, ...}, {id, lease until, ...}}
return {redis.call('HGETALL', KEYS[2]), redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')}
