/**
 * A drive in memory, with faults on request: for tests of what works on a drive. It is stricter than real ones
 * where callers must be careful: an append of nothing fails, and so does a second operation during an append.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { EncroCamError } from '../../runtime/errors.ts';
import type { Appender, DriveFile, DrivePath, Storage } from '../../runtime/storage/storage.ts';

export type Operation =
  | 'connect'
  | 'makeDirectory'
  | 'list'
  | 'size'
  | 'append'
  | 'write'
  | 'finish'
  | 'read'
  | 'remove'
  | 'rename';

export type Fault =
  /** The connection breaks before anything happens. */
  | { readonly kind: 'disconnect' }
  /** During `write`: the drive keeps the first `keptBytes` of the piece. During `finish`: all, unconfirmed. */
  | { readonly kind: 'disconnect-keeping'; readonly keptBytes: number }
  | { readonly kind: 'refuse'; readonly code: 'STORAGE_REFUSED' | 'STORAGE_FULL' | 'STORAGE_UNTRUSTED' }
  /** `size` and `list` tell this instead. */
  | { readonly kind: 'lie'; readonly sizeBytes: number };

export type FaultPlan = (operation: Operation, path: string) => Fault | undefined;

/** What all sessions share. */
export class MemoryDrive {
  readonly files = new Map<string, Buffer>();
  readonly modifiedMs = new Map<string, number>();
  /** Left out of listings, as by a server that cuts them short. */
  readonly unlisted = new Set<string>();
  /** Every operation so far, `append /camera/file`. */
  readonly operations: string[] = [];
  fault: FaultPlan = () => undefined;
  /** Called when an append begins, with the bytes that the file holds then. */
  onAppend: (path: string, held: Buffer) => void = () => undefined;

  session(): MemoryStorage {
    return new MemoryStorage(this);
  }

  read(path: string): Buffer {
    return this.files.get(path) ?? Buffer.alloc(0);
  }

  add(path: string, bytes: Uint8Array): void {
    this.files.set(path, Buffer.concat([this.read(path), bytes]));
  }
}

export class MemoryStorage implements Storage {
  readonly location = 'memory:/';
  readonly #drive: MemoryDrive;
  #connected = false;
  #appending = false;

  constructor(drive: MemoryDrive) {
    this.#drive = drive;
  }

  async connect(): Promise<void> {
    if (this.#connected) return;
    await this.#enter('connect', '/', false);
    this.#connected = true;
  }

  async close(): Promise<void> {
    this.#connected = false;
    this.#appending = false;
  }

  async makeDirectory(directory: DrivePath): Promise<void> {
    await this.#enter('makeDirectory', directory);
  }

  async list(directory: DrivePath): Promise<DriveFile[]> {
    await this.#enter('list', directory);
    const prefix = directory === '/' ? '/' : `${directory}/`;
    return [...this.#drive.files]
      .filter(([file]) => file.startsWith(prefix) && !file.slice(prefix.length).includes('/'))
      .filter(([file]) => !this.#drive.unlisted.has(file))
      .map(([file, bytes]) => {
        const fault = this.#drive.fault('size', file);
        return {
          name: file.slice(prefix.length),
          sizeBytes: fault?.kind === 'lie' ? fault.sizeBytes : bytes.length,
          modifiedMs: this.#drive.modifiedMs.get(file),
        };
      });
  }

  async size(file: DrivePath): Promise<number | undefined> {
    const fault = await this.#enter('size', file);
    return fault?.kind === 'lie' ? fault.sizeBytes : this.#drive.files.get(file)?.length;
  }

  async append(file: DrivePath): Promise<Appender> {
    await this.#enter('append', file);
    this.#drive.onAppend(file, this.#drive.read(file));
    this.#drive.add(file, new Uint8Array());
    this.#appending = true;
    let written = 0;
    const end = (): void => {
      this.#appending = false;
    };
    return {
      write: async (bytes) => {
        if (bytes.length === 0) throw new Error('an append of no bytes');
        const fault = await this.#enter('write', file, true, true);
        if (fault?.kind === 'disconnect-keeping') {
          this.#drive.add(file, bytes.subarray(0, fault.keptBytes));
          throw this.#broken();
        }
        written += bytes.length;
        this.#drive.add(file, bytes);
      },
      finish: async () => {
        const fault = await this.#enter('finish', file, true, true);
        if (fault?.kind === 'disconnect-keeping') throw this.#broken();
        if (written === 0) throw new Error('an append of nothing');
        end();
      },
      abort: async () => {
        end();
        await this.close();
      },
    };
  }

  async *read(file: DrivePath, offset: number, length?: number): AsyncIterable<Uint8Array> {
    await this.#enter('read', file);
    const bytes = this.#drive.files.get(file);
    if (!bytes) throw new EncroCamError('STORAGE_REFUSED', `There is no ${file}.`);
    const part = bytes.subarray(offset, length === undefined ? undefined : offset + length);
    // In two pieces, so that callers cannot count on one.
    const middle = Math.floor(part.length / 2);
    for (const piece of [part.subarray(0, middle), part.subarray(middle)]) {
      if (piece.length > 0) yield Buffer.from(piece);
    }
  }

  async remove(file: DrivePath): Promise<void> {
    await this.#enter('remove', file);
    this.#drive.files.delete(file);
  }

  async rename(from: DrivePath, to: DrivePath): Promise<void> {
    await this.#enter('rename', from);
    const bytes = this.#drive.files.get(from);
    if (!bytes) throw new EncroCamError('STORAGE_REFUSED', `There is no ${from}.`);
    this.#drive.files.delete(from);
    this.#drive.files.set(to, bytes);
  }

  async #enter(
    operation: Operation,
    path: string,
    needsConnection = true,
    isPartOfAppend = false,
  ): Promise<Fault | undefined> {
    // Real drives answer later: what should not be done meanwhile gets its chance to be.
    await turn();
    this.#drive.operations.push(`${operation} ${path}`);
    if (needsConnection && !this.#connected) throw this.#broken();
    if (this.#appending && !isPartOfAppend) throw new Error(`${operation} during an append`);
    const fault = this.#drive.fault(operation, path);
    if (fault?.kind === 'disconnect') throw this.#broken();
    if (fault?.kind === 'refuse') throw new EncroCamError(fault.code, `The drive refused to ${operation}.`);
    return fault;
  }

  #broken(): EncroCamError {
    this.#connected = false;
    this.#appending = false;
    return new EncroCamError('STORAGE_UNREACHABLE', 'The connection broke.');
  }
}
