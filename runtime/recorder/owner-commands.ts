/**
 * The owner's commands, as the syncer found them on the drive: each is judged once, the keys that the owner wrapped are taken, and
 * everything else is refused with a line in the log.
 */
import { isEncroCamError, messageOf } from '../errors.ts';
import type { Logger } from '../log.ts';
import {
  type FoundCommand,
  readDoneCommands,
  readFoundCommands,
  writeDoneCommands,
} from '../state/commands.ts';
import { commandCounter, parseCommand, type RotateKeyCommand } from '../video-keys/command-file.ts';
import { type Purpose, unwrapVideoKey, type VideoKey, videoKeyId } from '../video-keys/keys.ts';
import type { Clock } from './clock.ts';
import type { OwnerKeyRing } from './owner-key-ring.ts';

/** How often it is looked for new ones: a small file. */
export const lookEveryMs = 2000;

export interface OwnerCommandsOptions {
  readonly recordingsDirectory: string;
  readonly ring: OwnerKeyRing;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A new key counts from now on. */
  readonly onTaken: (purpose: Purpose) => void;
}

export class OwnerCommands {
  readonly #options: OwnerCommandsOptions;
  #cancel: (() => void) | undefined;
  #isStopped = false;
  #problem: string | undefined;
  /** Those that were there at the last look. */
  #judged = '';

  constructor(options: OwnerCommandsOptions) {
    this.#options = options;
  }

  /** Looks now, and then again and again. */
  start(): void {
    void this.look().finally(() => {
      if (!this.#isStopped) this.#cancel = this.#options.clock.schedule(lookEveryMs, () => this.start());
    });
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel?.();
  }

  /** Never rejects: what fails is tried again at the next look. */
  async look(): Promise<void> {
    const { recordingsDirectory, logger } = this.#options;
    try {
      const found = await readFoundCommands(recordingsDirectory);
      const mark = found.map(({ id }) => id).join('\n');
      // The syncer leaves them there until it finds more.
      if (mark === this.#judged) return;
      const { ids } = await readDoneCommands(recordingsDirectory);
      const fresh = found.filter(({ id }) => !ids.includes(id));
      // In the order that the owner made them.
      const inOrder = fresh.toSorted((a, b) => (commandCounter(a.name) ?? 0) - (commandCounter(b.name) ?? 0));
      for (const command of inOrder) await this.#judge(command);
      if (fresh.length > 0) {
        await writeDoneCommands(recordingsDirectory, {
          ids: [...ids, ...fresh.map(({ id }) => id)],
          floor: this.#floor(),
        });
      }
      this.#judged = mark;
      this.#problem = undefined;
    } catch (error) {
      const problem = messageOf(error);
      if (problem !== this.#problem) {
        logger.error("the owner's command cannot be carried out yet; trying again", { cause: problem });
      }
      this.#problem = problem;
    }
  }

  /** @throws what keeps a key from being stored. */
  async #judge(found: FoundCommand): Promise<void> {
    const { logger } = this.#options;
    const command = parseCommand(found.text);
    if (!command) return this.#refuse(found, 'it is no command that this version knows');
    const { camera } = command;
    const own = this.#options.ring.camera;
    // Its secure element may not have told it at the pairing. That the key unwraps is what counts.
    const isKnown = own.some((byte) => byte !== 0);
    if (camera && isKnown && !camera.equals(own)) {
      return this.#refuse(found, 'it is for another camera');
    }
    try {
      const taken = await this.#take(found, command);
      if (!taken) return;
      logger.info('the owner gave a new key', {
        ...{ purpose: taken.purpose, counter: taken.counter, key: videoKeyId(taken.key).toString('hex') },
        file: found.name,
      });
      this.#options.onTaken(taken.purpose);
    } catch (error) {
      if (!isEncroCamError(error, 'NOT_AUTHENTIC', 'KEY_UNUSABLE')) throw error;
      this.#refuse(found, messageOf(error));
    }
  }

  /** @returns `undefined` for one that was taken before a power cut, or refused. */
  async #take(found: FoundCommand, { wrapped }: RotateKeyCommand): Promise<VideoKey | undefined> {
    const { ring } = this.#options;
    const offered = unwrapVideoKey(ring.kek, wrapped);
    if (offered.counter !== commandCounter(found.name)) {
      this.#refuse(found, `its name is not that of counter ${offered.counter}`);
      return undefined;
    }
    const present = ring.keys[offered.purpose];
    if (offered.counter === present.counter && offered.key.equals(present.key)) return undefined;
    return ring.take(wrapped);
  }

  #refuse({ name }: FoundCommand, reason: string): void {
    this.#options.logger.warn('a command on the drive is refused', { file: name, reason });
  }

  #floor(): number {
    const { recordings, live } = this.#options.ring.keys;
    return Math.min(recordings.counter, live.counter);
  }
}
