/** The configuration of a node of the twin: an address of its own, links and store through what can cut them. */
import { isProblems, parseConfig } from '../../src/config/config.ts';
import type { Config } from '../../src/config/config.ts';
import { nodeName } from '../options.ts';
import { clusterAddress, nodeAddress, offsets } from './ports.ts';
import { sippPassword, sippUsers } from './sipp.ts';
import type { TwinSetting } from './twin.ts';

export function nodeConfig({ options, folder, base }: TwinSetting, domain: string, index: number): Config {
  const text = (offset: number): string => `${nodeAddress(index)}:${base + offset}`;
  const { sim, store, workers } = options;
  const config = parseConfig({
    cluster: {
      name: `twin-${base}-${process.pid}`,
      store: store === 'redis' ? `redis://${text(offsets.storeWay)}` : `sqlite:${folder}/carillon.db`,
      secret: 'only for runs on loopback',
      // The ways between the nodes that are cut are those of the links.
      forward: 'links',
    },
    node: {
      id: nodeName(index),
      workers,
      link: text(offsets.link),
      advertiseLink: text(offsets.advertisedLink),
    },
    // What phones send to the cluster goes to any node, and they hear the cluster from any node.
    listen: [`udp:${text(offsets.sip)}?shared=yes`],
    advertise: clusterAddress,
    domains: [domain],
    users: [
      ...Array.from({ length: sim.users }, (_, user) => ({
        aor: `sip:u${user}@${domain}`,
        password: `secret of u${user}`,
      })),
      ...sippUsers.map((user) => ({ aor: `sip:${user}@${domain}`, password: sippPassword(user) })),
    ],
    registrar: { minExpires: 5, maxExpires: 3_600, maxContacts: 10 },
    calls: { noAnswerSeconds: sim.noAnswerMs / 1_000 },
    admin: { listen: text(offsets.admin) },
  });
  if (isProblems(config)) throw new Error(config.map(({ path, sentence }) => `${path} ${sentence}`).join('; '));
  return config;
}
