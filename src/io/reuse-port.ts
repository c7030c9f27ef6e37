/**
 * Several threads and processes of one machine listen on one SIP port (`SO_REUSEPORT`); the kernel spreads what arrives.
 * Not every system can.
 */

/** This system cannot share a port. Then one thread holds it and hands over what it receives. */
export class ReusePortUnsupported extends Error {
  override readonly name = 'ReusePortUnsupported';
  constructor(where: string, cause: unknown) {
    super(`${where}: this system cannot share a port between threads and processes`, { cause });
  }
}

/** The error to report for a listener that did not open: `ReusePortUnsupported` when that was the reason. */
export function listenError(error: unknown, where: string, reusePort: boolean): Error {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  // libuv answers ENOTSUP where the option does not exist, old kernels ENOPROTOOPT or EINVAL.
  if (
    reusePort &&
    (code === 'ENOTSUP' || code === 'EOPNOTSUPP' || code === 'ENOPROTOOPT' || code === 'EINVAL' || code === 'ENOSYS')
  ) {
    return new ReusePortUnsupported(where, error);
  }
  return error instanceof Error ? error : new Error(`${where}: ${String(error)}`);
}
