/**
 * An audit without reading everything: at random places of random files, what stands between the checkpoint before and
 * the one behind is read and compared with what they signed. What is damaged in a share of the bytes is missed by one sample with the rest's
 * probability, so a few hundred samples say much of a terabyte.
 */
import type { KeyObject } from 'node:crypto';
import {
  type ChainPacket,
  type Checkpoint,
  decodeCheckpoint,
  decodeFinal,
  envelopeBytes,
  type Final,
  type Header,
  importRunKey,
  leafHash,
  linkOf,
  MerkleRoot,
  magic,
  maxHeaderBytes,
  type Packet,
  PacketReader,
  readHeader,
} from '../encrocrypt/v3/index.ts';
import type { RandomAccess } from '../viewer/source.ts';

export interface Sample {
  /** Where in the file was looked. */
  readonly offset: number;
  /** `unsigned`: no checkpoint vouches for that place, as at the end of a run that a power cut ended. */
  readonly verdict: 'intact' | 'damaged' | 'unsigned';
  readonly bytesRead: number;
}

/** How far back the checkpoint before a place is looked for, one after the other: at 5 Mbit/s it is within 3 MB. */
const windowsBytes = [2 * 2 ** 20, 16 * 2 ** 20, 64 * 2 ** 20] as const;
/** From a place on, the next checkpoint is nearer. */
const maxAheadBytes = 64 * 2 ** 20;
/** A header is never further back than ten minutes. */
const maxBackBytes = 512 * 2 ** 20;
/** In a file where that found nothing so often, nobody looks again: it would be read many times over. */
const maxVainSearches = 2;
const stepBytes = 256 * 1024;
const backBytes = 4 * 2 ** 20;

interface KnownRun {
  readonly header: Header;
  /** Packets, from its first, that the camera vouches for. */
  readonly reach: number;
  readonly key: KeyObject;
}

/** Samples of one file; remembers the runs that it has found in it. */
export class FileSampler {
  readonly #access: RandomAccess;
  readonly #reachOf: (header: Header) => Promise<number>;
  readonly #runs: KnownRun[] = [];
  readonly #refused = new Set<string>();
  #bytesRead = 0;
  #hasSearched = false;
  #vainSearches = 0;

  /** @param reachOf how many of a run's packets, from its first, the camera vouches for; 0 for a run of somebody else. */
  constructor(access: RandomAccess, reachOf: (header: Header) => Promise<number>) {
    this.#access = access;
    this.#reachOf = reachOf;
  }

  async sampleAt(offset: number): Promise<Sample> {
    const before = this.#bytesRead;
    const verdict = await this.#judge(offset);
    return { offset, verdict, bytesRead: this.#bytesRead - before };
  }

  /** What is judged is what the place lies in: from the last checkpoint before it to the first behind it. */
  async #judge(offset: number): Promise<Sample['verdict']> {
    if (this.#runs.length === 0) await this.#learnRunsIn(0, maxHeaderBytes + envelopeBytes);
    this.#hasSearched = false;
    for (const windowBytes of windowsBytes) {
      const start = Math.max(0, offset - windowBytes);
      const verdict = await this.#judgeFrom(start, offset);
      if (verdict !== undefined) return verdict;
      if (start === 0) break;
    }
    return 'unsigned';
  }

  /** @returns undefined where no checkpoint of a known run stands between `start` and the place. */
  async #judgeFrom(start: number, offset: number): Promise<Sample['verdict'] | undefined> {
    let open: OpenInterval | undefined;
    for await (const packet of this.#packetsFrom(start, offset + maxAheadBytes)) {
      const isBehind = packet.offset + packet.bytes.length > offset;
      if (packet.kind === 'header') {
        await this.#learn(packet.body);
        const next = this.#beginning(packet.body, open);
        // Another run begins behind the place, and the one that it is in was never signed to here.
        if (next !== open && packet.offset > offset) return open ? 'unsigned' : undefined;
        open = next;
      } else if (packet.kind === 'checkpoint') {
        const found = await this.#signedBy(packet.body, offset);
        if (isBehind) return open && verdictOf(open, found !== undefined && isWhole(open, found));
        if (found) open = intervalAfter(found, packet.body);
      } else if (packet.kind === 'final') {
        const final = open && decodeFinal(packet.body, open.run.header.statement.runId, open.run.key);
        if (open && isBehind) return verdictOf(open, final !== undefined && isEnd(open, final));
        if (final) open = undefined;
      } else if (open && 'sequence' in packet) {
        // The header stands here again: the run began long before.
        if (open.isBeginning && open.leaves.leaves === 0 && packet.sequence !== 0) open = undefined;
        else add(open, packet);
      }
      if (isBehind && !open) return undefined;
    }
    return open ? 'unsigned' : undefined;
  }

  /** What a header opens: nothing, where it only stands again in its run. */
  #beginning(body: Buffer, open: OpenInterval | undefined): OpenInterval | undefined {
    const hash = readHeader(body)?.hash;
    const run = hash && this.#runs.find(({ header }) => header.hash.equals(hash));
    if (!run || open?.run === run) return open;
    return {
      run,
      link: run.header.hash,
      next: 0,
      leaves: new MerkleRoot(),
      isInOrder: true,
      isBeginning: true,
    };
  }

  async *#packetsFrom(offset: number, end: number): AsyncGenerator<Packet> {
    const reader = new PacketReader({ offset, hasKeys: false });
    for (let position = offset; position < end; ) {
      const bytes = await this.#read(position, stepBytes);
      if (bytes.length === 0) break;
      position += bytes.length;
      reader.push(bytes);
      for (let item = reader.next(); item; item = reader.next()) if (item.kind !== 'skip') yield item;
    }
    reader.end();
    for (let item = reader.next(); item; item = reader.next()) if (item.kind !== 'skip') yield item;
  }

  /** Looks for the header of a run that is not known yet, once for each place. */
  async #signedBy(body: Buffer, searchBackFrom: number): Promise<SignedCheckpoint | undefined> {
    const known = this.#knownSigner(body);
    if (known || this.#hasSearched || this.#vainSearches >= maxVainSearches) return known;
    this.#hasSearched = true;
    const copy = Buffer.from(body);
    for (let end = searchBackFrom; end > 0 && end > searchBackFrom - maxBackBytes; end -= backBytes) {
      const start = Math.max(0, end - backBytes);
      // A header may lie across the border between two steps.
      if (await this.#learnRunsIn(start, end - start + maxHeaderBytes)) {
        const found = this.#knownSigner(copy);
        if (found) return found;
      }
    }
    this.#vainSearches += 1;
    return undefined;
  }

  #knownSigner(body: Buffer): SignedCheckpoint | undefined {
    for (const run of this.#runs) {
      const checkpoint = decodeCheckpoint(body, run.header.statement.runId, run.key);
      // What is kept must not change with the reader's memory.
      if (checkpoint) {
        const { previous, root } = checkpoint;
        return {
          run,
          checkpoint: { ...checkpoint, previous: Buffer.from(previous), root: Buffer.from(root) },
        };
      }
    }
    return undefined;
  }

  /** @returns whether there was one that was not known. */
  async #learnRunsIn(offset: number, length: number): Promise<boolean> {
    const bytes = await this.#read(offset, length);
    let isNew = false;
    for (let at = bytes.indexOf(magic); at !== -1; at = bytes.indexOf(magic, at + 1)) {
      if (at < envelopeBytes) continue;
      const end = at + bytes.readUIntBE(at - 3, 3);
      if (end <= bytes.length && (await this.#learn(bytes.subarray(at, end)))) isNew = true;
    }
    return isNew;
  }

  async #learn(body: Buffer): Promise<boolean> {
    const header = readHeader(body);
    if (!header) return false;
    const id = header.hash.toString('hex');
    if (this.#refused.has(id) || this.#runs.some((run) => run.header.hash.equals(header.hash))) return false;
    const reach = await this.#reachOf(header);
    if (reach === 0) {
      this.#refused.add(id);
      return false;
    }
    this.#runs.unshift({ header, reach, key: importRunKey(header.statement.runKey) });
    return true;
  }

  async #read(offset: number, length: number): Promise<Buffer> {
    const bytes = await this.#access.read(offset, length);
    this.#bytesRead += bytes.length;
    return bytes;
  }
}

interface OpenInterval {
  readonly run: KnownRun;
  /** What the checkpoint at its end must name. */
  readonly link: Buffer;
  /** Sequence that the next packet must have. */
  next: number;
  readonly leaves: MerkleRoot;
  isInOrder: boolean;
  readonly isBeginning: boolean;
}

interface SignedCheckpoint {
  readonly checkpoint: Checkpoint;
  readonly run: KnownRun;
}

function intervalAfter({ checkpoint, run }: SignedCheckpoint, body: Buffer): OpenInterval {
  return {
    run,
    link: linkOf(run.header.statement.runId, body),
    next: checkpoint.first + checkpoint.count,
    leaves: new MerkleRoot(),
    ...{ isInOrder: true, isBeginning: false },
  };
}

function add(open: OpenInterval, packet: ChainPacket): void {
  open.isInOrder &&= packet.sequence === open.next;
  open.next += 1;
  open.leaves.add(leafHash(packet.bytes));
}

/** A certificate may end before the run does. */
function verdictOf(open: OpenInterval, fits: boolean): Sample['verdict'] {
  if (!fits) return 'damaged';
  return open.next <= open.run.reach ? 'intact' : 'unsigned';
}

function isWhole(open: OpenInterval, { checkpoint, run }: SignedCheckpoint): boolean {
  return (
    run === open.run &&
    open.isInOrder &&
    checkpoint.previous.equals(open.link) &&
    checkpoint.count === open.leaves.leaves &&
    checkpoint.root.equals(open.leaves.root())
  );
}

function isEnd(open: OpenInterval, final: Final): boolean {
  return final.previous.equals(open.link) && open.leaves.leaves === 0 && final.count === open.next;
}

/**
 * The share that may still be damaged, if none of so many samples was.
 * @param confidence for example 0.95.
 */
export function undetectedShare(samples: number, confidence: number): number {
  return samples === 0 ? 1 : 1 - (1 - confidence) ** (1 / samples);
}
