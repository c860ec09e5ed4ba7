/**
 * The `ftp` driver of `Storage`: FTP with explicit TLS, or plain where the configuration insists. Appends are one
 * APPE held open, so that bytes are readable on the drive within a millisecond; reads are RETR from an offset.
 */
import { FTPError } from 'basic-ftp';
import type { FtpStorageConfig } from '../../config/types.ts';
import { EncroCamError, isEncroCamError } from '../../errors.ts';
import type { Logger } from '../../log.ts';
import {
  type Appender,
  type DriveFile,
  type DrivePath,
  drivePath,
  maxFileBytes,
  maxListEntries,
  type Storage,
} from '../storage.ts';
import { Turns } from '../turns.ts';
import { FtpAppender } from './appender.ts';
import { HungUploads } from './hung.ts';
import { ListingReader } from './listing-reader.ts';
import { parseSizeReply, toStorageError, unreachableError } from './replies.ts';
import { FtpSession } from './session.ts';
import type { Transfer } from './transfer.ts';

/** Replies that mean "no such file or directory" (or no right to know). */
const absentCodes = [450, 550, 553];
/**
 * How long the server's word on a read that was broken off is waited for, within five round trips: a new session,
 * which takes about as many, is then the quicker way. pure-ftpd often says nothing.
 */
const minAbandonGraceMs = 50;
const maxAbandonGraceMs = 1000;

export class FtpStorage implements Storage {
  readonly location: string;
  readonly #config: FtpStorageConfig;
  readonly #logger: Logger;
  readonly #timeoutMs: number;
  readonly #turns = new Turns();
  readonly #hung = new HungUploads();
  #session: FtpSession | undefined;
  /** Set when this driver itself gave the session up, in the course of a read that was ended early. */
  #reopen = false;
  #warned = false;

  constructor(config: FtpStorageConfig, options: { logger: Logger }) {
    this.#config = config;
    this.#logger = options.logger;
    this.#timeoutMs = config.timeoutSeconds * 1000;
    const scheme = config.tls.mode === 'off' ? 'ftp' : 'ftps';
    const host = config.host.includes(':') ? `[${config.host}]` : config.host;
    const port = config.port === 21 ? '' : `:${config.port}`;
    this.location = `${scheme}://${encodeURIComponent(config.user)}@${host}${port}${drivePath(config.directory)}`;
  }

  connect(): Promise<void> {
    return this.#turns.run(() => this.#explained('connect', () => this.#open()));
  }

  async close(): Promise<void> {
    this.#reopen = false;
    this.#session?.close();
    this.#session = undefined;
    this.#turns.takeAway();
  }

  makeDirectory(directory: DrivePath): Promise<void> {
    return this.#ask(`make ${directory}`, async (session) => {
      const whole = this.#path(directory);
      if (await isDirectory(session, whole)) return;
      const segments = whole.split('/').slice(1);
      for (let depth = 1; depth <= segments.length; depth++) {
        const part = `/${segments.slice(0, depth).join('/')}`;
        if (depth < segments.length && (await isDirectory(session, part))) continue;
        try {
          await session.command(`MKD ${part}`);
        } catch (error) {
          // Somebody else may have made it meanwhile.
          if (!(error instanceof FTPError) || !(await isDirectory(session, part))) throw error;
        }
      }
    });
  }

  list(directory: DrivePath): Promise<DriveFile[]> {
    return this.#ask(`list ${directory}`, async (session) => {
      // Changed into rather than named: servers read options and patterns in the argument of LIST.
      if (!(await isDirectory(session, this.#path(directory)))) return [];
      const format = session.listingFormat;
      const transfer = await session.transfer(format === 'mlsd' ? 'MLSD' : 'LIST');
      const reader = new ListingReader(format, maxListEntries);
      try {
        for await (const chunk of transfer.receive()) reader.push(chunk);
      } catch (error) {
        // "450 No files found": an empty directory, to some.
        const empty = error instanceof FTPError && absentCodes.includes(error.code) && reader.isEmpty;
        if (!empty) {
          await this.#abandon(session, transfer);
          throw error;
        }
      }
      const { files, unusable } = reader.finish();
      // pure-ftpd shows 10,000 entries, unless its administrator allows more.
      if (/truncated/i.test(transfer.lastReply)) {
        this.#logger.warn('the drive shows only a part of a directory', { directory, entries: files.length });
      }
      if (unusable > 0)
        this.#logger.debug('entries of a listing were dropped', { directory, entries: unusable });
      return files;
    });
  }

  size(file: DrivePath): Promise<number | undefined> {
    return this.#ask(`ask the size of ${file}`, (session) => sizeOf(session, this.#path(file)));
  }

  async append(file: DrivePath): Promise<Appender> {
    const done = await this.#turns.take();
    const action = `append to ${file}`;
    try {
      const session = await this.#explained(action, () => this.#openSession());
      return new FtpAppender(session, this.#path(file), (work) => this.#explained(action, work), done);
    } catch (error) {
      done();
      throw error;
    }
  }

  async *read(
    file: DrivePath,
    offset: number,
    length = Number.POSITIVE_INFINITY,
    heldBytes = 0,
  ): AsyncGenerator<Uint8Array> {
    const done = await this.#turns.take();
    try {
      yield* this.#readWithTurn(file, offset, length, heldBytes);
    } finally {
      done();
    }
  }

  async *#readWithTurn(
    file: DrivePath,
    offset: number,
    length: number,
    heldBytes: number,
  ): AsyncGenerator<Uint8Array> {
    const action = `read ${file}`;
    const session = await this.#explained(action, () => this.#openSession());
    const path = this.#path(file);
    // Where the file is known to go on, its end need not be known: the transfer tells it.
    const isHeld = offset < heldBytes;
    const size = isHeld
      ? Number.POSITIVE_INFINITY
      : await this.#explained(action, () => sizeOf(session, path));
    if (size === undefined) {
      throw new EncroCamError('STORAGE_REFUSED', `There is no ${file} on ${this.location}.`, {
        hint: 'encrocam list shows what is there.',
      });
    }
    // Servers disagree about RETR from behind the end: it is never asked.
    let left = Math.min(length, size - offset);
    if (left <= 0) return;
    const transfer = await this.#explained(action, () => session.transfer(`RETR ${path}`, offset));
    const chunks = transfer.receive();
    let whole = false;
    try {
      while (left > 0) {
        const next = await this.#explained(action, () => chunks.next());
        if (next.done) {
          whole = true;
          return;
        }
        const chunk = next.value.length > left ? next.value.subarray(0, left) : next.value;
        left -= chunk.length;
        yield chunk;
      }
    } finally {
      if (!whole) await this.#abandon(session, transfer);
    }
  }

  remove(file: DrivePath): Promise<void> {
    return this.#ask(`remove ${file}`, async (session) => {
      const path = this.#path(file);
      try {
        await session.command(`DELE ${path}`);
      } catch (error) {
        const absent = error instanceof FTPError && absentCodes.includes(error.code);
        if (!absent || (await sizeOf(session, path)) !== undefined) throw error;
      }
    });
  }

  rename(from: DrivePath, to: DrivePath): Promise<void> {
    return this.#ask(`rename ${from}`, async (session) => {
      await session.command(`RNFR ${this.#path(from)}`);
      await session.command(`RNTO ${this.#path(to)}`);
    });
  }

  #path(path: DrivePath): DrivePath {
    return drivePath(`${this.#config.directory}/${path}`);
  }

  #ask<T>(action: string, work: (session: FtpSession) => Promise<T>): Promise<T> {
    return this.#turns.run(() => this.#explained(action, async () => work(await this.#openSession())));
  }

  async #openSession(): Promise<FtpSession> {
    if (this.#reopen) await this.#open();
    if (!this.#session) throw unreachableError(`There is no session with ${this.location}.`);
    return this.#session;
  }

  async #open(): Promise<void> {
    if (this.#session?.isOpen) return;
    this.#reopen = false;
    if (this.#config.tls.mode === 'off' && !this.#warned) {
      this.#warned = true;
      this.#logger.warn('plain FTP: the password crosses the network in the clear', { drive: this.location });
    }
    const session = new FtpSession(this.#timeoutMs, this.#hung);
    this.#session = session;
    try {
      await session.open(this.#config);
      this.#hung.reset();
    } catch (error) {
      session.close();
      if (this.#session === session) this.#session = undefined;
      throw session.control.closingError && isEncroCamError(session.control.closingError)
        ? session.control.closingError
        : error;
    }
  }

  /** Runs `work`; what it throws becomes one of our errors, and a session that broke is forgotten. */
  async #explained<T>(action: string, work: () => Promise<T>): Promise<T> {
    const before = this.#session;
    try {
      return await work();
    } catch (error) {
      const session = this.#session ?? before;
      const broken = session?.control.closingError;
      if (broken && this.#session === session) this.#session = undefined;
      // After a deadline or a broken rule, what the operation saw is only that the session was closed.
      const cause =
        isEncroCamError(broken) && !(error instanceof FTPError) && !isEncroCamError(error) ? broken : error;
      throw toStorageError(cause, { action, location: this.location, password: this.#config.password });
    }
  }

  async #abandon(session: FtpSession, transfer: Transfer): Promise<void> {
    const graceMs = Math.min(Math.max(session.roundTripMs * 5, minAbandonGraceMs), maxAbandonGraceMs);
    if (await transfer.abandon(graceMs)) return;
    session.close();
    if (this.#session !== session) return;
    this.#session = undefined;
    this.#reopen = true;
  }
}

async function isDirectory(session: FtpSession, path: string): Promise<boolean> {
  try {
    await session.command(`CWD ${path}`);
    return true;
  } catch (error) {
    if (error instanceof FTPError && absentCodes.includes(error.code)) return false;
    throw error;
  }
}

async function sizeOf(session: FtpSession, path: DrivePath): Promise<number | undefined> {
  try {
    return parseSizeReply((await session.command(`SIZE ${path}`)).message, maxFileBytes);
  } catch (error) {
    if (error instanceof FTPError && absentCodes.includes(error.code)) return undefined;
    throw error;
  }
}
