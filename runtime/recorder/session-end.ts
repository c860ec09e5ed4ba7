/** When one run of ffmpeg is to be ended by us, and what that means for its camera. */
import type { EndReason as RecordingEnd } from '../encrocrypt/v3/index.ts';
import type { Session } from './session.ts';

/** Why a session was ended by us. */
export type EndReason = 'slot' | 'stall' | 'clock' | 'stop';

/** How long ffmpeg may take to end: one that stalls has nothing to deliver, one at a slot's end holds up the next. */
export const stopTimeoutsMs: Record<EndReason, number> = { slot: 2000, clock: 2000, stall: 1000, stop: 5000 };

/** What the end of a session means for its recording. */
export const recordingEnds: Record<EndReason, RecordingEnd> = {
  slot: 'time',
  clock: 'clock',
  stall: 'stream',
  stop: 'stop',
};

/**
 * A camera that is opened, and an ffmpeg that is loaded from a card beside all else that starts, take longer than the next picture of
 * one that runs: ten to fifteen seconds were seen on an emulated board.
 */
const startPatience = 3;

export interface SessionSeen {
  /** The monotonic clock. */
  readonly nowMs: number;
  readonly stallTimeoutMs: number;
  /** By how much the wall clock was set just now. */
  readonly stepMs: number;
  /** Its video belongs to a slot that is not the present one. */
  readonly isSlotOver: boolean;
  /** A recording for its video is open. */
  readonly hasRecording: boolean;
}

/**
 * Why a session is to be ended now, if so. One that has delivered nothing is looked at as any other: of fragmented MP4 there
 * is no recording before the first fragment, which a camera or a microphone that hangs never lets come.
 */
export function dueEnd(
  session: Pick<Session, 'hasBegun' | 'heldBack' | 'isRunning' | 'lastByteMs' | 'startedMs'>,
  { nowMs, stallTimeoutMs, stepMs, isSlotOver, hasRecording }: SessionSeen,
): EndReason | undefined {
  if (!session.isRunning) return undefined;
  // Video that waits for its run to be sealed belongs to the slot in which it came: the end is met when it is sealed.
  if (isSlotOver && (hasRecording || !session.hasBegun)) return stepMs === 0 ? 'slot' : 'clock';
  if (session.heldBack) return undefined;
  const silentMs = nowMs - (session.lastByteMs ?? session.startedMs);
  return silentMs >= patienceMs(session, stallTimeoutMs) ? 'stall' : undefined;
}

/** How long a session may deliver nothing. */
export function patienceMs({ lastByteMs }: Pick<Session, 'lastByteMs'>, stallTimeoutMs: number): number {
  return lastByteMs === undefined ? startPatience * stallTimeoutMs : stallTimeoutMs;
}
