/**
 * The checkpoints of a run as pieces: in each, every checkpoint follows the one before by its link. A run that is whole is one piece, from its
 * header to its final; where checkpoints are gone, another one begins; what was copied to another place makes one as well. Pure.
 */
import type { Checkpoint, Final } from './chain.ts';
import type { Standings, VouchedNote } from './standing-packets.ts';

/**
 * `intact`: as recorded. `missing`: nothing of it is there. `tampered`: something is, and it is not what was recorded, or not all of
 * it, or not in its order, or something stands there as well. `unfinished`: no checkpoint vouches for it, as after a power cut.
 */
export type Verdict = 'intact' | 'missing' | 'tampered' | 'unfinished';

export interface Stretch {
  readonly verdict: Verdict;
  /** Milliseconds since the run's start. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Packets that are there, and that should be. */
  readonly found: number;
  readonly expected: number;
}

/** A checkpoint, or a final, which covers nothing. */
export type Sign = Pick<Checkpoint, 'number' | 'first' | 'count' | 'fromMs' | 'toMs' | 'previous'> & {
  readonly link: Buffer;
  readonly final?: Final;
};

export class Piece {
  readonly firstNumber: number;
  /** What must be there before it, and until when. */
  readonly first: number;
  readonly fromMs: number;
  /** That stand before it and are not covered by it. */
  readonly othersBefore: number;
  /** From its first checkpoint on; neighbours of one verdict are one. */
  readonly stretches: Stretch[] = [];
  /** Of the last checkpoint or final. */
  number: number;
  link: Buffer;
  packets: number;
  toMs: number;
  final: Final | undefined;
  /** How much speaks for it: packets that are vouched for, and checkpoints. */
  weight = 0;
  readonly notes: VouchedNote[] = [];

  private constructor(begin: Pick<Piece, 'firstNumber' | 'first' | 'fromMs' | 'othersBefore' | 'link'>) {
    this.firstNumber = begin.firstNumber;
    this.first = begin.first;
    this.fromMs = begin.fromMs;
    this.othersBefore = begin.othersBefore;
    this.link = begin.link;
    this.number = begin.firstNumber - 1;
    this.packets = begin.first;
    this.toMs = begin.fromMs;
  }

  /** The one that begins with the header. */
  static behindHeader(hash: Buffer): Piece {
    return new Piece({ firstNumber: 0, first: 0, fromMs: 0, othersBefore: 0, link: hash });
  }

  /** One that begins with a checkpoint of which the one before is not here. */
  static of(sign: Sign, standings: Standings): Piece {
    const { number, first, fromMs, previous } = sign;
    const piece = new Piece({
      ...{ firstNumber: number, first, fromMs, link: previous },
      othersBefore: standings.others,
    });
    piece.add(sign, { ...standings, others: 0 });
    return piece;
  }

  isFollowedBy({ number, first, fromMs, toMs, previous }: Sign): boolean {
    return (
      this.final === undefined &&
      number === this.number + 1 &&
      first === this.packets &&
      toMs >= fromMs &&
      previous.equals(this.link)
    );
  }

  add(sign: Sign, { isWhole, found, others }: Standings): void {
    const { number, count, toMs, link, final } = sign;
    const isIntact = isWhole && others === 0;
    const verdict = isIntact ? 'intact' : found + others === 0 ? 'missing' : 'tampered';
    // A final has no time of its own: it ends what the last checkpoint has told of.
    if (!final || !isIntact) this.tell(verdict, toMs, found + others, count);
    this.number = number;
    this.link = link;
    this.packets = sign.first + count;
    this.final = final;
    this.weight += 1 + (isWhole ? count : 0);
  }

  /** What was added where the piece has come to. */
  tellAddition(found = 1): void {
    this.tell('tampered', this.toMs, found, 0);
  }

  tell(verdict: Verdict, toMs: number, found: number, expected: number): void {
    tellIn(this.stretches, { verdict, fromMs: this.toMs, toMs: Math.max(this.toMs, toMs), found, expected });
    this.toMs = Math.max(this.toMs, toMs);
  }
}

/** Adds a stretch; neighbours of one verdict come as one. */
export function tellIn(stretches: Stretch[], stretch: Stretch): void {
  const last = stretches.at(-1);
  if (last?.verdict !== stretch.verdict || last.toMs !== stretch.fromMs) {
    stretches.push(stretch);
    return;
  }
  const [found, expected] = [last.found + stretch.found, last.expected + stretch.expected];
  stretches[stretches.length - 1] = { ...stretch, fromMs: last.fromMs, found, expected };
}

/**
 * Which pieces, in the order of the file, tell the run's past: the first one, and of the others those with ascending numbers for which the most
 * speaks. The rest was put there.
 */
export function believable([first, ...others]: readonly [Piece, ...Piece[]]): Piece[] {
  type Chosen = { readonly piece: Piece; readonly weight: number; readonly before: Chosen | undefined };
  const begin: Chosen = { piece: first, weight: 0, before: undefined };
  const ends: Chosen[] = [begin];
  let best = begin;
  for (const piece of others) {
    let before: Chosen | undefined;
    for (const end of ends) {
      const canFollow = end.piece.final === undefined && end.piece.number < piece.firstNumber;
      if (canFollow && end.weight > (before?.weight ?? -1)) before = end;
    }
    if (!before) continue;
    const chosen = { piece, weight: before.weight + piece.weight, before };
    ends.push(chosen);
    if (chosen.weight > best.weight) best = chosen;
  }
  const pieces: Piece[] = [];
  for (let end: Chosen | undefined = best; end; end = end.before) pieces.unshift(end.piece);
  return pieces;
}
