/** What Redis and the client say -> StoreError with a sentence that helps. */
import { StoreError } from '../../store-ports.ts';

/** @param doing what was tried, as in "renewing the lease of a" @param target the URL without secrets */
export function explain(error: unknown, target: string, doing: string): StoreError {
  if (error instanceof StoreError) return error;
  const detail = error instanceof Error ? error.message : String(error);
  const [word = ''] = detail.split(' ', 1);
  switch (word) {
    case 'OOM':
      return new StoreError(
        'full',
        `The store ${target} has used up its maxmemory while ${doing}; nothing was written. Give it more memory.`,
      );
    case 'NOREPLICAS':
      return new StoreError(
        'busy',
        `The store ${target} refuses to write while it has too few replicas (min-replicas-to-write), while ${doing}. ` +
          'Bring the replicas back.',
      );
    case 'LOADING':
    case 'BUSY':
    case 'MASTERDOWN':
    case 'CLUSTERDOWN':
    case 'TRYAGAIN':
    case 'MOVED':
    case 'ASK':
    case 'READONLY':
      return new StoreError(
        'busy',
        `The store ${target} could not serve this just now while ${doing} (${detail}); nothing was written.`,
      );
    case 'NOAUTH':
    case 'WRONGPASS':
    case 'NOPERM':
      return new StoreError(
        'io',
        `The store ${target} does not let us in while ${doing} (${detail}). Check user and password of cluster.store, and ` +
          'that its user may run all commands on our keys, EVALSHA and INFO.',
      );
    case 'MISCONF':
      return new StoreError('io', `The store ${target} cannot write to its disk while ${doing} (${detail}).`);
    case 'WRONGTYPE':
      return new StoreError(
        'corrupt',
        `The store ${target} holds keys of another program under our names, while ${doing} (${detail}). Choose another ` +
          'database or ?prefix=NAME.',
      );
    case 'ERR':
      return new StoreError('io', `The store ${target} refused while ${doing}: ${detail}.`);
    default:
      return unreachable(target, doing, detail);
  }
}

/** No answer: whether it was done is unknown, unless there was no connection to ask it on. */
export function unreachable(target: string, doing: string, detail: string): StoreError {
  if (detail.includes('enableOfflineQueue')) {
    return new StoreError(
      'unreachable',
      `There is no connection to the store ${target} for ${doing}; nothing was done. It is tried again all the time.`,
    );
  }
  return new StoreError(
    'unreachable',
    `The store ${target} did not answer while ${doing} (${detail}). It may or may not have been done.`,
  );
}
