/**
 * Names of keys. What one script touches has one hash tag ({...}), so that it is in one slot of a Redis Cluster:
 * coordination and users in a slot each, every partition in one of its own.
 */
export interface Keys {
  readonly schema: string;
  /** Sorted set: id -> until when the lease runs. */
  readonly lease: string;
  /** Hash: id -> "INCARNATION up|dead INFO". */
  readonly members: string;
  /** Text: names this data, from the first lease in it on. */
  readonly born: string;
  /** Hash: e(poch), n(once), b(ytes). */
  readonly table: string;
  readonly currentVoters: string;
  readonly nextVoters: string;
  /** Hash: aor -> "CREATED JSON". */
  readonly users: string;
  /** Sorted set of all aors, for pages in order. */
  readonly aors: string;
  /** Hash: voter -> until when its vote counts. */
  votes(id: string, incarnation: number): string;
  /** Hash: e(poch), n(ode.incarnation), w (number of the last write). */
  owner(partition: number): string;
  /** Hash: key -> snapshot. */
  snapshots(partition: number): string;
}

export function keysOf(prefix: string): Keys {
  const coordination = `${prefix}:{sc}:`;
  return {
    schema: `${coordination}schema`,
    lease: `${coordination}lease`,
    members: `${coordination}members`,
    born: `${coordination}born`,
    table: `${coordination}table`,
    currentVoters: `${coordination}voters`,
    nextVoters: `${coordination}next-voters`,
    users: `${prefix}:{users}:all`,
    aors: `${prefix}:{users}:aors`,
    votes: (id, incarnation) => `${coordination}votes:${id}.${incarnation}`,
    owner: (partition) => `${prefix}:{p${partition}}:own`,
    snapshots: (partition) => `${prefix}:{p${partition}}:s`,
  };
}

/** The slot of a key, 0 to 16383: CRC-16/XMODEM of its hash tag if it has one (Redis Cluster specification, "Hash tags"). */
export function slotOf(key: string): number {
  const open = key.indexOf('{');
  const close = open < 0 ? -1 : key.indexOf('}', open + 1);
  const octets = Buffer.from(close > open + 1 ? key.slice(open + 1, close) : key);
  let crc = 0;
  for (const octet of octets) {
    crc ^= octet << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
  }
  return crc % 16_384;
}
