/** What it means for a camera that one run of ffmpeg was ended by us. */
import type { EndReason as RecordingEnd } from '../encrocrypt/v3/index.ts';

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
