/** The configurations of several nodes of one machine, made from their common one. */
import type { Config } from '../config/config.ts';
import { limits } from '../limits.ts';
import { ExitError, exitCodes } from './exit.ts';

/** Node i is called a, b, c, ... and has link and admin port + i. They share store, secret and SIP addresses. */
export function memberConfigs(config: Config, nodes: number): Config[] {
  if (!Number.isInteger(nodes) || nodes < 1 || nodes > limits.nodesMax) {
    throw new ExitError(exitCodes.usage, `--nodes must be a number from 1 to ${limits.nodesMax}`);
  }
  if (nodes > 1 && config.cluster.store === 'memory:') {
    throw new ExitError(
      exitCodes.config,
      'cluster.store: memory: lives in one process; several nodes need sqlite:PATH or redis://HOST',
    );
  }
  return Array.from({ length: nodes }, (_, index) => memberConfig(config, index));
}

function memberConfig(config: Config, index: number): Config {
  const { node, admin } = config;
  const { advertiseLink } = node;
  for (const port of [node.link.port, admin.listen.port, advertiseLink?.port ?? 0].map((first) => first + index)) {
    if (port > 65_535)
      throw new ExitError(exitCodes.config, `node ${memberId(index)} would need port ${port}: choose lower ports`);
  }
  return {
    ...config,
    // One machine: all of them have its addresses.
    listen: config.listen.map((each) => (each.protocol === 'udp' ? { ...each, shared: true } : each)),
    node: {
      ...node,
      id: memberId(index),
      link: { ...node.link, port: node.link.port + index },
      ...(advertiseLink === undefined ? {} : { advertiseLink: { ...advertiseLink, port: advertiseLink.port + index } }),
    },
    admin: { ...admin, listen: { ...admin.listen, port: admin.listen.port + index } },
  };
}

/** a to z, then aa, ab, ... */
export function memberId(index: number): string {
  const letter = String.fromCharCode(97 + (index % 26));
  return index < 26 ? letter : memberId(Math.floor(index / 26) - 1) + letter;
}
