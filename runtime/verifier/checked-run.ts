/** What one file says of one run: the material of which a camera's days are put together. */
import type { EndReason, Header, Stretch } from '../encrocrypt/v3/index.ts';

/** The camera vouched for a run afterwards: it was recorded while locked. */
export interface Certification {
  /** When, by the camera's clock: milliseconds since the epoch. */
  readonly atMs: number;
  /** Up to when, in milliseconds since the run's start. `undefined`: what the camera certified is not here. */
  readonly toMs: number | undefined;
}

/** Who vouches for a run. */
export type Voucher =
  /** The camera, when it began. */
  | 'signed'
  | Certification
  /** Nobody yet: recorded while locked. */
  | 'locked'
  /** Somebody else than the camera that is trusted. */
  | 'not authentic';

/** What the camera said of time without video. */
export interface NotedGap {
  /** Milliseconds since the run's start; less than 0 for time before it. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly cause: string;
}

export interface CheckedRun {
  readonly file: string;
  readonly header: Header;
  readonly voucher: Voucher;
  readonly stretches: readonly Stretch[];
  readonly gaps: readonly NotedGap[];
  /** `undefined`: it has no end. */
  readonly ended: EndReason | undefined;
  /** Of its last checkpoint or final. */
  readonly link: Buffer;
}

/** Whether the camera signed its header: when it began, or afterwards. */
export function isVouched({ voucher }: CheckedRun): boolean {
  return voucher === 'signed' || typeof voucher === 'object';
}

/** What comes later is told as this: a header can name times that no date has, and no calendar. */
const lastMs = Date.UTC(9999, 11, 30);

/** Milliseconds since the epoch, by the camera's clock. */
export function startOf(run: CheckedRun): number {
  return timeIn(run, 0);
}

/** Milliseconds since the epoch, by the camera's clock. */
export function endOf(run: CheckedRun): number {
  return timeIn(
    run,
    run.stretches.reduce((end, { toMs }) => Math.max(end, toMs), 0),
  );
}

/** @param ms since the run's start */
export function timeIn({ header }: CheckedRun, ms: number): number {
  return Math.min(header.statement.startMs + ms, lastMs);
}
