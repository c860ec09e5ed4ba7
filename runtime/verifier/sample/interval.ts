/**
 * What a place in a file lies in: from the last checkpoint before it to the first behind it. That is whole where all bytes in it
 * are packets that the one behind signed, in their order, and it follows the one before.
 */
import {
  type Certificate,
  type ChainPacket,
  type Checkpoint,
  decodeCheckpoint,
  decodeFinal,
  type Final,
  leafHash,
  linkOf,
  MerkleRoot,
  readCertificate,
  sha256,
} from '../../encrocrypt/v3/index.ts';
import type { MappedRun } from './file-map.ts';
import type { Item, Position } from './packets.ts';

/** Genuine, wherever it stands. */
export interface Interval {
  readonly run: MappedRun;
  /** Of its first byte, and behind its last. */
  readonly start: number;
  readonly end: number;
  /** Positions in it are behind this one, */
  readonly after: Position;
  /** and not behind this one. */
  readonly upTo: Position;
}

export type Judgement =
  | { readonly verdict: 'intact'; readonly interval: Interval | undefined }
  | { readonly verdict: 'damaged' | 'unsigned' };

/** Whether a certificate is the camera's, for a run of this file. */
export type IsGenuine = (certificate: Certificate) => Promise<boolean>;

/** Copies of a header: one is due in ten minutes, and checkpoints come each minute at least. */
const maxHeaders = 1;

/** Collects what stands behind a checkpoint, a final or a run's first header. */
export class OpenInterval {
  readonly #run: MappedRun;
  readonly #start: number;
  readonly #after: Position;
  /** What the one at its end must name. `undefined`: behind the final nothing is signed any more. */
  readonly #link: Buffer | undefined;
  /** Sequence that the next packet must have. */
  #next: number;
  readonly #leaves = new MerkleRoot();
  #isWhole = true;
  #headers = 0;
  readonly #certificates = new Set<string>();

  private constructor(run: MappedRun, start: number, after: Position, link: Buffer | undefined) {
    this.#run = run;
    this.#start = start;
    this.#after = after;
    this.#link = link;
    this.#next = after.sequence;
  }

  /** At the run's first header. */
  static first(run: MappedRun): OpenInterval {
    return new OpenInterval(run, run.offset, { sequence: 0, number: -1 }, run.header.hash);
  }

  /** Of others than the run's key signed, `undefined`. */
  static behind(run: MappedRun, item: Item): OpenInterval | undefined {
    const position = signedPosition(run, item);
    if (!position || !('body' in item)) return undefined;
    const link = item.kind === 'final' ? undefined : linkOf(run.header.statement.runId, item.body);
    return new OpenInterval(run, item.offset + item.bytes.length, position, link);
  }

  /** Anything but the checkpoint or final of the run's key at its end. */
  async take(item: Item, isGenuine: IsGenuine): Promise<void> {
    if ('sequence' in item) this.#add(item);
    else if (item.kind === 'header') this.#isWhole &&= this.#isHeader(item.bytes);
    else if (item.kind === 'certificate') this.#isWhole &&= await this.#isCertificate(item.body, isGenuine);
    else this.#isWhole = false;
  }

  /** By the checkpoint or final at its end. */
  closedBy(item: Item): Judgement {
    const { runId } = this.#run.header.statement;
    const upTo = signedPosition(this.#run, item);
    if (!upTo || !('body' in item) || !this.#isWhole) return { verdict: 'damaged' };
    const checkpoint = item.kind === 'checkpoint' && decodeCheckpoint(item.body, runId, this.#run.key);
    const final = item.kind === 'final' && decodeFinal(item.body, runId, this.#run.key);
    const fits = (checkpoint && this.#isSignedBy(checkpoint)) || (final && this.#isEndedBy(final));
    if (!fits || upTo.number !== this.#after.number + 1) return { verdict: 'damaged' };
    // A certificate may end before the run does.
    if (this.#next > this.#run.reach) return { verdict: 'unsigned' };
    const end = item.offset + item.bytes.length;
    const interval = { run: this.#run, start: this.#start, end, after: this.#after, upTo };
    return { verdict: 'intact', interval };
  }

  /** Where the run's part of the file ends: behind its final there may be certificates, and without one nothing vouches for its end. */
  endOfPart(): Judgement {
    if (this.#link !== undefined) return { verdict: 'unsigned' };
    return this.#isWhole ? { verdict: 'intact', interval: undefined } : { verdict: 'damaged' };
  }

  #add(packet: ChainPacket): void {
    this.#isWhole &&= this.#link !== undefined && packet.sequence === this.#next;
    this.#next += 1;
    this.#leaves.add(leafHash(packet.bytes));
  }

  #isHeader(bytes: Buffer): boolean {
    this.#headers += 1;
    const { offset, packetHash } = this.#run;
    const mostHeaders = this.#start === offset ? 1 + maxHeaders : maxHeaders;
    // Byte for byte: the header's own hash does not cover the signatures.
    return sha256(bytes).equals(packetHash) && this.#headers <= mostHeaders;
  }

  async #isCertificate(body: Buffer, isGenuine: IsGenuine): Promise<boolean> {
    const certificate = readCertificate(body);
    const id = certificate?.runId.toString('hex') ?? '';
    if (!certificate || this.#certificates.has(id)) return false;
    this.#certificates.add(id);
    return isGenuine(certificate);
  }

  #isSignedBy({ previous, first, count, root }: Checkpoint): boolean {
    return (
      this.#link !== undefined &&
      previous.equals(this.#link) &&
      first === this.#after.sequence &&
      count === this.#leaves.leaves &&
      root.equals(this.#leaves.root())
    );
  }

  #isEndedBy({ previous, count }: Final): boolean {
    const isLast = this.#leaves.leaves === 0 && count === this.#next;
    return this.#link !== undefined && previous.equals(this.#link) && isLast;
  }
}

function signedPosition({ header, key }: MappedRun, item: Item): Position | undefined {
  const { runId } = header.statement;
  if (item.kind === 'checkpoint') {
    const checkpoint = decodeCheckpoint(item.body, runId, key);
    return checkpoint && { sequence: checkpoint.first + checkpoint.count, number: checkpoint.number };
  }
  const final = item.kind === 'final' ? decodeFinal(item.body, runId, key) : undefined;
  return final && { sequence: final.count, number: final.number };
}
