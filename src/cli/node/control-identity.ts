/** What a node says of itself to the others: with each lease, and in the table. */
import type { ControlIdentity } from '../../../cluster/control-types.ts';
import { ownVersions } from '../../../cluster/versions.ts';
import { formatHostPort } from '../../config/address.ts';
import type { Config } from '../../config/config.ts';
import { selfOf } from '../worker/identity.ts';
import { socketTexts } from './siblings.ts';

export function controlIdentityOf(config: Config, incarnation: number): ControlIdentity {
  const { node, admin, cluster } = config;
  return {
    id: node.id,
    incarnation,
    link: formatHostPort(node.advertiseLink ?? node.link),
    admin: formatHostPort(admin.listen),
    sip: socketTexts(selfOf(config).listeners),
    ...(node.zone !== undefined && { zone: node.zone }),
    linkHeld: true,
    workers: node.workers,
    schema: ownVersions.schema.writes,
    schemaReads: [ownVersions.schema.reads.min, ownVersions.schema.reads.max],
    ...(cluster.profile !== 'default' && { profile: cluster.profile }),
  };
}
