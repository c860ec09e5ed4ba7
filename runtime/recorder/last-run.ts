/**
 * Where a camera's chain of runs ends, for the header of the next one: kept beside the recordings, and read from the last
 * recording where that is gone, or where the recorder did not come to say how a run ended.
 */
import { createReadStream } from 'node:fs';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import {
  decodeCheckpoint,
  decodeFinal,
  hashBytes,
  importRunKey,
  linkOf,
  PacketReader,
  readHeader,
  runIdBytes,
  runKeyBytes,
} from '../encrocrypt/v3/index.ts';
import { parseRecordingName } from '../recordings/names.ts';
import { replaceStateFile, stateDirectory } from '../state/state.ts';

export interface LastRun {
  readonly runId: Buffer;
  /** Of its last checkpoint or final; of its header if it has none. */
  readonly link: Buffer;
  /** Where it is, and when it was recorded, as far as that is known: ms since the epoch. */
  readonly recorded?: { readonly file: string; readonly startMs: number; readonly endMs: number };
}

/** A run that begins, or has ended. */
export interface KeptRun {
  readonly runId: Buffer;
  readonly runKey: Buffer;
  readonly headerHash: Buffer;
  /** Name of the recording that it is in. */
  readonly file: string;
  /** When it began, ms since the epoch. */
  readonly startMs: number;
  /** Both are missing while it is written. */
  readonly link?: Buffer;
  readonly endMs?: number;
  /** Counts if nothing of this one reached the disk. */
  readonly before: LastRun | undefined;
}

export interface LastRunStore {
  /** `undefined` for a camera that has no recording yet. */
  load(): Promise<LastRun | undefined>;
  keep(run: KeptRun): Promise<void>;
}

/** A checkpoint is at most some seconds from the end of a file; so much of it is read before all of it is. */
const tailBytes = 16 * 1024 * 1024;
/** Recordings that are looked into when nothing was kept: the newest may have been cut before its header was whole. */
const filesToTry = 3;

export class LastRunFile implements LastRunStore {
  readonly #directory: string;
  readonly #camera: string;
  readonly #recordings: string;

  /** @param recordingsDirectory that of all cameras. */
  constructor(
    recordingsDirectory: string,
    camera: { readonly name: string; readonly localDirectory: string },
  ) {
    this.#directory = recordingsDirectory;
    this.#camera = camera.name;
    this.#recordings = camera.localDirectory;
  }

  async load(): Promise<LastRun | undefined> {
    const recordings = await this.#newestFirst();
    const kept = await this.#read();
    const [newest] = recordings;
    // What is newer than all that was there is not known of; a clock that was set back makes the newest not the last.
    if (!kept || (newest !== undefined && newest > kept.newest)) return this.#search(recordings);
    const { runId, link, file, startMs, endMs } = kept;
    if (link) return { runId, link, ...(endMs === undefined ? {} : { recorded: { file, startMs, endMs } }) };
    return (await this.#endOf(kept)) ?? kept.before;
  }

  async keep(run: KeptRun): Promise<void> {
    try {
      await this.#write(run);
    } catch (error) {
      // What was kept before is no longer true: without it the recordings tell. To remove it takes no room on a full disk.
      await rm(this.#path, { force: true }).catch(() => undefined);
      throw error;
    }
  }

  async #write({ runId, runKey, headerHash, file, startMs, link, endMs, before }: KeptRun): Promise<void> {
    const [newest = file] = [file, ...(await this.#newestFirst())].sort().reverse();
    const text = (bytes: Buffer): string => bytes.toString('hex');
    return replaceStateFile(
      this.#directory,
      this.#fileName,
      JSON.stringify({
        ...{ runId: text(runId), runKey: text(runKey), headerHash: text(headerHash), file, newest },
        ...{ startMs, ...(link ? { link: text(link), endMs } : {}) },
        ...(before ? { before: { runId: text(before.runId), link: text(before.link) } } : {}),
      }),
      { durable: true },
    );
  }

  get #path(): string {
    return path.join(stateDirectory(this.#directory), this.#fileName);
  }

  get #fileName(): string {
    return `run-${this.#camera}.json`;
  }

  /** Names sort by time. */
  async #newestFirst(): Promise<string[]> {
    const names = await readdir(this.#recordings).catch(() => []);
    return names
      .filter((name) => parseRecordingName(name)?.conflict === undefined && parseRecordingName(name))
      .sort()
      .reverse();
  }

  async #read(): Promise<(KeptRun & { readonly newest: string }) | undefined> {
    try {
      const { before, link, ...kept } = JSON.parse(await readFile(this.#path, 'utf8')) as Record<
        string,
        never
      >;
      return {
        runId: bytesOf(kept.runId, runIdBytes),
        runKey: bytesOf(kept.runKey, runKeyBytes),
        headerHash: bytesOf(kept.headerHash, hashBytes),
        file: String(kept.file),
        newest: String(kept.newest ?? kept.file),
        // Of a version that did not keep it: then nothing says when.
        startMs: Number(kept.startMs ?? Number.NaN),
        ...(link === undefined ? {} : { link: bytesOf(link, hashBytes) }),
        ...(kept.endMs === undefined ? {} : { endMs: Number(kept.endMs) }),
        before: before && lastRunOf(before),
      };
    } catch {
      // There is none, or a power cut left half of it: the recordings tell.
      return undefined;
    }
  }

  /** What the file holds of a run whose end was not kept; `undefined` if nothing. */
  async #endOf(kept: KeptRun): Promise<LastRun | undefined> {
    const file = path.join(this.#recordings, kept.file);
    const size = await stat(file).then(
      ({ size: bytes }) => bytes,
      () => 0,
    );
    const { runId, runKey, headerHash, startMs } = kept;
    const search = new ChainSearch();
    const run = { runId, key: importRunKey(runKey), link: undefined, headerHash };
    search.take({ ...run, recorded: { file: kept.file, startMs, endMs: startMs } });
    await search.read(file, Math.max(0, size - tailBytes));
    return search.last ?? (size > tailBytes ? await scan(file) : undefined);
  }

  async #search(recordings: readonly string[]): Promise<LastRun | undefined> {
    for (const name of recordings.slice(0, filesToTry)) {
      const last = await scan(path.join(this.#recordings, name));
      if (last) return last;
    }
    return undefined;
  }
}

async function scan(file: string): Promise<LastRun | undefined> {
  const search = new ChainSearch();
  await search.read(file, 0);
  return search.last;
}

interface Candidate {
  readonly runId: Buffer;
  readonly key: ReturnType<typeof importRunKey>;
  readonly headerHash: Buffer;
  /** Of what its key signed last; `undefined` while nothing of it was seen. */
  link: Buffer | undefined;
  /** Up to what was signed last. */
  recorded: NonNullable<LastRun['recorded']>;
}

/** Looks for the newest run in a file, and what it signed last. */
class ChainSearch {
  #run: Candidate | undefined;

  get last(): LastRun | undefined {
    const run = this.#run;
    return run?.link && { runId: run.runId, link: run.link, recorded: run.recorded };
  }

  /** Begins with a run whose header may stand before what is read. */
  take(run: Candidate): void {
    this.#run = run;
  }

  async read(file: string, offset: number): Promise<void> {
    const reader = new PacketReader({ offset, hasKeys: false });
    try {
      for await (const chunk of createReadStream(file, { start: offset, highWaterMark: 1024 * 1024 })) {
        reader.push(chunk as Buffer);
        this.#drain(reader);
      }
    } catch {
      // Gone, or a card with a bad block: what was seen until there is what is known.
    }
    reader.end();
    this.#drain(reader);
  }

  #drain(reader: PacketReader): void {
    for (let item = reader.next(); item; item = reader.next()) {
      if (item.kind === 'header') this.#header(Buffer.from(item.body));
      else if (item.kind === 'checkpoint' || item.kind === 'final') this.#signed(item.kind, item.body);
    }
  }

  #header(body: Buffer): void {
    const header = readHeader(body);
    if (!header) return;
    const { runId, runKey, recording, startMs } = header.statement;
    if (this.#run?.headerHash.equals(header.hash)) this.#run.link ??= header.hash;
    else {
      const recorded = { file: recording, startMs, endMs: startMs };
      this.#run = { runId, key: importRunKey(runKey), headerHash: header.hash, link: header.hash, recorded };
    }
  }

  #signed(kind: 'checkpoint' | 'final', body: Buffer): void {
    const run = this.#run;
    if (!run) return;
    const toMs =
      kind === 'checkpoint'
        ? decodeCheckpoint(body, run.runId, run.key)?.toMs
        : decodeFinal(body, run.runId, run.key)?.timeMs;
    if (toMs === undefined) return;
    run.link = linkOf(run.runId, body);
    run.recorded = { ...run.recorded, endMs: run.recorded.startMs + toMs };
  }
}

function lastRunOf({ runId, link }: { runId: unknown; link: unknown }): LastRun {
  return { runId: bytesOf(runId, runIdBytes), link: bytesOf(link, hashBytes) };
}

/** @throws {RangeError} for anything but so many bytes in hexadecimal digits. */
function bytesOf(text: unknown, bytes: number): Buffer {
  const decoded = Buffer.from(String(text), 'hex');
  if (decoded.length !== bytes) throw new RangeError('not what was kept');
  return decoded;
}
