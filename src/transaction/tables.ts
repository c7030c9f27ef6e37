/** The four machines by name. */
import { client } from './client.ts';
import { inviteClient } from './invite-client.ts';
import { inviteServer } from './invite-server.ts';
import { server } from './server.ts';
import type { Kind, Table } from './table.ts';

export function tableOf(kind: Kind): Table {
  switch (kind) {
    case 'invite-client':
      return inviteClient;
    case 'invite-server':
      return inviteServer;
    case 'client':
      return client;
    case 'server':
      return server;
  }
}

/** In the order of the figures. */
export const tables: readonly Table[] = [inviteClient, client, inviteServer, server];
