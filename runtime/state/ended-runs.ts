/**
 * Runs that ended, for the ledger: lines that the recorder appends to small numbered files in the state directory, one row of
 * files for each camera, and that the ledger reads. The recorder never goes back to a file that it left, so that the ledger may
 * remove all but a camera's newest. A line may stand there more than once, and the last one may be cut: a run counts once, by
 * its id, as its first whole line says.
 */
import { mkdir, open, readdir, readFile, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { messageOf, systemErrorCode } from '../errors.ts';
import type { Logger } from '../log.ts';
import { replaceStateFile, stateDirectory } from './state.ts';

export interface EndedRun {
  /** Its id: `0x` and 32 hexadecimal digits. */
  readonly run: `0x${string}`;
  /** The header's `recording`: a file name. */
  readonly recording: string;
  /** Of the recording, on the drive. */
  readonly directory: string;
  /** Of its last checkpoint or final that is in the file: `0x` and 64 hexadecimal digits. */
  readonly link: `0x${string}`;
  /** Its start and end by the camera's clock, ms since the epoch. */
  readonly fromMs: number;
  readonly toMs: number;
}

/** What the recorder is asked for. */
export interface EndedRunsNotes {
  /** Notes a run as soon as that can be. Never throws, and is not to be waited for. */
  note(run: EndedRun): void;
}

/** A file of some 250 runs is followed by another one. */
const fullBytes = 64 * 1024;
/** Where nobody takes them, a camera has so many files at most: two years of hourly runs in 4 MB. */
export const maxFiles = 64;
/** Lines that wait for a disk with room. */
const maxWaiting = 1000;
/** Of a file that the ledger made from recordings. */
const maxFileBytes = 64 * 1024 * 1024;
/** Where what the ledger finds in recordings goes; the recorder's begin with 1. */
const foundNumber = 0;
/** Directory names and recording names have at most so many bytes. */
const maxNameBytes = 255;

export class EndedRunsJournal implements EndedRunsNotes {
  readonly #directory: string;
  readonly #camera: string;
  readonly #logger: Logger;
  #waiting: string[] = [];
  #number: number | undefined;
  #writing: Promise<void> = Promise.resolve();
  #failed = false;

  /**
   * @param recordingsDirectory that of all cameras.
   * @param camera its name.
   */
  constructor(recordingsDirectory: string, camera: string, logger: Logger) {
    this.#directory = recordingsDirectory;
    this.#camera = camera;
    this.#logger = logger;
  }

  note(run: EndedRun): void {
    this.#waiting.push(lineOf(run));
    if (this.#waiting.length > maxWaiting) this.#waiting.shift();
    this.#writing = this.#writing.then(() => this.#write());
  }

  /** Resolves when what was noted is on the disk, or was tried. */
  settled(): Promise<void> {
    return this.#writing;
  }

  async #write(): Promise<void> {
    const lines = this.#waiting;
    if (lines.length === 0) return;
    try {
      await this.#append(lines);
      // What was noted meanwhile is behind it.
      this.#waiting = this.#waiting.slice(lines.length);
      this.#failed = false;
    } catch (error) {
      if (!this.#failed) {
        this.#logger.warn(
          'cannot note for the ledger that a run ended; it is tried again with the next one',
          {
            cause: messageOf(error),
          },
        );
      }
      this.#failed = true;
    }
  }

  async #append(lines: readonly string[]): Promise<void> {
    const directory = stateDirectory(this.#directory);
    await mkdir(directory, { recursive: true });
    const number = await this.#numberFor(directory);
    const handle = await open(path.join(directory, fileNameOf(this.#camera, number)), 'a');
    try {
      // A line that a power cut left half written must not spoil this one.
      await handle.appendFile(`\n${lines.join('')}`);
      await handle.datasync();
    } finally {
      await handle.close();
    }
    if (number === this.#number) return;
    this.#number = number;
    const parent = await open(directory, 'r');
    await parent.sync().finally(() => parent.close());
  }

  async #numberFor(directory: string): Promise<number> {
    const numbers = (await filesIn(directory))
      .filter(({ camera, number }) => camera === this.#camera && number !== foundNumber)
      .map(({ number }) => number);
    const newest = Math.max(1, this.#number ?? 1, ...numbers);
    const { size } = await stat(path.join(directory, fileNameOf(this.#camera, newest))).catch(() => ({
      size: 0,
    }));
    if (size < fullBytes) return newest;
    for (const number of numbers) {
      if (number <= newest + 1 - maxFiles)
        await rm(path.join(directory, fileNameOf(this.#camera, number)), { force: true });
    }
    return newest + 1;
  }
}

/** One of these files. */
export interface EndedRunsFile {
  readonly camera: string;
  readonly number: number;
  readonly runs: readonly EndedRun[];
  /** Nobody appends to it any more. */
  readonly isLeft: boolean;
}

/** All that was noted, of all cameras. What cannot be read is left out and told. */
export async function readEndedRuns(recordingsDirectory: string, logger: Logger): Promise<EndedRunsFile[]> {
  const directory = stateDirectory(recordingsDirectory);
  const files = await filesIn(directory);
  const read: EndedRunsFile[] = [];
  for (const { camera, number } of files) {
    const file = path.join(directory, fileNameOf(camera, number));
    try {
      if ((await stat(file)).size > maxFileBytes)
        throw new RangeError(`it is larger than ${maxFileBytes} bytes`);
      const runs = (await readFile(file, 'utf8'))
        .split('\n')
        .map(runOf)
        .filter((run) => run !== undefined);
      const isLeft =
        number !== foundNumber && files.some((other) => other.camera === camera && other.number > number);
      read.push({ camera, number, runs, isLeft });
    } catch (error) {
      if (systemErrorCode(error) === 'ENOENT') continue;
      logger.warn('cannot read which runs ended', { file, cause: messageOf(error) });
    }
  }
  return read;
}

/** Removes a file of which every run is settled; only one that {@link EndedRunsFile.isLeft}. */
export async function removeEndedRuns(recordingsDirectory: string, file: EndedRunsFile): Promise<void> {
  if (!file.isLeft) throw new TypeError('the recorder may still append to this file');
  await rm(path.join(stateDirectory(recordingsDirectory), fileNameOf(file.camera, file.number)), {
    force: true,
  });
}

/** Notes, in one go, what was found in a camera's recordings: it is not looked for again. */
export async function keepFoundRuns(
  recordingsDirectory: string,
  camera: string,
  runs: readonly EndedRun[],
): Promise<void> {
  const text = runs.map(lineOf).join('');
  await replaceStateFile(recordingsDirectory, fileNameOf(camera, foundNumber), text, { durable: true });
}

/** Whether a camera's recordings were looked through before. */
export async function hasFoundRuns(recordingsDirectory: string, camera: string): Promise<boolean> {
  const files = await filesIn(stateDirectory(recordingsDirectory));
  return files.some((file) => file.camera === camera && file.number === foundNumber);
}

async function filesIn(directory: string): Promise<{ camera: string; number: number }[]> {
  const names = await readdir(directory).catch((error: unknown) => {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw error;
  });
  return names
    .map((name) => /^ended-runs-([A-Za-z0-9][A-Za-z0-9_-]{0,63})-(\d{6,9})\.jsonl$/.exec(name))
    .filter((match) => match !== null)
    .map(([, camera = '', number]) => ({ camera, number: Number(number) }))
    .sort((a, b) => (a.camera < b.camera ? -1 : a.camera > b.camera ? 1 : a.number - b.number));
}

const fileNameOf = (camera: string, number: number): string =>
  `ended-runs-${camera}-${String(number).padStart(6, '0')}.jsonl`;

function lineOf({ run, recording, directory, link, fromMs, toMs }: EndedRun): string {
  return `${JSON.stringify({ run, recording, directory, link, fromMs, toMs })}\n`;
}

/** `undefined` for a line that is none, or was cut. */
function runOf(line: string): EndedRun | undefined {
  try {
    const { run, recording, directory, link, fromMs, toMs } = JSON.parse(line) as Record<string, unknown>;
    const isName = (value: unknown): value is string =>
      typeof value === 'string' &&
      value !== '' &&
      value.isWellFormed() &&
      Buffer.byteLength(value) <= maxNameBytes;
    const isHex = (value: unknown, bytes: number): value is `0x${string}` =>
      typeof value === 'string' && value.length === 2 + 2 * bytes && /^0x[0-9a-f]+$/.test(value);
    const isTime = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
    if (!isHex(run, 16) || !isHex(link, 32) || !isName(recording) || !isName(directory)) return undefined;
    return isTime(fromMs) && isTime(toMs) ? { run, recording, directory, link, fromMs, toMs } : undefined;
  } catch {
    return undefined;
  }
}
