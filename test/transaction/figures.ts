/** The property of each table: its figure told a second time, with all invariants. */
import type { Kind } from '../../src/transaction/table.ts';
import { clientFigure } from './figure-client.ts';
import { inviteClientFigure } from './figure-invite-client.ts';
import { inviteServerFigure } from './figure-invite-server.ts';
import { serverFigure } from './figure-server.ts';
import type { Property } from './world.ts';

export const figureOf: Readonly<Record<Kind, Property>> = {
  'invite-client': inviteClientFigure,
  'client': clientFigure,
  'invite-server': inviteServerFigure,
  'server': serverFigure,
};
