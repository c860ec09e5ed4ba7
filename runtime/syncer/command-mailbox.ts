/** The owner's commands on their way to the recorder: what is new on the drive, and what waits to be judged. */

import { messageOf } from '../errors.ts';
import type { Logger } from '../log.ts';
import {
  type DoneCommands,
  type FoundCommand,
  maxFound,
  readDoneCommands,
  readFoundCommands,
  writeFoundCommands,
} from '../state/commands.ts';
import type { DriveFile } from '../storage/storage.ts';
import { commandCounter } from '../video-keys/command-file.ts';

/** More in one directory are not looked at: the ones with the smallest counters are. */
const maxListed = 1000;

export class CommandMailbox {
  readonly #recordingsDirectory: string;
  readonly #logger: Logger;
  #hasToldOfMany = false;
  #writing: Promise<void> = Promise.resolve();

  constructor(recordingsDirectory: string, logger: Logger) {
    this.#recordingsDirectory = recordingsDirectory;
    this.#logger = logger;
  }

  /** The commands of a listing that nobody has judged yet, in the order of their counters. */
  async wantedOf(
    directory: string,
    listing: readonly DriveFile[],
  ): Promise<readonly (DriveFile & { readonly id: string })[]> {
    const commands = listing
      .map((file) => ({ ...file, counter: commandCounter(file.name), id: idOf(directory, file) }))
      .filter(({ counter, sizeBytes }) => counter !== undefined && sizeBytes > 0);
    if (commands.length === 0) return [];
    const [done, waiting] = await this.#read();
    const known = new Set([...done.ids, ...waiting.map(({ id }) => id)]);
    const sorted = commands
      .filter(({ counter = 0 }) => counter > done.floor)
      .sort((a, b) => (a.counter ?? 0) - (b.counter ?? 0));
    if (sorted.length > maxListed && !this.#hasToldOfMany) {
      this.#logger.warn('the drive has more commands than anybody makes; only the first ones are looked at', {
        commands: sorted.length,
      });
    }
    this.#hasToldOfMany = sorted.length > maxListed;
    return sorted.slice(0, maxListed).filter(({ id }) => !known.has(id));
  }

  /** The state file that cannot be read is no reason to end a session with the drive: a command is judged once anyway. */
  async #read(): Promise<[DoneCommands, readonly FoundCommand[]]> {
    try {
      return [
        await readDoneCommands(this.#recordingsDirectory),
        await readFoundCommands(this.#recordingsDirectory),
      ];
    } catch (error) {
      this.#logger.warn("what became of the owner's commands cannot be read", { reason: messageOf(error) });
      return [{ ids: [], floor: 0 }, []];
    }
  }

  /** Keeps them for the recorder, durably, as many as there is room for; the rest is found again. */
  put(found: readonly FoundCommand[]): Promise<void> {
    // The cameras' sessions share the file.
    this.#writing = this.#writing.then(() => this.#put(found));
    return this.#writing;
  }

  async #put(found: readonly FoundCommand[]): Promise<void> {
    try {
      const done = new Set((await readDoneCommands(this.#recordingsDirectory)).ids);
      const waiting = (await readFoundCommands(this.#recordingsDirectory)).filter(({ id }) => !done.has(id));
      const added = found.slice(0, maxFound - waiting.length);
      if (added.length === 0) return;
      await writeFoundCommands(this.#recordingsDirectory, [...waiting, ...added]);
      this.#logger.info("the owner's commands were found on the drive", {
        files: added.map(({ name }) => name).join(', '),
      });
    } catch (error) {
      this.#logger.warn("the owner's commands cannot be kept; trying again later", {
        reason: messageOf(error),
      });
    }
  }
}

/** A file that was half there becomes another one when it is whole. */
function idOf(directory: string, { name, sizeBytes }: DriveFile): string {
  return `${directory}/${name} ${sizeBytes}`;
}
