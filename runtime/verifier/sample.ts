/**
 * An audit without reading everything: at random places of random files, what stands between two checkpoints is
 * read and compared with what they signed. What is damaged in a share of the bytes is missed by one sample with the rest's
 * probability, so a few hundred samples say much of a terabyte.
 */
import type { KeyObject } from 'node:crypto';
import {
  type ChainPacket,
  type Checkpoint,
  decodeCheckpoint,
  decodeHeader,
  envelopeBytes,
  FormatError,
  type Header,
  importRunKey,
  leafHash,
  linkOf,
  MerkleRoot,
  magic,
  maxHeaderBytes,
  type Packet,
  PacketReader,
} from '../encrocrypt/v3/index.ts';
import type { RandomAccess } from '../viewer/source.ts';

export interface Sample {
  /** Where in the file was looked. */
  readonly offset: number;
  /** `unsigned`: no checkpoint was found from there on, as at the end of a run that has none. */
  readonly verdict: 'intact' | 'damaged' | 'unsigned';
  readonly bytesRead: number;
}

/** A minute at a high rate: between two checkpoints there is less. */
const maxSampleBytes = 64 * 1024 * 1024;
/** A header is never further back than ten minutes. */
const maxBackBytes = 512 * 1024 * 1024;
const stepBytes = 256 * 1024;
const backBytes = 4 * 1024 * 1024;

interface KnownRun {
  readonly header: Header;
  readonly key: KeyObject;
}

/** Samples of one file; remembers the runs that it has found in it. */
export class FileSampler {
  readonly #access: RandomAccess;
  readonly #isTrusted: (header: Header) => Promise<boolean>;
  readonly #runs: KnownRun[] = [];
  readonly #refused = new Set<string>();
  #bytesRead = 0;

  /** @param isTrusted whether the camera signed a header. */
  constructor(access: RandomAccess, isTrusted: (header: Header) => Promise<boolean>) {
    this.#access = access;
    this.#isTrusted = isTrusted;
  }

  async sampleAt(offset: number): Promise<Sample> {
    const before = this.#bytesRead;
    const verdict = await this.#judge(offset);
    return { offset, verdict, bytesRead: this.#bytesRead - before };
  }

  /** From the first checkpoint, or beginning of a run, behind the place to the next checkpoint, and what is between. */
  async #judge(offset: number): Promise<Sample['verdict']> {
    if (this.#runs.length === 0) await this.#learnRunsIn(0, maxHeaderBytes + envelopeBytes);
    let open: OpenInterval | undefined;
    for await (const packet of this.#packetsFrom(offset)) {
      if (packet.kind === 'header') {
        await this.#learn(packet.body);
        open = this.#beginning(packet.body, open);
      } else if (packet.kind === 'checkpoint') {
        const found = await this.#signedBy(packet.body, open ? undefined : offset);
        if (open) return found && isWhole(open, found) ? 'intact' : 'damaged';
        if (found) open = intervalAfter(found, packet.body);
      } else if (open && 'sequence' in packet) {
        // The header stands here again: the run began long before.
        if (open.isBeginning && open.leaves.leaves === 0 && packet.sequence !== 0) open = undefined;
        else add(open, packet);
      }
    }
    return 'unsigned';
  }

  /** What a header opens: nothing, where it only stands again in its run. */
  #beginning(body: Buffer, open: OpenInterval | undefined): OpenInterval | undefined {
    const hash = headerHashOf(body);
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

  async *#packetsFrom(offset: number): AsyncGenerator<Packet> {
    const reader = new PacketReader({ offset, hasKeys: false });
    for (let position = offset; position < offset + maxSampleBytes; ) {
      const bytes = await this.#read(position, stepBytes);
      if (bytes.length === 0) break;
      position += bytes.length;
      reader.push(bytes);
      for (let item = reader.next(); item; item = reader.next()) if (item.kind !== 'skip') yield item;
    }
    reader.end();
    for (let item = reader.next(); item; item = reader.next()) if (item.kind !== 'skip') yield item;
  }

  /** @param searchBackFrom where to look for another run's header, if none that is known signed this. */
  async #signedBy(body: Buffer, searchBackFrom: number | undefined): Promise<SignedCheckpoint | undefined> {
    const known = this.#knownSigner(body);
    if (known || searchBackFrom === undefined) return known;
    const copy = Buffer.from(body);
    for (let end = searchBackFrom; end > 0 && end > searchBackFrom - maxBackBytes; end -= backBytes) {
      const start = Math.max(0, end - backBytes);
      // A header may lie across the border between two steps.
      if (await this.#learnRunsIn(start, end - start + maxHeaderBytes)) {
        const found = this.#knownSigner(copy);
        if (found) return found;
      }
    }
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
    let header: Header;
    try {
      header = decodeHeader(Buffer.from(body));
    } catch (error) {
      if (error instanceof FormatError) return false;
      throw error;
    }
    const id = header.hash.toString('hex');
    if (this.#refused.has(id) || this.#runs.some((run) => run.header.hash.equals(header.hash))) return false;
    if (!(await this.#isTrusted(header))) {
      this.#refused.add(id);
      return false;
    }
    this.#runs.unshift({ header, key: importRunKey(header.statement.runKey) });
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

function isWhole(open: OpenInterval, { checkpoint, run }: SignedCheckpoint): boolean {
  return (
    run === open.run &&
    open.isInOrder &&
    checkpoint.previous.equals(open.link) &&
    checkpoint.count === open.leaves.leaves &&
    checkpoint.root.equals(open.leaves.root())
  );
}

function headerHashOf(body: Buffer): Buffer | undefined {
  try {
    return decodeHeader(body).hash;
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}

/**
 * The share that may still be damaged, if none of so many samples was.
 * @param confidence for example 0.95.
 */
export function undetectedShare(samples: number, confidence: number): number {
  return samples === 0 ? 1 : 1 - (1 - confidence) ** (1 / samples);
}
