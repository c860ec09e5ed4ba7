/**
 * What the ledger leaves beside recordings, brought to the drive: proofs, each after the recording that it is of, and trees. Small
 * files, sent whole while nothing else is to be sent. Nothing on the drive is replaced, so that an account that may only append
 * is enough: what was cut off is gone on with, a proof that changed goes beside the one before under the next number, and a
 * tree never changes.
 */
import { lstat, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { EncroCamError, isEncroCamError, messageOf, systemErrorCode } from '../errors.ts';
import type { Logger } from '../log.ts';
import {
  isTreeFileName,
  maxProofNumber,
  parseProofName,
  proofFileName,
  recordingOfProof,
} from '../recordings/companions.ts';
import type { RecordingName } from '../recordings/names.ts';
import { type DriveFile, type DrivePath, drivePath, type Storage } from '../storage/storage.ts';
import type { Ledger } from './ledger.ts';
import type { Clock } from './wake.ts';

/** How often it is looked for new ones. */
const lookMs = 30_000;
/** After a refusal of the drive, and after a connection that broke over it: recordings must not wait for what never works. */
const refusedMs = 600_000;
const brokenMs = 60_000;
/** Live video waits no longer than that. */
const sliceMs = 500;
const pieceBytes = 64 * 1024;
/** A tree with as many runs as a camera puts into one has some 6 MB. */
const maxBytes = 32 * 1024 * 1024;

export interface CompanionsOptions {
  readonly ledger: Ledger;
  /** Of the camera, on the drive. */
  readonly driveDirectory: string;
  /** Where trees are on the disk; `undefined` for all cameras but the one that they go with. */
  readonly treeDirectory: string | undefined;
  /** Whether the drive shall hold a recording. */
  readonly isWanted: (name: RecordingName) => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Companion {
  /** On the disk. */
  readonly file: string;
  readonly name: string;
  readonly bytes: number;
  readonly kind: 'proof' | 'tree';
}

export class Companions {
  readonly #options: CompanionsOptions;
  readonly #directory: DrivePath;
  /** Sizes of files on the drive, by their names. */
  readonly #drive = new Map<string, number>();
  /** Proofs on the disk that the drive holds, and how much of them. */
  #confirmed = new Map<string, number>();
  #nextLookMs = 0;
  #heldUntilMs = 0;
  readonly #told = new Set<string>();

  constructor(options: CompanionsOptions) {
    this.#options = options;
    this.#directory = drivePath('/', options.driveDirectory);
  }

  /** Takes a listing of the camera's directory. */
  enter(listing: readonly DriveFile[]): void {
    this.#drive.clear();
    for (const { name, sizeBytes } of listing) {
      if (parseProofName(name) || isTreeFileName(name)) this.#drive.set(name, sizeBytes);
    }
    this.#confirmed = new Map();
    this.#nextLookMs = 0;
  }

  /** Of each proof on the disk, how much the drive holds, if all of it. */
  confirmed(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#confirmed);
  }

  /**
   * Sends what is due, a short time's worth.
   * @param now without waiting until it is time to look again.
   * @returns whether something was sent, and there may be more.
   * @throws {EncroCamError} what the drive's session throws, but for refusals: those are told, and tried again later.
   */
  async send(storage: Storage, now: boolean): Promise<boolean> {
    const { clock, logger } = this.#options;
    const nowMs = clock.now();
    if (nowMs < this.#heldUntilMs || (nowMs < this.#nextLookMs && !now)) return false;
    try {
      const isMore = await this.#sendSome(storage, nowMs + sliceMs);
      if (!isMore) this.#nextLookMs = nowMs + lookMs;
      return isMore;
    } catch (error) {
      this.#heldUntilMs = nowMs + (isEncroCamError(error, 'STORAGE_UNREACHABLE') ? brokenMs : refusedMs);
      if (!isEncroCamError(error, 'STORAGE_REFUSED')) throw error;
      logger.warn('the drive refuses a file of the ledger; recordings go on, and it is tried again later', {
        drive: storage.location,
        cause: messageOf(error),
      });
      // A driver may have ended the session over it.
      await storage.connect();
      return false;
    }
  }

  async #sendSome(storage: Storage, untilMs: number): Promise<boolean> {
    let isSent = false;
    for (const companion of await this.#local()) {
      if (isSent && this.#options.clock.now() >= untilMs) return true;
      if (companion.kind === 'proof') isSent = (await this.#proof(storage, companion)) || isSent;
      else isSent = (await this.#tree(storage, companion)) || isSent;
    }
    return isSent;
  }

  /** Those on the disk that are to be on the drive: trees first, they are few, and proofs of all recordings can be made of them. */
  async #local(): Promise<Companion[]> {
    const { ledger, treeDirectory, isWanted } = this.#options;
    const found: Companion[] = [];
    if (treeDirectory !== undefined) {
      for (const name of await namesIn(treeDirectory)) {
        if (isTreeFileName(name)) found.push({ ...(await fileAt(treeDirectory, name)), kind: 'tree' });
      }
    }
    const names = (await namesIn(ledger.directory)).filter((name) => parseProofName(name)?.number === 1);
    if (names.length > 0) {
      const recordings = new Map(ledger.recordings.map((one) => [one.name.fileName, one]));
      for (const name of names) {
        const recording = recordingOfProof(name);
        if (!recording || !isWanted(recording)) continue;
        const local = recordings.get(recording.fileName);
        // What is gone from the disk was uploaded, or never will be.
        if (local && local.confirmedBytes < local.localBytes) continue;
        found.push({ ...(await fileAt(ledger.directory, name)), kind: 'proof' });
      }
    }
    return found.filter(({ bytes }) => bytes > 0);
  }

  async #proof(storage: Storage, companion: Companion): Promise<boolean> {
    const { name, bytes } = companion;
    if (this.#confirmed.get(name) === bytes) return false;
    const recording = parseProofName(name)?.recording ?? '';
    let number = maxProofNumber;
    while (number > 1 && !this.#drive.has(proofFileName(recording, number))) number--;
    let isSent = false;
    for (; number <= maxProofNumber; number++) {
      const target = proofFileName(recording, number);
      const result = await this.#put(
        storage,
        companion,
        drivePath(this.#directory, target),
        this.#drive.get(target),
      );
      if (result === 'gone') return false;
      if (result === 'different') continue;
      this.#drive.set(target, bytes);
      this.#confirmed.set(name, bytes);
      isSent = result === 'sent';
      if (isSent) this.#options.logger.info('a proof is on the drive', { file: target });
      return isSent;
    }
    this.#tell(
      name,
      'the drive has so many proofs of a recording, all of other bytes, that no other is sent',
    );
    return false;
  }

  async #tree(storage: Storage, companion: Companion): Promise<boolean> {
    const { name, bytes } = companion;
    const known = this.#drive.get(name);
    if (known === bytes) return false;
    const result = await this.#put(storage, companion, drivePath(this.#directory, name), known);
    if (result === 'different')
      this.#tell(name, "the drive has another file under a tree's name; it is left as it is");
    if (result !== 'sent') return false;
    this.#drive.set(name, bytes);
    this.#options.logger.info('a tree is on the drive', { file: name });
    return true;
  }

  /** @param known size on the drive. */
  async #put(
    storage: Storage,
    { file, bytes: size }: Companion,
    target: DrivePath,
    known: number | undefined,
  ): Promise<'same' | 'sent' | 'different' | 'gone'> {
    if (known === size) return 'same';
    if (known !== undefined && known > size) return 'different';
    if (size > maxBytes) {
      this.#tell(file, 'a file of the ledger is too large for what it should be; it is not sent');
      return 'gone';
    }
    const bytes = await readFile(file).catch((error: unknown) => {
      if (systemErrorCode(error) === 'ENOENT') return undefined;
      throw error;
    });
    if (bytes?.length !== size) return 'gone';
    const there = known === undefined ? 0 : known;
    if (there > 0 && !(await collect(storage, target, there)).equals(bytes.subarray(0, there)))
      return 'different';
    const appender = await storage.append(target);
    try {
      for (let at = there; at < size; at += pieceBytes)
        await appender.write(bytes.subarray(at, at + pieceBytes));
      await appender.finish();
    } catch (error) {
      await appender.abort().catch(() => undefined);
      throw error;
    }
    const held = await storage.size(target);
    if (held === size) return 'sent';
    throw new EncroCamError(
      'STORAGE_PROTOCOL',
      `The drive holds ${held ?? 'no'} bytes of ${target} after ${size} were sent.`,
      {
        hint: 'It is compared again with the next connection; see that nothing else writes to the drive.',
      },
    );
  }

  #tell(name: string, message: string): void {
    if (this.#told.has(name)) return;
    this.#told.add(name);
    this.#options.logger.error(message, { file: name });
  }
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).sort();
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

/** With 0 bytes for what is gone, or no plain file. */
async function fileAt(directory: string, name: string): Promise<Omit<Companion, 'kind'>> {
  const file = path.join(directory, name);
  const stats = await lstat(file).catch((error: unknown) => {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  });
  return { file, name, bytes: stats?.isFile() ? stats.size : 0 };
}

async function collect(storage: Storage, file: DrivePath, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  let filled = 0;
  for await (const bytes of storage.read(file, 0, length)) {
    const taken = Math.min(bytes.length, length - filled);
    buffer.set(bytes.subarray(0, taken), filled);
    filled += taken;
    if (filled === length) break;
  }
  return buffer.subarray(0, filled);
}
