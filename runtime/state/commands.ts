/**
 * How the owner's commands get from the drive to the recorder: the syncer puts what it found into `.state/commands.json`, the
 * recorder judges, and lists in `.state/commands-done.json` what is not to be asked for again. One file each, replaced as a whole;
 * whichever is lost, a command is judged again, and refused if it was taken.
 */
import { open } from 'node:fs/promises';
import path from 'node:path';
import { systemErrorCode } from '../errors.ts';
import { maxCommandBytes } from '../video-keys/command-file.ts';
import { replaceStateFile, stateDirectory } from './state.ts';

export interface FoundCommand {
  /** Tells it from all others: a file that grows becomes another one. */
  readonly id: string;
  /** The file's. */
  readonly name: string;
  readonly text: string;
}

export interface DoneCommands {
  /** Oldest first; at most {@link maxDone}. */
  readonly ids: readonly string[];
  /** Those with a smaller counter, or this one, are of no use any more. */
  readonly floor: number;
}

/** So many wait for the recorder at a time. */
export const maxFound = 16;
/** More than anybody rotates; somebody else's files are what fills it. */
export const maxDone = 4096;

const foundName = 'commands.json';
const doneName = 'commands-done.json';
const maxFoundBytes = 4 * maxFound * maxCommandBytes;
const maxDoneBytes = 4 * 1024 * 1024;

export async function readFoundCommands(recordingsDirectory: string): Promise<readonly FoundCommand[]> {
  const found = await readJson(recordingsDirectory, foundName, maxFoundBytes);
  return Array.isArray(found) ? found.filter(isFound).slice(0, maxFound) : [];
}

export async function writeFoundCommands(
  recordingsDirectory: string,
  commands: readonly FoundCommand[],
): Promise<void> {
  await replaceStateFile(recordingsDirectory, foundName, JSON.stringify(commands), { durable: true });
}

export async function readDoneCommands(recordingsDirectory: string): Promise<DoneCommands> {
  const done = (await readJson(recordingsDirectory, doneName, maxDoneBytes)) as Partial<DoneCommands> | null;
  const ids = Array.isArray(done?.ids) ? done.ids.filter((id) => typeof id === 'string') : [];
  return { ids, floor: typeof done?.floor === 'number' ? done.floor : 0 };
}

export async function writeDoneCommands(
  recordingsDirectory: string,
  { ids, floor }: DoneCommands,
): Promise<void> {
  const text = JSON.stringify({ ids: ids.slice(-maxDone), floor });
  await replaceStateFile(recordingsDirectory, doneName, text, { durable: true });
}

function isFound(value: unknown): value is FoundCommand {
  const { id, name, text } = (value ?? {}) as Record<string, unknown>;
  return typeof id === 'string' && typeof name === 'string' && typeof text === 'string';
}

/** `undefined` for a file that is missing, too large, or half written. */
async function readJson(recordingsDirectory: string, name: string, maxBytes: number): Promise<unknown> {
  try {
    const handle = await open(path.join(stateDirectory(recordingsDirectory), name), 'r');
    try {
      if ((await handle.stat()).size > maxBytes) return undefined;
      return JSON.parse(await handle.readFile('utf8'));
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof SyntaxError || systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
