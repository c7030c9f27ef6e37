/** How many replicas must have a change before it counts. */

/**
 * With the master they are a majority, so that a master that lost its replicas to another one cannot keep a member alive
 * on its side.
 */
export function replicasToConfirm(replicas: number): number {
  return Math.ceil(replicas / 2);
}
