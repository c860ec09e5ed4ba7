/**
 * A drive that recordings are appended to. One instance is one session with the drive and works on one thing
 * at a time: a second call waits for the first. Drivers: `ftp/` and `directory/`; every driver passes
 * `test/integration/storage-contract.ts`.
 *
 * What a drive says is hostile input. Drivers bound it (entries of a listing, length of a line, sizes) and throw
 * `STORAGE_PROTOCOL` beyond the bound; names in a listing are data, and become part of a path only through
 * {@link drivePath}.
 *
 * Errors are `EncroCamError`s: `STORAGE_UNREACHABLE` (try again later), `STORAGE_REFUSED`, `STORAGE_FULL`,
 * `STORAGE_UNTRUSTED`, `STORAGE_PROTOCOL`.
 */
import { EncroCamError } from '../errors.ts';

export interface Storage {
  /** Where this is, for messages: no password in it. */
  readonly location: string;

  /** Opens the session. Calling it on an open one does nothing; after a failure it may be called again. */
  connect(): Promise<void>;

  /** Ends the session and every transfer, at once and without throwing. The instance can `connect` again. */
  close(): Promise<void>;

  /** Makes the directory and its parents where they are missing. */
  makeDirectory(directory: DrivePath): Promise<void>;

  /** Files in a directory (not in those below it); an empty list if the directory does not exist. */
  list(directory: DrivePath): Promise<DriveFile[]>;

  /** Size in bytes, or `undefined` if there is no such file. */
  size(file: DrivePath): Promise<number | undefined>;

  /**
   * Starts to append to a file, making it if it is missing. The caller has checked what the file ends with.
   * Nothing else can be asked of this instance until the appender was finished or has failed.
   */
  append(file: DrivePath): Promise<Appender>;

  /**
   * Reads from byte `offset` on, at most `length` bytes (to the end without it). Leaving the loop early ends
   * the transfer. A file that is shorter yields fewer bytes; one that does not exist throws `STORAGE_REFUSED`.
   * @param heldBytes what the caller was told before that the drive holds of the file: a read from within need not ask again. Where that is
   * no longer so, the drive decides what comes of it.
   */
  read(file: DrivePath, offset: number, length?: number, heldBytes?: number): AsyncIterable<Uint8Array>;

  /** Removes a file; does nothing if there is none. */
  remove(file: DrivePath): Promise<void>;

  /** Gives a file another name. The target does not exist. */
  rename(from: DrivePath, to: DrivePath): Promise<void>;
}

/** An open append: bytes are on their way as soon as they are written. */
export interface Appender {
  /** Resolves when the bytes were handed on and more can be taken (back-pressure). Never call it with no bytes. */
  write(bytes: Uint8Array): Promise<void>;

  /**
   * Ends the append; resolves once the drive has confirmed that it holds every byte written. Rejects if the drive
   * does not say so: then how much it holds is unknown until `size` is asked.
   */
  finish(): Promise<void>;

  /** Ends it without waiting for anything; the session is closed. */
  abort(): Promise<void>;
}

export interface DriveFile {
  /** As the drive gave it, at most {@link maxNameBytes} long and without `/` and control characters. */
  readonly name: string;
  readonly sizeBytes: number;
  /** Milliseconds since the epoch, where the drive tells it to the second. Not to be relied on. */
  readonly modifiedMs: number | undefined;
}

/** Most entries of one directory that are read: 100 years of hourly recordings are 876,600. */
export const maxListEntries = 1_000_000;
/** Longest file name taken from a listing, in bytes. */
export const maxNameBytes = 255;
/** Largest size of a file on a drive that is believed: 16 TiB. */
export const maxFileBytes = 2 ** 44;

/**
 * An absolute path on a drive, checked by {@link drivePath}: `/`, or segments without `..`, each after a `/`.
 * `/` is the `directory` of the configuration: drivers put it in front.
 */
export type DrivePath = string & { readonly __brand: 'DrivePath' };

/**
 * Joins a base (from the configuration, trusted) and names (from anywhere).
 * Throws `STORAGE_PROTOCOL` for a name that is empty, `.`, `..`, longer than {@link maxNameBytes}, or holds `/`,
 * `\`, or a control character.
 */
export function drivePath(base: string, ...names: string[]): DrivePath {
  const segments = base.split('/').filter((segment) => segment !== '' && segment !== '.');
  for (const segment of [...segments, ...names]) {
    if (!isSafeName(segment)) {
      throw new EncroCamError('STORAGE_PROTOCOL', `Not a safe name on a drive: ${JSON.stringify(segment)}.`, {
        hint: 'Use names without slashes, "..", and control characters.',
      });
    }
  }
  return `/${[...segments, ...names].join('/')}` as DrivePath;
}

/** Whether `name` can be the last part of a path on a drive. */
export function isSafeName(name: string): boolean {
  return (
    name !== '' &&
    name !== '.' &&
    name !== '..' &&
    Buffer.byteLength(name) <= maxNameBytes &&
    // biome-ignore lint/suspicious/noControlCharactersInRegex: refusing them is the point
    !/[\u0000-\u001f\u007f/\\]/.test(name)
  );
}
