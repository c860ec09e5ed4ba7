/**
 * Judges random places of one file: what stands between the checkpoint before and the one behind is read and compared with what they
 * signed, and whether it stands where it belongs.
 */
import type { Certificate } from '../../encrocrypt/v3/index.ts';
import type { RandomAccess } from '../../viewer/source.ts';
import type { MappedRun, SampleTrust } from './file-map.ts';
import { FileOrder } from './file-order.ts';
import { type Judgement, OpenInterval } from './interval.ts';
import { CountedAccess, itemsIn } from './packets.ts';

export interface Sample {
  /** Where in the file was looked. */
  readonly offset: number;
  /**
   * `intact`: signed by the camera, all of it, in its place. `misplaced`: signed, and stands out of its order, or once more.
   * `unsigned`: no checkpoint vouches for that place, as at the end of a run that a power cut ended.
   */
  readonly verdict: 'intact' | 'damaged' | 'misplaced' | 'unsigned';
  readonly bytesRead: number;
}

/** How far the checkpoint before a place, and the one behind it, are looked for. */
const maxWindowBytes = 64 * 2 ** 20;
const minWindowBytes = 256 * 1024;
/** A bit rate swings. */
const roomFactor = 1.5;
/** After so many places of a file at which nothing was found, it is looked for no further than usual: it would be read many times over. */
const maxVainSearches = 2;
/** Checkpoints of nobody on the way to a place: each costs a signature's time, and a camera makes none. */
const maxForged = 100;

export class FileSampler {
  readonly #access: CountedAccess;
  readonly #runs: readonly MappedRun[];
  readonly #order: FileOrder;
  readonly #isGenuine: (certificate: Certificate) => Promise<boolean>;
  #vainSearches = 0;

  /** @param runs all of the file. */
  constructor(access: RandomAccess, runs: readonly MappedRun[], trust: SampleTrust) {
    this.#access = new CountedAccess(access);
    this.#runs = runs;
    this.#order = new FileOrder(this.#access, runs);
    this.#isGenuine = async (certificate) => {
      const header = runs.find((run) => run.header.hash.equals(certificate.headerHash))?.header;
      return header !== undefined && trust.isGenuine(header, certificate);
    };
  }

  async sampleAt(offset: number): Promise<Sample> {
    const before = this.#access.bytesRead;
    const verdict = await this.#verdictAt(offset);
    return { offset, verdict, bytesRead: this.#access.bytesRead - before };
  }

  async #verdictAt(offset: number): Promise<Sample['verdict']> {
    const run = this.#runs.findLast((one) => one.offset <= offset);
    const judgement = run && (await this.#judge(run, offset));
    if (!judgement) return 'unsigned';
    if (judgement.verdict !== 'intact' || !judgement.interval) return judgement.verdict;
    return (await this.#order.isInPlace(judgement.interval)) ? 'intact' : 'misplaced';
  }

  async #judge(run: MappedRun, offset: number): Promise<Judgement | undefined> {
    const firstBytes = windowBytesOf(run);
    const isPatient = this.#vainSearches < maxVainSearches;
    for (const windowBytes of isPatient ? [firstBytes, 4 * firstBytes, maxWindowBytes] : [firstBytes]) {
      const start = Math.max(run.offset, offset - windowBytes);
      const end = Math.min(run.end, offset + (isPatient ? maxWindowBytes : 4 * firstBytes));
      const judgement = await this.#judgeFrom(run, offset, start, end);
      if (judgement) return judgement;
      if (start === run.offset || windowBytes >= maxWindowBytes) break;
    }
    this.#vainSearches += 1;
    return undefined;
  }

  /** @returns undefined where no signed beginning is between `start` and the place, or nothing signed between that and `end`. */
  async #judgeFrom(
    run: MappedRun,
    offset: number,
    start: number,
    end: number,
  ): Promise<Judgement | undefined> {
    let forged = 0;
    let open = start === run.offset ? OpenInterval.first(run) : undefined;
    for await (const item of itemsIn(this.#access, start, end)) {
      const length = item.kind === 'skip' ? item.length : item.bytes.length;
      const next = OpenInterval.behind(run, item);
      if (!next && (item.kind === 'checkpoint' || item.kind === 'final') && ++forged > maxForged)
        return { verdict: 'damaged' };
      if (item.offset + length > offset && next) return open?.closedBy(item);
      if (next) open = next;
      else await open?.take(item, this.#isGenuine);
    }
    return end === run.end ? open?.endOfPart() : undefined;
  }
}

/** What the run's longest interval is likely to take: a checkpoint is then found in one go. */
function windowBytesOf({ header, offset, end, last }: MappedRun): number {
  const rate = last.toMs > 0 ? (end - offset) / last.toMs : 0;
  return Math.ceil(
    Math.min(maxWindowBytes, minWindowBytes + roomFactor * rate * header.statement.checkpointMs),
  );
}
