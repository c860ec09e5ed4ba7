/**
 * Writes test/vectors/ledger/owner-keys.json to standard output: a run's header for an owner without OpenPGP, and a live file of the
 * same run. Everything in it is made of fixed bytes.
 */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import {
  commitmentOf,
  coverOf,
  encodeHeader,
  encodeSignedPart,
  rootOf,
  wrapSecret,
} from '../../runtime/encrocrypt/v3/index.ts';
import { toHex } from '../../runtime/video-keys/hex.ts';
import { videoKeyId } from '../../runtime/video-keys/keys.ts';
import { encodeLive } from '../../runtime/video-keys/live-file.ts';

const [recordings, live, other] = [0x11, 0x22, 0x33].map((byte) => Buffer.alloc(32, byte)) as [
  Buffer,
  Buffer,
  Buffer,
];
const [runId, secret, nonce] = [Buffer.alloc(16, 4), Buffer.alloc(32, 5), Buffer.alloc(12, 6)];
const recording = 'rec-20270115T080000Z-3600s.encrocam';
/** RFC 8410: a private key of Ed25519 is its 32 bytes behind this. */
const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.alloc(32, 7)]);
const runPrivateKey = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
const runKey = createPublicKey(runPrivateKey).export({ format: 'der', type: 'spki' }).subarray(-32);

const owners = [other, recordings].map((key) => ({ id: videoKeyId(key), key }));
const part = encodeSignedPart(
  {
    ...{ camera: Buffer.alloc(20, 8), runId, recording, startMs: Date.UTC(2027, 0, 15, 8), runKey },
    ...{ clock: { state: 'unknown' }, container: 'video/mp2t', segmentMs: 60_000, checkpointMs: 5000 },
    recipients: owners.map(({ id }) => ({ type: 'symmetric', id })),
    commitment: commitmentOf(secret, runId),
  },
  { wrapped: owners.map((owner, index) => wrapSecret(secret, runId, owner, Buffer.alloc(12, index))) },
);
const root = rootOf(secret, runId);
const nodes = coverOf(root, 7, 8);
const vectors = {
  recordings: toHex(recordings),
  header: toHex(encodeHeader(part, undefined, runPrivateKey)),
  secret: toHex(secret),
  root: toHex(root.key),
  live: toHex(live),
  liveFile: encodeLive({ runId, recording, nodes }, live, nonce),
  nodes: nodes.map(({ depth, index, key }) => ({ depth, index, key: toHex(key) })),
};
process.stdout.write(`${JSON.stringify(vectors, undefined, 2)}\n`);
