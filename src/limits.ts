/**
 * Every upper bound of the server, with its unit in the name. A number that limits something stands here and nowhere else.
 * Relations that must hold between limits are asserted at the end of this file, at import time.
 */
import assert from 'node:assert';

const signalling = {
  // SIP messages (a message over a limit is answered 400, 414 or 513, or dropped; a stream is closed)
  datagramBytesMax: 65_507,
  headBytesMax: 16_384,
  headerLinesMax: 256,
  headerValueBytesMax: 8_192,
  uriBytesMax: 2_048,
  methodBytesMax: 64,
  headerNameBytesMax: 128, // RFC 4475 3.1.1.7 (longreq) has a name of 93 octets that must be accepted
  tagBytesMax: 256,
  branchBytesMax: 256,
  callIdBytesMax: 512,
  viaValuesMax: 70,
  routeValuesMax: 32,
  recordRouteValuesMax: 32,
  paramsPerValueMax: 64,
  contactsPerRegisterMax: 32,
  authorizationValuesMax: 8,
  bodyBytesMax: 65_536,
  cseqMax: 2 ** 31 - 1,
  contentLengthDigitsMax: 7,

  // Streams
  headerDeadlineMs: 10_000,
  bodyDeadlineMs: 10_000,
  connectTimeoutMs: 4_000,
  connectionsPerWorkerMax: 20_000,
  connectionWriteBufferBytesMax: 1_048_576,
  keepAlivesPerSecondMax: 20,
  closingLingerMs: 2_000,
  closingDiscardBytesMax: 4_194_304,
  connectionStallMs: 30_000,
  proxyHeaderBytesMax: 4_096, // PROXY protocol 2, with its TLVs
  proxyHeaderDeadlineMs: 5_000,

  // Names
  dnsCacheEntriesMax: 4_096,
  dnsLookupsOutstandingMax: 1_024,
  dnsTtlSecondsMin: 1,
  dnsTtlSecondsMax: 3_600,
  dnsNegativeSeconds: 10,
  dnsAddressesPerNameMax: 32,

  // Datagrams: addresses that are known as text and as octets, those of each socket
  datagramSourcesMax: 4_096, // a power of two
  datagramDestinationsMax: 4_096,

  // Log
  logTextCharsMax: 256,

  // Actors
  mailboxItemsPerEntityMax: 64,
  /** From so many on a question that is asked again is not queued again. */
  mailboxItemsOfRepeatsMin: 16,
  mailboxItemsPerPartitionMax: 2_048,
  mailboxItemsPerWorkerMax: 65_536,
  mailboxUrgentItemsPerEntityMax: 256,
  mailboxUrgentItemsPerPartitionMax: 8_192,
  drainItemsMax: 256,
  entityKeyLengthMax: 2_048,
  effectsPerTurnMax: 512,
  timersPerEntityMax: 512,
  timerTickMs: 10,
  idleTickMs: 500, // A worker with nothing to do looks at its clock this often.
  passivateIdleMs: 30_000,
  /** Of calls and users: their transactions were remembered for half a minute (timers H, J), and mostly nothing follows. */
  passivateSoonMs: 5_000,
  passivateSweepMs: 5_000,
  answersRememberedMax: 2, // Who has more of them is busy and stays awake.
  memoryPieceBytes: 262_144,
  memoryPiecesMax: 4_096,
  lazySaveMs: 100,
  writesInFlightPerPartitionMax: 4,
  restartsPerMinuteMax: 3,
  timerMsMax: 2 ** 31 - 1,
  asksOutstandingPerEntityMax: 64,
  askRetryMs: 300,
  askTimeoutMs: 8_000,
  askOnceTimeoutMs: 4_000,
  /** Nothing heard over a connection for so long: whether the phone has another one meanwhile is asked. */
  flowDoubtMs: 2_000,
  /** A phone whose connection is gone gets so long for the next one before what cannot wait longer has failed. */
  flowReturnMs: 24_000,
  flowAskMs: 500,
  lostFlowsPerCallMax: 16,
  branchesPerRequestMax: 16,
  transactionsPerCallMax: 256,
  dialogsPerCallMax: 32,
  dialogMsMax: 86_400_000,

  // Digest
  nonceLifetimeMs: 300_000,
  nonceCountWindow: 64,
  noncesPerUserMax: 512,
  nonceGraceMs: 10_000,
  nonceClockSkewMs: 10_000,
  nonceIdentitiesMax: 8,

  // Counters (docs/ROUTING.md)
  limitNameOctetsMax: 256,
  countersPerPartitionMax: 512,
  holdersPerCounterMax: 2_000,
  holderOctetsPerCounterMax: 160_000,
  placesPerCallMax: 16,
  /** A call says so often that it holds its places. */
  placeRenewMs: 60_000,
  /** Of whom nothing was heard for so long, it is asked whether it still lives; again after placeDoubtMs. */
  placeSureMs: 200_000,
  placeDoubtMs: 5_000,
  placeDoubtEveryMs: 1_000,
  placeDoubtsMax: 16,
  /** A call that has ended asks for so long to be heard of it. */
  placeReleaseMs: 60_000,
  rateSpanMsMax: 86_400_000,
  creditsMax: 10_000,
  creditMsMax: 250,
  refusalMsMax: 1_000, // A node that hears that nothing is free says so itself, at most for so long.
  creditClockMs: 50, // By so much the clocks of two nodes may differ.
  creditNamesPerWorkerMax: 10_000,

  // Registrations
  expiresDigitsMax: 20,
  pathValuesMax: 8,
  instanceCharsMax: 256,
  formerConnectionsMax: 8,
  userAgentCharsMax: 128,
  methodsCharsMax: 256,
} as const;

const cluster = {
  // Cluster
  partitions: 4_096,
  nodesMax: 64,
  workersPerNodeMax: 64,
  linkFrameBytesMax: 1_048_576,
  linkFrameDepthMax: 32,
  linkMembersMax: 1_024,
  linkHopsMax: 3,
  linkSendBufferBytesMax: 16_777_216,
  linkSendBufferItemsMax: 131_072,
  /** What a node lets each other node have under way to it; less while its workers are behind. */
  linkWindowBytes: 4_194_304,
  linkWindowItems: 4_096,
  linkHandshakeMs: 5_000,
  linkHandshakeFrameBytesMax: 1_024,
  linkHandshakesMax: 64,
  linkNodeIdBytesMax: 64,
  linkDataFrameBytesAim: 65_536,
  linkSocketBytesAhead: 262_144,
  linkSilenceMs: 5_000,
  linkResumeMs: 4_000,
  /** What was under way for longer is not delivered any more: a transaction may be forgotten after T4 (RFC 3261 17.1.2.2). */
  linkLateMs: 5_500,
  /**
   * A datagram of a phone that took longer from the worker that read it to the one that has its call is dropped, and so is one
   * between workers that left longer ago: T4 (RFC 3261 17.1.2.2).
   */
  datagramLateMs: 5_000,
  linkHeartbeatExtraBytesMax: 65_536,
  linkTlsCheckMs: 5_000,
  linkRedialMsMin: 20,
  linkRedialMsMax: 1_000,
  batchPortBytesMax: 33_554_432,
  /** What threads say to each other is a text up to so many octets, memory that changes its owner above. */
  messageTextBytesMax: 8_192,
  holdItemsPerPartitionMax: 2_048,
  /** Datagrams between workers (cluster/direct/): what an Ethernet carries without cutting it. */
  directDatagramBytesMax: 1_400,
  /** Copies for a buddy that go so (cluster/direct/copies.ts): most are longer, and networks put the pieces together again. */
  directCopyBytesMax: 8_192,
  directSlotsMax: 1_024,
  directProbeMs: 1_000,
  directProbeAgainMs: 250,
  /** How long an answer says that the way is there. */
  directFreshMs: 2_500,
  linkHeartbeatMs: 200,
  controlTickMs: 20,
  healthyLagMs: 200,
  membersFastPollMs: 20,
  membersFastPollForMs: 1_000,
  ownersPollMs: 100,
  ownersPollMsMax: 1_000, // However slow the last answer was.
  connectRetryMs: 500,
  joinWaitMs: 1_000,
  controlRetryMs: 100,
  planRepeatMs: 3_000,
  planAfterOthersMs: 150,
  tableComesMs: 50,
  /** Every member has been able to write a newer schema for so long before it is written: until then one can go back. */
  schemaSettleMs: 600_000,
  controlStoreTimeoutMs: 2_000,
  tableBatchMs: 50,
  movesInFlightPerNodeMax: 256,
  movesInFlightToNodeMax: 128,
  /** A node gives partitions away a few at a time, so that calls go on meanwhile: all that it has in so many times. */
  giveTimesAim: 64,
  givesEveryMs: 40,
  /** After so long without any it begins with one, and twice as many after every so many times. */
  givesAfreshMs: 1_000,
  giveTimesEach: 5,
  freezesInFlightMin: 2,
  freezesInFlightMax: 32,
  freezeMs: 1_000,
  drainCloseMs: 5_000,
  /** With empty hands, until what is under way to it by an older table has come. */
  drainLastMs: 250,
  drainLookMs: 500,
} as const;

const keeping = {
  // What is in the memory of a buddy and not in the store yet
  copyAckMs: 150, // Without an acknowledgement for so long, the store has to do.
  copyAgainMs: 50, // One that went as a datagram is said again over the link then.
  copyBackoffMs: 1_000,
  /** In a control tick, once it is under way: the first write of each after that waits for the store, and a new buddy is cold. */
  buddyChangesAtOnceMax: 4,
  /** It begins with one, and twice as many after every so many ticks. */
  buddyChangeTimesEach: 10,
  storeBehindMs: 1_000, // What a buddy has is written to the store within this time.
  storeTogetherMs: 100, // And what was due within this time is written as one.
  tailRowsMax: 2_000_000,
  tailBytesMax: 536_870_912,
  tailAskMs: 200,
  /** So long a buddy is waited for that is a member and says nothing: its link may have fallen silent, and is made anew. */
  tailWaitMs: 6_500,
  givenKeepMs: 5_000, // Who gave a partition away has its rows for so long, should the store lose them meanwhile.
  tailHeldMs: 10_000,
  tailMsMax: 3_600_000,

  // Store
  storeGatherMs: 4, // A worker that writes steadily sends its writes to the store thread this often.
  snapshotBytesMax: 262_144,
  storeBatchRowsMax: 4_096,
  storeCommitBytesMax: 16_777_216,
  storeQueueRowsMax: 262_144,
  storeQueueBytesMax: 268_435_456,
  snapshotKeyCharsMax: 1_024,
  storeLoadsUnderWayMax: 16,
  storeLoadChunkRows: 512,
  storeLoadChunkBytes: 524_288,
  storeBusyMs: 2_000,
  storeUsersPageMax: 1_000,
  storeRetryMs: 200,
  joinLinksMs: 10_000,
  redisConnectMs: 2_000,
  redisOpenMs: 5_000,
  /** Silence of a connection with commands under way after which it is given up. */
  redisSilenceMs: 1_000,
  redisCommandMs: 1_500,
  redisReconnectMsMax: 500,
  /** How long replicas may take to confirm a lease, a table, a seal or a durable write. */
  redisConfirmMs: 100,
  redisReplicasPollMs: 1_000,
  redisSlotsPollMs: 2_000,
  redisLoadPartitions: 32,
  /** Without a failed write for so long, the store works again as far as the log is concerned. */
  storeTroubleOverMs: 2_000,
  logLinesPerEventPerSecondMax: 20,
  takeoverQuietMs: 250,
  hubItemsWaitingMax: 16_384,
  hubWaitMs: 4_000,
  giveBackMs: 1_000, // What comes for a dropped partition waits no longer for what the worker had of it.
  workerRestartMs: 500,
  workerCloseMs: 3_000,
  adminAskMs: 2_000,
  usersCachedPerWorkerMax: 100_000,
  userCacheMs: 60_000,

  // Supervisor of the nodes of one machine
  supervisorRestartMs: 100,
  supervisorRestartMsMax: 5_000,
  supervisorSteadyMs: 10_000,
  supervisorFirstLivesMax: 5,
  supervisorAliveMs: 5_000,
  supervisorSilenceMs: 60_000,
  supervisorStopMs: 30_000,
  /** Of a process that does next to nothing: how often it is looked, what share of one processor that is, what is then allowed. */
  heapRestLookMs: 10_000,
  heapRestShareMax: 0.1,
  heapRestMovedMb: 64,
  heapRestCollectionsMax: 8,
  heapRestTrimsMax: 30, // Half a minute from one to the next.
} as const;

/** In parts: V8 makes a dictionary of a literal with 128 properties or more, and searches it each time that one is read. */
export const limits = { ...signalling, ...cluster, ...keeping } as const;
for (const part of [signalling, cluster, keeping])
  assert(Object.keys(part).length < 128, 'too many limits in one part');

/** By how long a node may be silent before the others take over: `cluster.profile`, the same on all nodes of a cluster. */
export const profiles = {
  default: {
    leaseTtlMs: 3_000,
    leaseRenewMs: 750,
    leaseMarginMs: 500,
    heartbeatMs: 200,
    heartbeatFreshMs: 2_000,
    voteGuardMs: 2_500,
    voteTtlMs: 1_500,
    voteIssueWindowMs: 500,
    voteRepeatMs: 300,
  },
  fast: {
    leaseTtlMs: 1_000,
    leaseRenewMs: 250,
    leaseMarginMs: 200,
    heartbeatMs: 100,
    heartbeatFreshMs: 600,
    voteGuardMs: 800,
    voteTtlMs: 500,
    voteIssueWindowMs: 200,
    voteRepeatMs: 100,
  },
} as const;

export type Profile = keyof typeof profiles;
export type Times = Readonly<Record<keyof typeof profiles.default, number>>;

for (const times of Object.values(profiles)) {
  // A heartbeat must be able to go missing many times before it counts against a node (study: safety argument of the latch).
  assert(times.heartbeatFreshMs < times.voteGuardMs, 'a confirmer must stop counting before its vote may land');
  assert(
    times.leaseRenewMs < times.leaseTtlMs - times.leaseMarginMs - limits.controlRetryMs,
    'a stopped node must get its lease back before it lapses again',
  );
  assert(times.leaseRenewMs * 2 + times.leaseMarginMs < times.leaseTtlMs, 'one lost renewal must not cost the lease');
  assert(
    limits.askTimeoutMs > times.leaseTtlMs + times.voteGuardMs + times.voteRepeatMs,
    'an ask must outlast the death and takeover of the node that it is for',
  );
  assert(times.voteRepeatMs * 2 < times.voteTtlMs, 'one lost vote must not let the ones before expire');
}
assert(limits.placeRenewMs * 3 < limits.placeSureMs, 'a call may be late twice before it is doubted');
assert(
  limits.placeDoubtsMax * 2 < limits.asksOutstandingPerEntityMax &&
    limits.placesPerCallMax * 2 < limits.asksOutstandingPerEntityMax,
  'nobody may have more to ask than he may ask',
);
assert(
  limits.holdersPerCounterMax * 24 + limits.holderOctetsPerCounterMax * 1.1 < limits.snapshotBytesMax,
  'a full counter must fit into a snapshot',
);
assert((limits.partitions & (limits.partitions - 1)) === 0, 'partition = hash & (partitions - 1) needs a power of two');
assert(
  limits.headBytesMax + limits.bodyBytesMax < limits.linkFrameBytesMax,
  'any message must fit into one link frame',
);
assert(
  limits.linkDataFrameBytesAim * 4 <= limits.linkFrameBytesMax,
  'a frame that reached its aim must have room for one more large item',
);
assert(
  limits.linkSocketBytesAhead * 4 <= limits.linkWindowBytes,
  'the other side must hear of room again long before it has used all of it',
);
assert(
  limits.linkHeartbeatMs * 4 < limits.linkSilenceMs,
  'a link may be closed for silence only after several lost heartbeats',
);
assert(
  limits.linkSilenceMs + limits.linkRedialMsMax + 2 * limits.tailAskMs <= limits.tailWaitMs,
  'what only a buddy has must not be given up while its link is silent and about to be made anew',
);
assert(
  limits.redisSilenceMs < limits.redisCommandMs && limits.redisCommandMs < limits.controlStoreTimeoutMs,
  'the store must say that it does not know before control gives up waiting',
);
