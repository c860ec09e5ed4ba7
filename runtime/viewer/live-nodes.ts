/**
 * What opens live video for whoever has a live key alone: `live.json`, which the camera writes anew with each segment, beside the
 * recordings. It is read between two reads of a recording: a drive does one thing at a time.
 */
import type { RunKeys, TreeNode } from '../encrocrypt/v3/index.ts';
import { EncroCamError } from '../errors.ts';
import { videoKeyId } from '../video-keys/keys.ts';
import { liveFileName, maxLiveBytes, openLive, parseLive } from '../video-keys/live-file.ts';
import type { LivePlace } from './follow.ts';
import type { RunKeySource } from './run-keys.ts';

/** A segment lasts a minute, and the next one is opened with it. */
export const refreshMs = 5000;
/** While it is read it may just be replaced: on some drives there is none for a moment. */
const maxMisses = 6;

export class LiveNodes implements RunKeySource {
  readonly #keys: ReadonlyMap<string, Buffer>;
  readonly #now: () => number;
  /** Of each run, everything that was opened; it grows while the run is watched. */
  readonly #nodes = new Map<string, TreeNode[]>();
  #nextMs = 0;
  #misses = 0;
  #last = '';

  /** @param keys live keys, 32 bytes each. */
  constructor(keys: readonly Buffer[], now: () => number = Date.now) {
    this.#keys = new Map(keys.map((key) => [videoKeyId(key).toString('hex'), key]));
    this.#now = now;
  }

  async keysOf({ statement: { runId, segmentMs } }: { statement: Pick<RunKeys, 'runId' | 'segmentMs'> }) {
    return { runId, segmentMs, nodes: this.#nodesOf(runId) };
  }

  /** The same place, which looks for new nodes while it is followed. */
  through(place: LivePlace): LivePlace {
    return {
      ...place,
      list: async () => {
        const names = await place.list();
        await this.#refresh(place);
        return names;
      },
      sizeBytes: async (recording) => {
        await this.#refresh(place);
        return place.sizeBytes(recording);
      },
    };
  }

  /** @throws {EncroCamError} `INPUT_UNREADABLE` where there is none; `DECRYPTION_FAILED` where it is for another key. */
  async #refresh(place: LivePlace): Promise<void> {
    if (this.#now() < this.#nextMs) return;
    const text = (await place.readSmall(liveFileName, maxLiveBytes))?.toString();
    if (text === undefined || !this.#take(text)) {
      this.#misses += 1;
      this.#nextMs = this.#now() + 1000;
      if (this.#nodes.size > 0 && this.#misses < maxMisses) return;
      throw new EncroCamError('INPUT_UNREADABLE', `${place.name} has no live video.`, {
        hint: 'Only cameras that were paired with their owner have it, while they record. Some drives cannot take it.',
      });
    }
    this.#misses = 0;
    this.#nextMs = this.#now() + refreshMs;
  }

  /** @returns false for half a file, or another one. */
  #take(text: string): boolean {
    if (text === this.#last) return true;
    const live = parseLive(text);
    if (!live) return false;
    const key = this.#keys.get(live.keyId.toString('hex'));
    const nodes = key && openLive(live, key);
    if (!nodes) {
      throw new EncroCamError('DECRYPTION_FAILED', 'The camera’s live video is for another live key.', {
        hint: 'The owner has made a new one since: ask for it.',
      });
    }
    const known = this.#nodesOf(live.runId);
    const isNew = (node: TreeNode): boolean =>
      !known.some(({ depth, index }) => depth === node.depth && index === node.index);
    known.push(...nodes.filter(isNew));
    this.#last = text;
    return true;
  }

  #nodesOf(runId: Buffer): TreeNode[] {
    const id = runId.toString('hex');
    const known = this.#nodes.get(id) ?? [];
    this.#nodes.set(id, known);
    return known;
  }
}
