/** Finds the recordings that INPUT means, on this computer or on a drive, and opens them one after the other. */
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type { CommandArguments } from '../commands.ts';
import { EncroCamError } from '../errors.ts';
import { printable } from '../log.ts';
import { ledgerDirectoryName } from '../recordings/companions.ts';
import { parseRecordingName, type RecordingName } from '../recordings/names.ts';
import { type DrivePath, drivePath, type Storage } from '../storage/storage.ts';
import { followPlace, type LivePlace } from './follow.ts';
import { drivePlace, localPlace } from './live-places.ts';
import { findPlace } from './location.ts';
import { recordingsAmong } from './recordings-among.ts';
import { driveShelf, localShelf, type Shelf } from './shelf.ts';
import { driveSource, openFileSource, type Source, stdinSource, unreadable } from './source.ts';
import type { TimeRange } from './time.ts';

/** A recording that is to be read. */
export interface Input {
  /** `undefined` for what is not named like a recording. */
  readonly recording: RecordingName | undefined;
  readonly open: () => Promise<Source>;
}

export interface InputsInOrder {
  readonly inputs: Iterable<Input> | AsyncIterable<Input>;
  /** Ends the session with the drive, if there is one. */
  readonly close: () => Promise<void>;
}

export interface Inputs extends InputsInOrder {
  /** Whether they are all recordings of a directory, not one that was named. */
  readonly isDirectory: boolean;
  /** Where files are that belong to them: beside them, and in the ledger's directory next to that. */
  readonly shelves: readonly Shelf[];
  /** Where a file lies that was named by itself. */
  readonly fileIn?: string;
}

const nothingToClose = async (): Promise<void> => undefined;

/**
 * The recordings in a range, oldest first. A single file is taken whatever its name says: somebody may have
 * renamed it.
 * @param options `mayBeEmpty`: a directory without any recording of that time is no error; `withCopies`: those with other bytes, too,
 *   that lie beside a recording
 * @throws {EncroCamError} `INPUT_UNREADABLE`, `USAGE`, or a drive's error
 */
export async function findInputs(
  text: string,
  wanted: TimeRange,
  args: CommandArguments,
  { mayBeEmpty = false, withCopies = false } = {},
): Promise<Inputs> {
  const range = { ...wanted, mayBeEmpty, withCopies };
  const location = await findPlace(text, args);
  switch (location.kind) {
    case 'stdin':
      return {
        inputs: [{ recording: undefined, open: async () => stdinSource() }],
        ...{ isDirectory: false, shelves: [], close: nothingToClose },
      };
    case 'local':
      return { ...(await localInputs(location.path, range)), close: nothingToClose };
    case 'drive': {
      const { storage } = location;
      try {
        await storage.connect();
        const inputs = await driveInputs(storage, location.path, range);
        return { ...inputs, close: () => storage.close() };
      } catch (error) {
        await storage.close();
        throw error;
      }
    }
  }
}

/** How often a growing recording is looked at. A packet is due every 125 ms; a drive is asked over the network. */
const localPollMs = 100;
const drivePollMs = 1000;

/**
 * The recordings that are being written in a directory, without end.
 * @throws {EncroCamError} `USAGE`, or a drive's error
 */
export async function findLiveInputs(
  text: string,
  options: {
    readonly fromMs: number;
    readonly signal: AbortSignal;
    /** What is to be done while it is followed. */
    readonly through?: (place: LivePlace) => LivePlace;
  },
  args: CommandArguments,
): Promise<InputsInOrder> {
  const { through = (place) => place } = options;
  const location = await findPlace(text, args);
  switch (location.kind) {
    case 'stdin':
      throw new EncroCamError('USAGE', '--follow needs a directory.', {
        hint: 'Standard input is followed without it.',
      });
    case 'local':
      return {
        inputs: followPlace(through(localPlace(location.path)), { ...options, pollMs: localPollMs }),
        close: nothingToClose,
      };
    case 'drive': {
      const { storage } = location;
      return {
        inputs: followPlace(through(drivePlace(storage, location.path)), { ...options, pollMs: drivePollMs }),
        close: () => storage.close(),
      };
    }
  }
}

type Found = Omit<Inputs, 'close'>;
type Wanted = TimeRange & { readonly mayBeEmpty: boolean; readonly withCopies: boolean };

async function localInputs(file: string, range: Wanted): Promise<Found> {
  let isDirectory: boolean;
  let names: string[] = [];
  try {
    isDirectory = (await stat(file)).isDirectory();
    if (isDirectory) names = await readdir(file);
  } catch (error) {
    throw unreadable(file, error);
  }
  const directory = path.resolve(isDirectory ? file : path.dirname(file));
  const shelves = [directory, path.join(path.dirname(directory), ledgerDirectoryName)].map(localShelf);
  if (!isDirectory) {
    const input = { recording: parseRecordingName(path.basename(file)), open: () => openFileSource(file) };
    return { inputs: [input], isDirectory, shelves, fileIn: directory };
  }
  const inputs = overlapping(names, range, file).map((recording) => ({
    recording,
    // Whoever can write to the directory can put anything there under such a name.
    open: () => openFileSource(path.join(file, recording.fileName), { mustBeFile: true }),
  }));
  return { inputs, isDirectory, shelves };
}

async function driveInputs(storage: Storage, place: DrivePath, range: Wanted): Promise<Found> {
  const single = await storage.size(place);
  if (single !== undefined) {
    const input = {
      recording: parseRecordingName(path.posix.basename(place)),
      open: async () => driveSource(storage, place, single),
    };
    const shelf = driveShelf(storage, path.posix.dirname(place));
    return { inputs: [input], isDirectory: false, shelves: [shelf], fileIn: shelf.place };
  }
  const files = await storage.list(place);
  const sizes = new Map(files.map((file) => [file.name, file.sizeBytes]));
  const inputs = overlapping([...sizes.keys()], range, place).map((recording) => ({
    recording,
    open: async () =>
      driveSource(storage, drivePath(place, recording.fileName), sizes.get(recording.fileName) ?? 0),
  }));
  return { inputs, isDirectory: true, shelves: [driveShelf(storage, place)] };
}

/**
 * The recordings among file names whose slots share an instant with the range, oldest first.
 * @throws {EncroCamError} `INPUT_UNREADABLE` if there is none, and there has to be.
 */
function overlapping(names: readonly string[], wanted: Wanted, place: string): RecordingName[] {
  const { fromMs, toMs, mayBeEmpty, withCopies } = wanted;
  const found = recordingsAmong(names, { withCopies })
    .filter((name) => fromMs === undefined || name.startMs + name.lengthMs > fromMs)
    .filter((name) => toMs === undefined || name.startMs < toMs);
  if (found.length > 0 || mayBeEmpty) return found;
  throw new EncroCamError('INPUT_UNREADABLE', `${printable(place)} has no recording of that time.`, {
    hint: 'See what there is with: encrocam list',
  });
}
