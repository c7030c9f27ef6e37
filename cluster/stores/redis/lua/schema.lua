-- KEYS schema  ARGV schema version that we write  -> the version that is stored; ours when there was none
redis.call('SETNX', KEYS[1], ARGV[1])
return redis.call('GET', KEYS[1])
