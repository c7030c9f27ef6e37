/**
 * How a UDP flow names the node that received its packets, when nodes listen at addresses of their own: a NAT or firewall
 * in front of the peer lets in only what comes from there. `node/-/udp`: any worker of that node will do.
 */
import type { Flow } from '../outside.ts';

const suffix = '/-/udp';

export function datagramFlow(node: string): string {
  return node + suffix;
}

/** Whether the node of this flow is any node that has its address, and not the thread that has its socket. */
export function isDatagramFlow(flow: Flow): boolean {
  return flow.protocol === 'udp' && flow.connection.endsWith(suffix);
}

/** '' for a flow that names no node. */
export function nodeOfFlow(flow: Flow): string {
  return flow.connection.slice(0, Math.max(0, flow.connection.indexOf('/')));
}
