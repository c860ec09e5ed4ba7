/**
 * What the services tell the world, and each other, about themselves: two small JSON files in the recordings
 * directory, written by one service each and read by `encrocam status` and by the other service. They are
 * replaced as a whole (temporary file, rename), so a reader never sees half of one, unless the disk is full. They
 * are hints: losing them costs nothing but a later clean-up.
 */
import { mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { systemErrorCode } from '../errors.ts';

/** Written by the recorder to `.state/record.json`, at least every {@link stateIntervalMs} while it runs. */
export interface RecorderState {
  readonly service: 'record';
  readonly pid: number;
  /** The kernel's, another one after each start of the machine. */
  readonly bootId: string;
  readonly startedMs: number;
  readonly updatedMs: number;
  /** Set when it ended in an orderly way. */
  readonly stoppedMs?: number;
  readonly cameras: readonly RecorderCameraState[];
}

export interface RecorderCameraState {
  readonly name: string;
  /** `gap`: no video is coming at the moment; `lastProblem` says why. */
  readonly activity: 'starting' | 'recording' | 'gap' | 'stopped';
  readonly encoder?: string;
  readonly fileName?: string;
  /** When bytes were last flushed to disk. */
  readonly lastWriteMs?: number;
  /** Since the service started. */
  readonly bytesWritten: number;
  readonly restarts: number;
  readonly gapMs: number;
  readonly lastProblem?: string;
}

/** Written by the syncer to `.state/sync.json`, at least every {@link stateIntervalMs} while it runs. */
export interface SyncerState {
  readonly service: 'sync';
  readonly pid: number;
  readonly startedMs: number;
  readonly updatedMs: number;
  readonly stoppedMs?: number;
  /** Where the recordings go, without a password. */
  readonly location: string;
  readonly nextRetentionMs?: number;
  readonly lastMonitorMs?: number;
  readonly cameras: readonly SyncerCameraState[];
}

export interface SyncerCameraState {
  readonly name: string;
  readonly activity: 'connecting' | 'catching-up' | 'following' | 'waiting' | 'stopped';
  readonly lastUploadMs?: number;
  /** Bytes on disk that the drive is not known to hold. */
  readonly backlogBytes: number;
  readonly backlogFiles: number;
  readonly bytesUploaded: number;
  readonly lastProblem?: string;
  /** The drive does not let the camera remove anything: how many recordings past retention it holds. */
  readonly removalsRefused?: number;
  /** Recordings that were gone from the drive before their time, since the service started. */
  readonly vanishedRecordings?: number;
  /**
   * How much of each recording the drive has confirmed to hold, byte for byte from the beginning: file name to
   * bytes. What is on disk up to there may be removed when the disk is full.
   */
  readonly confirmedBytes: Readonly<Record<string, number>>;
}

/** A state file older than three of these belongs to a service that hangs or was killed. */
export const stateIntervalMs = 2000;

const directoryName = '.state';
const fileNames = { record: 'record.json', sync: 'sync.json' } as const;
/** 100 years of hourly recordings of 16 cameras would not fit: then it is not ours. */
const maxStateBytes = 64 * 1024 * 1024;

/** Replaces the service's state file. */
export async function writeState(
  recordingsDirectory: string,
  state: RecorderState | SyncerState,
): Promise<void> {
  await replaceStateFile(recordingsDirectory, fileNames[state.service], JSON.stringify(state));
}

/** Where they are, and other small files that a service keeps for itself. */
export function stateDirectory(recordingsDirectory: string): string {
  return path.join(recordingsDirectory, directoryName);
}

/**
 * Replaces one of these files as a whole.
 * @param durable whether the new one survives a power cut from then on; without, the old one may be found after it.
 */
export async function replaceStateFile(
  recordingsDirectory: string,
  name: string,
  text: string,
  { durable = false } = {},
): Promise<void> {
  const directory = stateDirectory(recordingsDirectory);
  await mkdir(directory, { recursive: true });
  const file = path.join(directory, name);
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    await writeFile(temporary, text, { flush: durable });
    await rename(temporary, file);
    if (durable) {
      const handle = await open(directory, 'r');
      await handle.sync().finally(() => handle.close());
    }
  } catch (error) {
    await rm(temporary, { force: true });
    if (!['ENOSPC', 'EDQUOT'].includes(systemErrorCode(error) ?? '')) throw error;
    await writeOver(file, text, error);
  }
}

/**
 * A full disk has no room for another file, and just then it matters what the state is: the recorder may remove what
 * the syncer says the drive holds. The blocks of the old one are there. A reader may meet half of it, and takes that
 * for none.
 */
async function writeOver(file: string, text: string, full: unknown): Promise<void> {
  const handle = await open(file, 'r+').catch(() => {
    throw full;
  });
  try {
    const bytes = Buffer.from(text);
    const { size, blksize } = await handle.stat();
    if (bytes.length > Math.ceil(size / blksize) * blksize) throw full;
    await handle.write(bytes, 0, bytes.length, 0);
    await handle.truncate(bytes.length);
  } finally {
    await handle.close();
  }
}

export async function readRecorderState(recordingsDirectory: string): Promise<RecorderState | undefined> {
  return (await read(recordingsDirectory, 'record')) as RecorderState | undefined;
}

export async function readSyncerState(recordingsDirectory: string): Promise<SyncerState | undefined> {
  return (await read(recordingsDirectory, 'sync')) as SyncerState | undefined;
}

/** `undefined` when there is none, or it is not what the service writes. */
async function read(recordingsDirectory: string, service: 'record' | 'sync'): Promise<unknown> {
  try {
    const text = await readFile(path.join(stateDirectory(recordingsDirectory), fileNames[service]), 'utf8');
    if (text.length > maxStateBytes) return undefined;
    const state = JSON.parse(text) as { service?: unknown; cameras?: unknown };
    return state.service === service && Array.isArray(state.cameras) ? state : undefined;
  } catch {
    return undefined;
  }
}
