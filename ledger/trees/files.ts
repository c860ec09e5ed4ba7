/** Tree files and proof files: `docs/ref/ledger.md`. Both come from drives: everything is checked. Pure. */
import { hashBytes, runIdBytes } from '../../runtime/encrocrypt/v3/index.ts';
import { EncroCamError, messageOf } from '../../runtime/errors.ts';
import { printable } from '../../runtime/log.ts';
import { addressBytes, type Hex } from './hex.ts';
import {
  type LeafPath,
  LedgerTree,
  maxLeaves,
  maxRecordingBytes,
  type RunEnd,
  rootOfPath,
  type TreeHead,
  treeId,
} from './tree.ts';

const treeFormat = 'EncroCam tree 1';
const proofFormat = 'EncroCam proof 1';

/** Largest files that are read, in bytes. A leaf takes 300 to 700. */
export const maxTreeFileBytes = 96 * 1024 * 1024;
export const maxProofFileBytes = 16 * 1024 * 1024;
/** Runs in one recording: each lasts a second or longer, and of a day's recording most last hours. */
export const maxRunsPerProof = 4096;
/** 2^17 leaves. */
const maxPathLength = 17;
const maxDirectoryBytes = 255;
/** The last one whose year has four digits. */
export const maxTimeMs = Date.UTC(10_000, 0) - 1;

/** On which chain, and for which camera. Addresses are in lower case. */
export interface LedgerPlace {
  readonly camera: Hex;
  /** The chain's number. */
  readonly chain: number;
  /** Address of the contract `Checkpoints`. */
  readonly contract: Hex;
}

export interface TreeLeaf extends RunEnd {
  /** Of the recording, on the drive. */
  readonly directory: string;
  /** The run's start and end by the camera's clock, ms since the epoch. Nothing vouches for them but the run itself. */
  readonly fromMs: number;
  readonly toMs: number;
}

export interface TreeFile extends LedgerPlace {
  /** The tree's id. */
  readonly tree: Hex;
  readonly root: Hex;
  readonly firstMs: number;
  readonly lastMs: number;
  readonly leaves: readonly TreeLeaf[];
}

export interface ProofRun extends TreeHead, LeafPath {
  readonly run: Hex;
  readonly link: Hex;
  readonly tree: Hex;
}

export interface ProofFile extends LedgerPlace {
  readonly recording: string;
  readonly runs: readonly ProofRun[];
}

/** A whole tree file from its leaves, in their order. */
export function makeTreeFile(
  place: LedgerPlace,
  period: { readonly firstMs: number; readonly lastMs: number },
  leaves: readonly TreeLeaf[],
): TreeFile {
  const { camera, chain, contract } = place;
  const { firstMs, lastMs } = period;
  const { root } = new LedgerTree(leaves);
  const tree = treeId(camera, { root, leaves: leaves.length, firstMs, lastMs });
  return { camera, chain, contract, tree, root, firstMs, lastMs, leaves };
}

/** `tree-20260115T080000Z-0123456789abcdef.json` */
export function treeFileName({ firstMs, tree }: { readonly firstMs: number; readonly tree: Hex }): string {
  const first = new Date(firstMs).toISOString().slice(0, 19).replaceAll(/[-:]/g, '');
  return `tree-${first}Z-${tree.slice(2, 18)}.json`;
}

export function encodeTreeFile(file: TreeFile): string {
  const { camera, chain, contract, tree, root, firstMs, lastMs } = file;
  const leaves = file.leaves.map(({ recording, directory, run, link, fromMs, toMs }) =>
    JSON.stringify({ recording, directory, run, link, fromMs, toMs }),
  );
  const head = JSON.stringify({ format: treeFormat, camera, chain, contract, tree, root, firstMs, lastMs });
  return `${head.slice(0, -1)},"leaves":[\n${leaves.join(',\n')}\n]}\n`;
}

export function encodeProofFile(file: ProofFile): string {
  const { recording, camera, chain, contract } = file;
  const runs = file.runs.map(({ run, link, tree, root, firstMs, lastMs, leaves, index, path }) =>
    JSON.stringify({ run, link, tree, root, firstMs, lastMs, leaves, index, path }),
  );
  const head = JSON.stringify({ format: proofFormat, recording, camera, chain, contract });
  return `${head.slice(0, -1)},"runs":[\n${runs.join(',\n')}\n]}\n`;
}

/**
 * @param name of the file, for messages.
 * @throws {EncroCamError} `PROOF_UNREADABLE` if it breaks a rule of the reference; root and id are those of its leaves.
 */
export function decodeTreeFile(text: string, name: string): TreeFile {
  return decode(text, name, { what: 'tree file', maxBytes: maxTreeFileBytes }, (value) => {
    const file = members(value, 'format camera chain contract tree root firstMs lastMs leaves');
    if (file.format !== treeFormat) throw new RangeError(`its format is not "${treeFormat}"`);
    const leaves = list(file.leaves, 'leaves', maxLeaves).map(treeLeafOf);
    const { tree, root, firstMs, lastMs } = { ...headOf(file), tree: hex(file.tree, 'tree', hashBytes) };
    if (new Set(leaves.map(({ run }) => run)).size !== leaves.length)
      throw new RangeError('it names a run twice');
    const made = makeTreeFile(placeOf(file), { firstMs, lastMs }, leaves);
    if (made.root !== root) throw new RangeError('its root is not that of its leaves');
    if (made.tree !== tree) throw new RangeError('its id is not that of its content');
    return made;
  });
}

/**
 * @param name of the file, for messages.
 * @throws {EncroCamError} `PROOF_UNREADABLE` if it breaks a rule of the reference. Whether a path proves anything,
 *   {@link proofHolds} tells.
 */
export function decodeProofFile(text: string, name: string): ProofFile {
  return decode(text, name, { what: 'proof file', maxBytes: maxProofFileBytes }, (value) => {
    const file = members(value, 'format recording camera chain contract runs');
    if (file.format !== proofFormat) throw new RangeError(`its format is not "${proofFormat}"`);
    const runs = list(file.runs, 'runs', maxRunsPerProof).map(proofRunOf);
    if (new Set(runs.map(({ run }) => run)).size !== runs.length)
      throw new RangeError('it names a run twice');
    return { ...placeOf(file), recording: recordingOf(file.recording), runs };
  });
}

/**
 * Whether this run is in the tree that the proof names. It says nothing about a chain: that has to hold the tree's id, with
 * the same root, count and period, for this camera.
 * @param found what the recording itself has: header and last link.
 */
export function proofHolds(camera: Hex, found: RunEnd, proof: ProofRun): boolean {
  if (found.run !== proof.run || found.link !== proof.link) return false;
  return rootOfPath(found, proof) === proof.root && treeId(camera, proof) === proof.tree;
}

type Members = Readonly<Record<string, unknown>>;

function decode<T>(
  text: string,
  name: string,
  { what, maxBytes }: { readonly what: string; readonly maxBytes: number },
  read: (value: unknown) => T,
): T {
  try {
    if (text.length > maxBytes) throw new RangeError(`it is larger than ${maxBytes} bytes`);
    return read(JSON.parse(text));
  } catch (error) {
    throw new EncroCamError('PROOF_UNREADABLE', `${printable(name)} is not a ${what}: ${messageOf(error)}.`, {
      hint: `Copy it once more from the camera or the drive; "encrocam proof" makes a proof anew from tree files.`,
      cause: error,
    });
  }
}

function members(value: unknown, names: string): Members {
  const wanted = names.split(' ');
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new RangeError('an object is missing');
  for (const name of wanted) if (!Object.hasOwn(value, name)) throw new RangeError(`"${name}" is missing`);
  for (const name of Object.keys(value)) {
    if (!wanted.includes(name)) throw new RangeError(`"${name.slice(0, 64)}" is not known`);
  }
  return value as Members;
}

function list(value: unknown, name: string, most: number): unknown[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > most) {
    throw new RangeError(`"${name}" must be a list of 1 to ${most}`);
  }
  return value;
}

function hex(value: unknown, name: string, bytes: number): Hex {
  if (typeof value !== 'string' || value.length !== 2 + 2 * bytes || !/^0x[0-9a-fA-F]+$/.test(value)) {
    throw new RangeError(`"${name}" must be 0x and ${2 * bytes} hexadecimal digits`);
  }
  return value.toLowerCase() as Hex;
}

function whole(value: unknown, name: string, least = 0, most = Number.MAX_SAFE_INTEGER): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < least || value > most) {
    throw new RangeError(`"${name}" must be a whole number from ${least} to ${most}`);
  }
  return value;
}

const time = (value: unknown, name: string, least = 0): number => whole(value, name, least, maxTimeMs);

function text(value: unknown, name: string, most: number): string {
  if (typeof value !== 'string' || !value.isWellFormed() || Buffer.byteLength(value) > most) {
    throw new RangeError(`"${name}" must be text of at most ${most} bytes`);
  }
  return value;
}

function recordingOf(value: unknown): string {
  const name = text(value, 'recording', maxRecordingBytes);
  // It is a file's name, and whoever joins it to a directory must stay there.
  if (name === '' || name === '.' || name === '..' || /[/\\\0]/.test(name)) {
    throw new RangeError('"recording" must be a file name');
  }
  return name;
}

function placeOf(file: Members): LedgerPlace {
  return {
    camera: hex(file.camera, 'camera', addressBytes),
    chain: whole(file.chain, 'chain', 1),
    contract: hex(file.contract, 'contract', addressBytes),
  };
}

function headOf(file: Members): Pick<TreeHead, 'root' | 'firstMs' | 'lastMs'> {
  const firstMs = time(file.firstMs, 'firstMs');
  return {
    root: hex(file.root, 'root', hashBytes),
    firstMs,
    lastMs: time(file.lastMs, 'lastMs', firstMs + 1),
  };
}

/** @throws {RangeError} for what a tree file could not hold. */
export function treeLeafOf(value: unknown): TreeLeaf {
  const leaf = members(value, 'recording directory run link fromMs toMs');
  return {
    recording: recordingOf(leaf.recording),
    directory: text(leaf.directory, 'directory', maxDirectoryBytes),
    run: hex(leaf.run, 'run', runIdBytes),
    link: hex(leaf.link, 'link', hashBytes),
    fromMs: time(leaf.fromMs, 'fromMs'),
    toMs: time(leaf.toMs, 'toMs'),
  };
}

function proofRunOf(value: unknown): ProofRun {
  const run = members(value, 'run link tree root firstMs lastMs leaves index path');
  const leaves = whole(run.leaves, 'leaves', 1, maxLeaves);
  if (!Array.isArray(run.path) || run.path.length > maxPathLength) {
    throw new RangeError(`"path" must be a list of at most ${maxPathLength}`);
  }
  return {
    run: hex(run.run, 'run', runIdBytes),
    link: hex(run.link, 'link', hashBytes),
    tree: hex(run.tree, 'tree', hashBytes),
    ...headOf(run),
    leaves,
    index: whole(run.index, 'index', 0, leaves - 1),
    path: run.path.map((hash) => hex(hash, 'path', hashBytes)),
  };
}
