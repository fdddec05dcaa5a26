import type { GeometryName } from './geometry/contact-table.ts';

/**
 * Every number of the overlay that one may want to set; a node is built with some of them replaced.
 * Times in milliseconds, sizes in bytes.
 */
export const overlayDefaults = {
  /** Who owns a key and how routes run: the same at all members. */
  geometry: 'bamboo',
  /** Contacts kept though the geometry could do without; a fleet below it routes in one hop. 0: no more than it demands. */
  contactsMax: 1_024,
  /** Nearest members watched over, half of them on each side; copies must fit within one side. */
  leafSetSize: 16,
  /** Members that keep a copy of each item, owner included. */
  replicas: 3,

  // ---- Membership
  /** How often duties are looked at; each costs nothing when not due. */
  tickMs: 500,
  /** A next neighbour neither pinging nor answering for so long is pinged; the quarter of the leaf set next to a node are. */
  nearPingMs: 2_500,
  /** The same for the rest of the leaf set, in a calm fleet; in churn sooner: after this share of a member's mean stay. */
  farPingMs: 30_000,
  farLifetimeShare: 0.05,
  /** How often one contact outside the leaf set is pinged, in turn, and tables compared; and so long after a change. */
  sweepEveryMs: 28_000,
  sweepUnrestMs: 4_000,
  unrestMs: 30_000,
  /** How often one missing member is tried again, so that the halves of a partition find each other. */
  missingRetryMs: 5_000,
  /** Least time between two attempts to verify one tombstoned contact that others still mention. */
  tombstoneRetryMs: 5_000,
  /** How long failed members are listed as missing, and retried. */
  missingRememberedMs: 10 * 60_000,
  tombstonesMax: 1_024,
  /** Longest wait between two pings to a seed that belongs to no ring known; members remembered for want of any. */
  seedRetryMaxMs: 60_000,
  rememberedMax: 16,
  /** Pings without answer before a member that was heard directly is declared dead: at 5% loss each way 10^-8. */
  probesMax: 8,
  /** The same for a contact that is only hearsay, or that another member reports dead. */
  rumourProbesMax: 4,
  /** Least time between two pings of a probe; the measured round trip may lengthen it. */
  probeSpacingMs: 400,
  /** Members asked to reach a suspect when half the pings are spent, and the pings each of them tries. */
  helpersMax: 2,
  helperPings: 3,
  helperTimeoutMs: 3_000,
  /** Contacts that wait to be verified, and how many of them are pinged at once every `verifyEveryMs`. */
  verifyQueueMax: 1_024,
  verifyBurst: 64,
  verifyEveryMs: 100,
  /** Contacts handed to a joining node. */
  joinContactsMax: 256,
  /** How often the seeds are gone through, and the wait between. */
  joinRounds: 5,
  joinRetryMs: 1_000,
  joinRequestTimeoutMs: 3_000,
  /** How often a member with news tells it to another one. */
  gossipEveryMs: 400,
  /** What news and comparisons may cost: at once, and in the long run. */
  gossipBurstBytes: 32 * 1024,
  gossipBytesPerSecond: 240,
  /** Listeners who knew a piece before that are told it; times log2 of the fleet's size, listeners in all. */
  newsRepeats: 3,
  newsMax: 1_024,
  /** News older than this has made its round: it is neither told on nor remembered. */
  newsAgeMaxMs: 30_000,
  /** Members in the answer to a comparison of tables; those that only one side knows checked at once. */
  compareMembersMax: 256,
  doubtsMax: 8,
  /** Changes to what is advertised that are told together: a region that moves changes it several times. */
  advertDelayMs: 300,
  /** A neighbour that does not know this node's advert is told again after so long. */
  advertRetryMs: 1_000,
  /** Members outside the leaf set that a leaving node tells itself. */
  leaveTellsMax: 32,
  /** How long a leaving node stays to hand its data over. */
  leaveTimeoutMs: 10_000,

  // ---- Round trips
  roundTripInitialMs: 500,
  timeoutMinMs: 200,
  timeoutMaxMs: 2_000,

  // ---- Channels and watches
  /** Nothing heard from a peer for so long while something is unacknowledged: the peer is given up. */
  giveUpAfterMs: 4_000,
  /** The same for a peer that is heard but acknowledges nothing. */
  stuckAfterMs: 30_000,
  /** Longest wait before an unacknowledged fragment is sent again, unless the round trip is longer. */
  retransmitMaxMs: 500,
  ackDelayMs: 25,
  /** Unacknowledged bytes received after which an acknowledgement does not wait. */
  ackEveryBytes: 128 * 1024,
  fragmentBytesMax: 256 * 1024,
  payloadBytesMax: 256 * 1024 * 1024,
  windowInitialBytes: 256 * 1024,
  windowMinBytes: 64 * 1024,
  windowMaxBytes: 8 * 1024 * 1024,
  reorderBytesMax: 16 * 1024 * 1024,
  reorderFramesMax: 1_024,
  /** Silence after which a conversation starts afresh; the other side forgets it after `forgetAfterMs`. */
  idleAfterMs: 30_000,
  forgetAfterMs: 120_000,
  /** A watched peer that was silent for so long is pinged, then every `watchRetryMs`, then given up. */
  watchIdleMs: 500,
  watchRetryMs: 250,
  watchGiveUpMs: 3_000,
  /** Wait before a broken link is tried again; broken again without a word heard, the peer is given up. */
  reopenAfterMs: 250,

  // ---- Requests
  requestTimeoutMs: 10_000,
  requestBytesMax: 2 * 1024 * 1024,
  answersRememberedMs: 30_000,
  answersMax: 4_096,
  answersBytesMax: 64 * 1024 * 1024,
  requestsInWorkMax: 4_096,

  // ---- Routing and broadcast
  hopsMax: 64,
  /** How long a node tries to pass a routed message on before it drops it: a dead owner is replaced by then. */
  routeTimeoutMs: 15_000,
  hopTimeoutMs: 3_000,
  /** Questions that one lookup has under way, but for late ones; a second one only when the first takes long. */
  lookupParallelMax: 3,
  /** Members that one search for an owner asks in all: as many as a routed message may have hops. */
  lookupQuestionsMax: 64,
  broadcastFanout: 8,
  /** Larger content is for the store: a broadcast then tells where it is. */
  broadcastBytesMax: 1024 * 1024,
  /** A child that has not acknowledged its part by then, repetitions included, loses it to another. */
  broadcastHopTimeoutMs: 1_500,
  /** How slow the way to a child may be: the timeout grows with the payload. */
  broadcastBytesPerMsMin: 100,
  /** How long it is then given no other part, if there is somebody else. */
  broadcastAvoidMs: 10_000,
  /** Mean wait before others are told of broadcasts received: by then the tree has reached them, if all is well. */
  broadcastAnnounceMs: 1_000,
  /** Members tried, one after the other, until one hears an announcement; and sources of one broadcast. */
  broadcastAnnounceTries: 4,
  /** How old a broadcast may be to be passed on: well below `deliveredRememberedMs`, or it would be taken for new. */
  broadcastKeptMs: 30_000,
  broadcastsKeptMax: 1_024,
  broadcastsKeptBytesMax: 8 * 1024 * 1024,
  deliveredRememberedMs: 60_000,
  deliveredMax: 16_384,

  // ---- Replication
  repairEveryMs: 1_000,
  antiEntropyEveryMs: 15_000,
  /** A region that no reachable member holds is taken as empty after so long; until then it is lost. */
  adoptAfterMs: 30_000,
  exportsMax: 32,
  exportIdleMs: 30_000,
  /** Items in a part that differs up to which two copies exchange it whole, rather than dividing it further. */
  exchangeItemsMax: 16,

  // ---- Object store
  writeTimeoutMs: 15_000,
  writeRetryMs: 200,
  writeBatchBytes: 256 * 1024,
  valueBytesMax: 1024 * 1024,
  lifetimeMaxMs: 7 * 24 * 3_600_000,
  /** How much longer than the removed item its tombstone lives, since no two copies expire at the same time. */
  tombstoneExtraMs: 60_000,
  chunkBytes: 256 * 1024,
  expireEveryMs: 5_000,
  /** Storage that objects may take, shared fairly among writers; infinite: nobody is made to wait. */
  storageBytesMax: Number.POSITIVE_INFINITY,
  /** Wait for room after which a put is refused. */
  admissionTimeoutMs: 10_000,

  // ---- Reads that any copy may answer
  /** Extra questions, to a second copy when the first takes long: to one read, in the long run; and at once. */
  hedgesShare: 0.05,
  hedgesBurst: 10,
  /** A copy that answers within twice the time of the quickest, and this, is as good as that. */
  sourceSlackMs: 2,
  /** How long it is believed how quick a copy is. */
  sourceFreshMs: 30_000,
  /** Members of whom that is remembered. */
  sourcesMax: 4_096,

  // ---- Large values
  blobBytesMax: 16 * 1024 * 1024,
  blobChunkBytes: 256 * 1024,
  /** Chunks that one put or get has on their way at once. */
  blobWindow: 8,
  /** How much longer chunks live than the item that they belong to. */
  blobExtraMs: 60_000,
} as const;

/** Most copies that nodes can keep: those who keep one are always within one side of each other's leaf sets. */
export const replicasMax = overlayDefaults.leafSetSize / 2;

/** The defaults with their types widened, as given to a node. */
export type OverlayOptions = {
  readonly [K in keyof typeof overlayDefaults]: K extends 'geometry' ? GeometryName : number;
};

/** What happens inside, for a log; `fields` hold plain values. */
export type Log = (
  level: 'debug' | 'info' | 'warn' | 'error',
  message: string,
  fields: Readonly<Record<string, unknown>>,
) => void;
