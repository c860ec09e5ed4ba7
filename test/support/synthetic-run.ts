/**
 * Runs of EncroCrypt3 for tests: a packet at even distances, a key frame every two seconds, a checkpoint every five, and a
 * final. Without OpenPGP, or sealed and signed as a camera does it.
 */
import type { Key } from 'openpgp';
import {
  certifiedLine,
  commitmentOf,
  decodeHeader,
  encodeCertificate,
  encodeHeader,
  encodeSignedPart,
  envelopeBytes,
  type Header,
  HeaderIndex,
  linkOf,
  makeRunKey,
  type PacketParts,
  type RunKey,
  RunWriter,
  type Statement,
  signedLine,
  wrapSecret,
} from '../../runtime/encrocrypt/v3/index.ts';
import { fingerprintOf } from '../../runtime/pgp/keys.ts';
import { sealRunSecret, signLine } from '../../runtime/pgp/run-seal.ts';
import type { SealingKeys } from '../../runtime/pgp/seal.ts';

export const checkpointSeconds = 5;
const keyFrameSeconds = 2;
export const segmentMs = 10_000;

export interface SyntheticRun {
  /** As they lie in the file: the header, data with a checkpoint behind every five seconds, the final. */
  readonly packets: readonly Buffer[];
  readonly bytes: Buffer;
  readonly header: Header;
  readonly runId: Buffer;
  readonly secret: Buffer;
  readonly runKey: RunKey;
  /** Of the final. */
  readonly link: Buffer;
}

export interface SyntheticRunOptions {
  /** What the run's id and its secret are made of. Default: 1. */
  readonly fill?: number;
  readonly runId?: Buffer;
  readonly secret?: Buffer;
  readonly runKey?: RunKey;
  /** Default: 30. */
  readonly seconds?: number;
  /** Default: 4. */
  readonly packetsPerSecond?: number;
  /** What data packet `index` carries. Default: a few bytes of its own. */
  readonly video?: (index: number) => Uint8Array;
  /** Whether there was no video then: data packet `index` is left out. */
  readonly isAway?: (index: number) => boolean;
  /** What comes in the chain before data packet `index`. */
  readonly before?: (index: number, run: RunWriter, timeMs: number) => readonly PacketParts[];
  /** Number of the data packet before which the header stands again, or numbers. */
  readonly headerAgainAt?: number | readonly number[];
  /** With the note `index` behind each header and before the final, as the recorder writes it. */
  readonly hasIndex?: boolean;
  readonly statement?: Partial<Statement>;
}

/** A run that no camera signed. */
export function syntheticRun(options: SyntheticRunOptions = {}): SyntheticRun {
  const draft = draftOf(options);
  return record(draft, encodeSignedPart(draft.statement, { wrapped: [] }), undefined);
}

export interface SignedRunOptions extends SyntheticRunOptions {
  /** Without the camera's signature. */
  readonly isLocked?: boolean;
  /** Sealed for these alone, not for owners with OpenPGP. */
  readonly symmetricOwners?: readonly { readonly id: Buffer; readonly key: Buffer }[];
}

/** A run sealed for its owners, and signed by the camera. */
export async function signedRun(keys: SealingKeys, options: SignedRunOptions = {}): Promise<SyntheticRun> {
  const camera = idOf(keys.signer);
  const { symmetricOwners } = options;
  const recipients =
    symmetricOwners?.map(({ id }) => ({ type: 'symmetric', id }) as const) ??
    keys.recipients.map((key) => ({ type: 'openpgp', id: idOf(key) }) as const);
  const draft = draftOf({ ...options, statement: { camera, recipients, ...options.statement } });
  const { secret, statement } = draft;
  const wrapped = symmetricOwners?.map((owner) => wrapSecret(secret, statement.runId, owner)) ?? [];
  const openpgp = symmetricOwners ? {} : { openpgp: Buffer.from(await sealRunSecret(secret, keys)) };
  const part = encodeSignedPart(statement, { ...openpgp, wrapped });
  return record(draft, part, options.isLocked ? undefined : await lineSignedBy(keys, signedLine(part.hash)));
}

/**
 * The camera's certificate for a run that began without its signature.
 * @param link of the last checkpoint that it vouches for. Default: of the run's final.
 */
export async function certificateOf(
  { runId, header, link }: SyntheticRun,
  keys: SealingKeys,
  options: { readonly link?: Buffer; readonly at?: Date } = {},
): Promise<Buffer> {
  const certificate = { runId, headerHash: header.hash, link: options.link ?? link };
  const cameraSignature = await lineSignedBy(keys, certifiedLine(certificate), options.at);
  return encodeCertificate({ ...certificate, cameraSignature });
}

/** What the header of the run behind this one names. */
export function previousOf({ runId, link }: SyntheticRun): NonNullable<Statement['previous']> {
  return { runId, link };
}

/** What a checkpoint or a final of a run is named by. */
export function linkOfPacket({ runId }: SyntheticRun, packet: Buffer): Buffer {
  return linkOf(runId, packet.subarray(envelopeBytes));
}

interface Draft extends SyntheticRunOptions {
  readonly secret: Buffer;
  readonly runKey: RunKey;
  readonly statement: Statement;
}

function draftOf(options: SyntheticRunOptions): Draft {
  const { fill = 1, runKey = makeRunKey() } = options;
  const runId = options.runId ?? Buffer.alloc(16, fill);
  const secret = options.secret ?? Buffer.alloc(32, fill);
  const statement: Statement = {
    ...{ camera: Buffer.alloc(20, 1), runId, recording: 'rec', startMs: 0, clock: { state: 'unknown' } },
    ...{ container: 'video/mp2t', segmentMs, checkpointMs: checkpointSeconds * 1000 },
    recipients: [{ type: 'openpgp', id: Buffer.alloc(20, 5) }],
    ...{ commitment: commitmentOf(secret, runId), runKey: runKey.publicKey },
    ...options.statement,
  };
  return { ...options, secret, runKey, statement };
}

function record(
  draft: Draft,
  part: { readonly bytes: Buffer; readonly hash: Buffer },
  cameraSignature: Buffer | undefined,
): SyntheticRun {
  const { secret, runKey, statement, seconds = 30, packetsPerSecond = 4 } = draft;
  const { video = (index) => Buffer.from(`packet ${index}`), before = () => [], headerAgainAt = [] } = draft;
  const { isAway = () => false } = draft;
  const { runId } = statement;
  const header = encodeHeader(part, cameraSignature, runKey.privateKey);
  const run = new RunWriter({
    ...{ runId, secret: Buffer.from(secret), runPrivateKey: runKey.privateKey, headerHash: part.hash },
    segmentMs: statement.segmentMs,
  });
  const packets: Buffer[] = [];
  let bytes = 0;
  const add = (packet: Buffer): void => {
    packets.push(packet);
    bytes += packet.length;
  };
  const addParts = (parts: PacketParts): void => add(Buffer.concat([...parts]));
  const headers = new HeaderIndex();
  const addIndex = (timeMs: number): void => {
    const happening = draft.hasIndex ? headers.happening : undefined;
    if (happening) addParts(run.note(happening, timeMs));
  };
  const addHeader = (timeMs: number): void => {
    headers.add({ wallMs: statement.startMs + timeMs, offset: bytes });
    add(header);
    addIndex(timeMs);
  };
  addHeader(0);
  for (let index = 0; index < seconds * packetsPerSecond; index++) {
    const timeMs = (index * 1000) / packetsPerSecond;
    for (const parts of before(index, run, timeMs)) addParts(parts);
    if ([headerAgainAt].flat().includes(index)) addHeader(timeMs);
    const isKeyFrame = index % (keyFrameSeconds * packetsPerSecond) === 0;
    if (!isAway(index)) addParts(run.data(video(index), timeMs, isKeyFrame));
    const isDue = (index + 1) % (checkpointSeconds * packetsPerSecond) === 0;
    if (isDue) add(run.checkpoint(((index + 1) * 1000) / packetsPerSecond));
  }
  addIndex(seconds * 1000);
  for (const packet of run.final(seconds * 1000, 'time')) add(packet);
  return {
    ...{ packets, bytes: Buffer.concat(packets), runId, secret, runKey, link: run.link },
    header: decodeHeader(header.subarray(envelopeBytes)),
  };
}

async function lineSignedBy(keys: SealingKeys, line: string, at?: Date): Promise<Buffer> {
  return Buffer.from(await signLine(line, keys, at));
}

function idOf(key: Key): Buffer {
  return Buffer.from(fingerprintOf(key), 'hex');
}
