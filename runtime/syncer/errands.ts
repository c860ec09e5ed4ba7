/**
 * What a camera's session does beside uploading recordings, for an owner without OpenPGP: it looks for the owner's commands in the
 * camera's directory on the drive, and replaces `live.json` there. Between two uploads, never in the middle of one. A drive that does
 * not let it is told of once; recordings go on.
 */
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { isEncroCamError, messageOf } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { FoundCommand } from '../state/commands.ts';
import { type DriveFile, type DrivePath, drivePath, type Storage } from '../storage/storage.ts';
import { maxCommandBytes } from '../video-keys/command-file.ts';
import { liveFileName, maxLiveBytes } from '../video-keys/live-file.ts';
import type { CommandMailbox } from './command-mailbox.ts';
import type { Clock } from './wake.ts';

/** A listing costs a moment on a slow line; a new key is not urgent. */
export const commandsIntervalMs = 180_000;
/** Of one camera. Whoever puts thousands there withholds the owner's: that is what a drive can do anyway. */
const maxPerLook = 16;
/** What is replaced is first written beside it. */
const liveTemporaryName = `${liveFileName}.part`;

export interface ErrandsOptions {
  readonly storage: Storage;
  readonly driveDirectory: string;
  readonly localDirectory: string;
  readonly mailbox: CommandMailbox;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class Errands {
  readonly #options: ErrandsOptions;
  readonly #directory: DrivePath;
  #nextLookMs = 0;
  #maySendLive = true;
  #hasToldOfReading = false;
  readonly #toldTooLarge = new Set<string>();
  /** Of the live file that the drive has. */
  #sentLive = '';

  constructor(options: ErrandsOptions) {
    this.#options = options;
    this.#directory = drivePath('/', options.driveDirectory);
  }

  /** Whether an upload is to be confirmed now, so that there is time for them. */
  async areDue(): Promise<boolean> {
    if (this.#options.clock.now() >= this.#nextLookMs) return true;
    return (await this.#freshLive()) !== undefined;
  }

  /** No upload is open. @throws what ends the session. */
  async run(): Promise<void> {
    await this.#sendLive();
    const { clock } = this.#options;
    if (clock.now() < this.#nextLookMs) return;
    this.#nextLookMs = clock.now() + commandsIntervalMs;
    await this.#lookForCommands();
  }

  async #lookForCommands(): Promise<void> {
    const { storage, mailbox, driveDirectory } = this.#options;
    const listing = await storage.list(this.#directory);
    const wanted = await mailbox.wantedOf(driveDirectory, listing);
    const found: FoundCommand[] = [];
    // What is too large is not asked for. What is refused counts: each may cost a new session.
    const small = wanted.filter((file) => this.#isSmall(file));
    for (const file of small.slice(0, maxPerLook)) {
      const text = await this.#read(file);
      if (text !== undefined) found.push({ id: file.id, name: file.name, text });
    }
    if (found.length > 0) await mailbox.put(found);
  }

  #isSmall({ id, name, sizeBytes }: DriveFile & { readonly id: string }): boolean {
    if (sizeBytes <= maxCommandBytes) return true;
    if (!this.#toldTooLarge.has(id) && this.#toldTooLarge.size < maxPerLook) {
      this.#toldTooLarge.add(id);
      this.#options.logger.warn('a command on the drive is refused', {
        file: name,
        reason: 'it is too large',
      });
    }
    return false;
  }

  async #read(file: DriveFile): Promise<string | undefined> {
    const { storage, logger } = this.#options;
    try {
      const chunks = await Array.fromAsync(
        storage.read(drivePath(this.#directory, file.name), 0, maxCommandBytes),
      );
      return Buffer.concat(chunks).toString();
    } catch (error) {
      if (!isEncroCamError(error, 'STORAGE_REFUSED')) throw error;
      if (!this.#hasToldOfReading) {
        logger.warn("the drive does not let the camera read the owner's commands", {
          ...{ file: file.name, reason: messageOf(error) },
          hint: 'Give the camera the right to read there, or put commands onto another drive.',
        });
      }
      this.#hasToldOfReading = true;
      // A driver may have ended the session over it.
      await storage.connect();
      return undefined;
    }
  }

  /** What tells the file on disk from others, if the drive does not have it. */
  async #freshLive(): Promise<string | undefined> {
    if (!this.#maySendLive) return undefined;
    try {
      const { mtimeMs, size, ino } = await stat(path.join(this.#options.localDirectory, liveFileName));
      const mark = `${mtimeMs} ${size} ${ino}`;
      return size > maxLiveBytes || mark === this.#sentLive ? undefined : mark;
    } catch {
      // There is none, or none that could be sent.
      return undefined;
    }
  }

  async #sendLive(): Promise<void> {
    const { storage, localDirectory, logger } = this.#options;
    const mark = await this.#freshLive();
    if (mark === undefined) return;
    const bytes = await readFile(path.join(localDirectory, liveFileName));
    const [temporary, target] = [liveTemporaryName, liveFileName].map((name) =>
      drivePath(this.#directory, name),
    ) as [DrivePath, DrivePath];
    try {
      await storage.remove(temporary);
      const appender = await storage.append(temporary);
      await appender.write(bytes);
      await appender.finish();
      // A driver's `rename` wants a free name. Whoever watches looks again where there is none for a moment.
      await storage.remove(target);
      await storage.rename(temporary, target);
      this.#sentLive = mark;
    } catch (error) {
      if (!isEncroCamError(error, 'STORAGE_REFUSED')) throw error;
      this.#maySendLive = false;
      logger.warn('the drive does not let the camera replace a file: live video cannot be opened there', {
        reason: messageOf(error),
        hint: 'Recordings go on as before. A drive that files can only be added to has no live.json.',
      });
      await storage.connect();
    }
  }
}
