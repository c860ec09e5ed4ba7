/**
 * What somebody is given who may watch a range: the nodes that cover it in each run's tree of keys, and which runs they
 * are. A codec without files, sockets or OpenPGP; the text is `docs/ref/share.md`, and so is each constant.
 */
import { decodeFields, encodeFields, type Field, type FieldRules } from '../encrocrypt/v3/fields.ts';
import {
  FormatError,
  firstSegmentOf,
  givenNode,
  type Header,
  hashBytes,
  maxPosition,
  maxSegments,
  type RunKeys,
  runIdBytes,
  segmentsBelow,
  sha256,
  type TreeNode,
} from '../encrocrypt/v3/index.ts';

export const magic: Buffer = Buffer.from('EncroCamShare', 'ascii');
export const version = 1;
/** Tells a link that lost its end, and a letter that was mistyped. It proves nothing else. */
const checkBytes = 8;
const checkLabel = 'EncroCam share check\0';

/** More than a year of recordings of an hour each. */
const maxRuns = 10_000;
const maxNodesPerRun = 22;
export const maxCapabilityBytes = 1024 * 1024;
export const maxNoteBytes = 255;
/** What a calendar can name, in milliseconds since the epoch. */
export const maxDateMs = 8_640_000_000_000_000;
const nodeBytes = 1 + 2 + hashBytes;
const runHeadBytes = runIdBytes + hashBytes + 4 + 3 + 3;

const tag = { camera: 0x01, from: 0x02, to: 0x03, expires: 0x04, note: 0x05, run: 0x06 } as const;
const rules: FieldRules = {
  [tag.camera]: 'one',
  [tag.from]: 'one',
  [tag.to]: 'one',
  [tag.expires]: 'optional',
  [tag.note]: 'optional',
  [tag.run]: 'optional-many',
};

/** The part of one run that is in the range. */
export interface SharedRun {
  readonly runId: Buffer;
  readonly headerHash: Buffer;
  readonly segmentMs: number;
  /** Milliseconds since the run's start; the end is excluded. */
  readonly fromMs: number;
  readonly toMs: number;
  /** 1 to 22, next to each other, in their order; they cover the range at least. */
  readonly nodes: readonly TreeNode[];
}

export interface Capability {
  /** Fingerprint of the camera's OpenPGP key, 20 or 32 bytes. */
  readonly camera: Buffer;
  /** Milliseconds since the epoch, by the camera's clock; the end is excluded. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Milliseconds since the epoch. From then on, our software refuses it. */
  readonly expiresMs?: number;
  /** For people, from whoever shared it. */
  readonly note?: string;
  /** 1 to 10 000, in the order of time. */
  readonly runs: readonly SharedRun[];
}

/** @throws {FormatError} for what a reader would refuse. */
export function encodeCapability(capability: Capability): Buffer {
  const bytes = encodeUnchecked(capability);
  decodeCapability(bytes);
  return bytes;
}

/**
 * @param bytes in the one way that they can be written: whatever else means the same is refused.
 * @throws {FormatError}
 */
export function decodeCapability(bytes: Buffer): Capability {
  const start = magic.length + 1;
  if (!bytes.subarray(0, magic.length).equals(magic)) throw new FormatError('it does not begin like a share');
  if (bytes.length > maxCapabilityBytes) throw new FormatError('it is too long');
  if (bytes.length < start + checkBytes) throw new FormatError('it is cut');
  if (bytes[magic.length] !== version) {
    throw new FormatError(`its version is ${bytes[magic.length]}, and this program knows ${version}`);
  }
  const end = bytes.length - checkBytes;
  if (!checkOf(bytes.subarray(0, end)).equals(bytes.subarray(end))) {
    throw new FormatError('it is damaged or cut: its check does not fit');
  }
  const capability = fromFields(decodeFields(bytes.subarray(start, end), rules));
  if (!encodeUnchecked(capability).equals(bytes)) throw new FormatError('it is not written as it must be');
  return capability;
}

/** What opens a run, or `undefined` for one that was not shared. */
export function sharedKeys(capability: Capability, header: Header): RunKeys | undefined {
  const run = sharedRun(capability, header);
  return run && { runId: run.runId, segmentMs: run.segmentMs, nodes: run.nodes };
}

/** By its hash: a stranger can give his run the id of another one. */
export function sharedRun({ runs }: Capability, { hash }: Header): SharedRun | undefined {
  return runs.find(({ headerHash }) => headerHash.equals(hash));
}

/** The first and the last segment that nodes open. */
export function segmentsOf(nodes: readonly TreeNode[]): { readonly first: number; readonly last: number } {
  const [first, last] = [nodes[0], nodes.at(-1)];
  if (!first || !last) throw new FormatError('a run without nodes');
  return { first: firstSegmentOf(first), last: firstSegmentOf(last) + segmentsBelow(last) - 1 };
}

function encodeUnchecked(capability: Capability): Buffer {
  const { camera, fromMs, toMs, expiresMs, note, runs } = capability;
  const fields = encodeFields([
    { tag: tag.camera, value: camera },
    { tag: tag.from, value: u64(fromMs) },
    { tag: tag.to, value: u64(toMs) },
    ...(expiresMs === undefined ? [] : [{ tag: tag.expires, value: u64(expiresMs) }]),
    ...(note === undefined ? [] : [{ tag: tag.note, value: Buffer.from(note) }]),
    ...runs.map((run) => ({ tag: tag.run, value: encodeRun(run) })),
  ]);
  const checked = Buffer.concat([magic, Buffer.of(version), fields]);
  return Buffer.concat([checked, checkOf(checked)]);
}

function encodeRun({ runId, headerHash, segmentMs, fromMs, toMs, nodes }: SharedRun): Buffer {
  const numbers = Buffer.allocUnsafe(10);
  numbers.writeUInt32BE(segmentMs);
  numbers.writeUIntBE(fromMs, 4, 3);
  numbers.writeUIntBE(toMs, 7, 3);
  const given = nodes.map(({ depth, index, key }) => {
    const place = Buffer.allocUnsafe(3);
    place.writeUInt8(depth);
    place.writeUInt16BE(index, 1);
    return Buffer.concat([place, key]);
  });
  return Buffer.concat([runId, headerHash, numbers, ...given]);
}

function fromFields(fields: readonly Field[]): Capability {
  const value = (wanted: number): Buffer | undefined => fields.find((field) => field.tag === wanted)?.value;
  const camera = value(tag.camera) ?? Buffer.alloc(0);
  if (![20, 32].includes(camera.length)) throw new FormatError("the camera's fingerprint has another length");
  const [fromMs, toMs] = [momentIn(value(tag.from)), momentIn(value(tag.to))];
  if (toMs <= fromMs) throw new FormatError('its range is empty');
  const [expires, note] = [value(tag.expires), value(tag.note)];
  const runs = fields.filter((field) => field.tag === tag.run).map((field) => decodeRun(field.value));
  if (runs.length === 0 || runs.length > maxRuns) throw new FormatError(`it names ${runs.length} runs`);
  if (new Set(runs.map(({ headerHash }) => headerHash.toString('hex'))).size !== runs.length) {
    throw new FormatError('it names a run twice');
  }
  return {
    ...{ camera, fromMs, toMs, runs },
    ...(expires ? { expiresMs: momentIn(expires) } : {}),
    ...(note ? { note: noteIn(note) } : {}),
  };
}

function decodeRun(bytes: Buffer): SharedRun {
  const count = (bytes.length - runHeadBytes) / nodeBytes;
  if (!Number.isInteger(count) || count < 1 || count > maxNodesPerRun) {
    throw new FormatError('a run has another length than it can have');
  }
  const at = runIdBytes + hashBytes;
  const segmentMs = bytes.readUInt32BE(at);
  const [fromMs, toMs] = [bytes.readUIntBE(at + 4, 3), bytes.readUIntBE(at + 7, 3)];
  if (segmentMs < 10_000 || segmentMs > 3_600_000 || toMs <= fromMs || toMs > maxPosition + 1) {
    throw new FormatError('a run has times that cannot be');
  }
  const nodes = Array.from({ length: count }, (_, number) => {
    const start = runHeadBytes + number * nodeBytes;
    const key = bytes.subarray(start + 3, start + nodeBytes);
    return givenNode(bytes.readUInt8(start), bytes.readUInt16BE(start + 1), key);
  });
  for (const [number, node] of nodes.entries()) {
    const before = nodes[number - 1];
    if (!before) continue;
    if (firstSegmentOf(before) + segmentsBelow(before) !== firstSegmentOf(node)) {
      throw new FormatError('the nodes of a run are not next to each other');
    }
    if (before.depth === node.depth && before.index % 2 === 0) {
      throw new FormatError('two nodes of a run stand where one would do');
    }
  }
  requireLeast(nodes, Math.floor(fromMs / segmentMs), Math.floor((toMs - 1) / segmentMs));
  return {
    runId: bytes.subarray(0, runIdBytes),
    headerHash: bytes.subarray(runIdBytes, at),
    ...{ segmentMs, fromMs, toMs, nodes },
  };
}

/** "The nodes MUST cover the segments …. A writer MUST NOT give more than these, except segments that the run will never have". */
function requireLeast(nodes: readonly TreeNode[], firstWanted: number, lastWanted: number): void {
  const { first, last } = segmentsOf(nodes);
  if (first > firstWanted || last < lastWanted)
    throw new FormatError('the nodes of a run do not cover its range');
  if (first < firstWanted || (last > lastWanted && last < maxSegments - 1)) {
    throw new FormatError('the nodes of a run cover more than its range');
  }
}

function checkOf(bytes: Buffer): Buffer {
  return sha256(checkLabel, bytes).subarray(0, checkBytes);
}

function momentIn(bytes: Buffer | undefined): number {
  if (bytes?.length !== 8) throw new FormatError('a time has another length');
  const value = bytes.readBigUInt64BE();
  if (value > BigInt(maxDateMs)) throw new FormatError('a time is none');
  return Number(value);
}

function noteIn(bytes: Buffer): string {
  if (bytes.length === 0 || bytes.length > maxNoteBytes)
    throw new FormatError('its note is empty or too long');
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new FormatError('its note is not UTF-8');
  }
}

function u64(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}
