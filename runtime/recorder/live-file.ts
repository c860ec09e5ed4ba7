/**
 * `live.json` in a camera's directory: what opens the present segment of its recording and the next one, for whoever has the
 * present live key. Written anew with each segment.
 */
import { rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { TreeNode } from '../encrocrypt/v3/index.ts';
import { messageOf } from '../errors.ts';
import type { Logger } from '../log.ts';
import { encodeLive, liveFileName } from '../video-keys/live-file.ts';
import type { OwnerKeyRing } from './owner-key-ring.ts';

export interface LiveNodes {
  readonly runId: Buffer;
  /** File name. */
  readonly recording: string;
  readonly nodes: readonly TreeNode[];
}

export class LiveFile {
  readonly #file: string;
  readonly #owner: () => Pick<OwnerKeyRing, 'keys'> | undefined;
  readonly #logger: Logger;
  #writing: Promise<void> = Promise.resolve();
  #hasFailed = false;

  /** @param owner whose live key it is; `undefined` while there is none, or the camera is locked. */
  constructor(directory: string, owner: () => Pick<OwnerKeyRing, 'keys'> | undefined, logger: Logger) {
    this.#file = path.join(directory, liveFileName);
    this.#owner = owner;
    this.#logger = logger;
  }

  /** Never rejects: recording goes on without. */
  publish(live: LiveNodes): Promise<void> {
    const key = this.#owner()?.keys.live.key;
    if (!key) return Promise.resolve();
    const text = encodeLive(live, key);
    this.#writing = this.#writing.then(() => this.#write(text));
    return this.#writing;
  }

  async #write(text: string): Promise<void> {
    const temporary = `${this.#file}.tmp`;
    try {
      await writeFile(temporary, text, { mode: 0o640 });
      await rename(temporary, this.#file);
      this.#hasFailed = false;
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => undefined);
      if (!this.#hasFailed) this.#logger.warn('live video cannot be opened', { cause: messageOf(error) });
      this.#hasFailed = true;
    }
  }
}
