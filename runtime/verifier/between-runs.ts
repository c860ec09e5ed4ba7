/** Why there is time between two runs of which one follows the other, or less than none. Pure. */
import type { CheckedRun } from './checked-run.ts';

const routine = 'change to the next recording';
/** The change to another recording takes less, also on a small board. */
const longestChangeMs = 60_000;
/** What a camera says of time before a run is by its clock then, and may begin with its last write. */
const toleranceMs = 2000;

/**
 * What the later run says of the time before it, and how the earlier one ended. That its time was over explains only a moment.
 * @param lengthMs between the two.
 */
export function causeBetween({ ended }: CheckedRun, { gaps }: CheckedRun, lengthMs: number): string {
  const reaching = gaps.filter(({ fromMs }) => fromMs < 0);
  const told = reaching.toSorted((one, other) => one.fromMs - other.fromMs)[0];
  const untoldMs = lengthMs + (told?.fromMs ?? 0);
  const atTheEnd = causeOf(ended) ?? causeOfChange(untoldMs, told !== undefined);
  if (!told) return atTheEnd ?? routine;
  return atTheEnd === undefined || told.cause.includes(atTheEnd) ? told.cause : `${atTheEnd}; ${told.cause}`;
}

/** Whether the earlier run says itself that the clock was set, and the later one begins there: then its time may be any. */
export function endedForItsClock({ ended, header, link }: CheckedRun, later: CheckedRun): boolean {
  const { previous } = later.header.statement;
  return (
    ended === 'clock' &&
    previous !== undefined &&
    previous.runId.equals(header.statement.runId) &&
    previous.link.equals(link)
  );
}

function causeOf(ended: CheckedRun['ended']): string | undefined {
  switch (ended) {
    case undefined:
      return 'the power was lost, or the recorder was killed';
    case 'stop':
      return 'the recorder was stopped';
    case 'clock':
      return 'the clock was set';
    default:
      return undefined;
  }
}

function causeOfChange(untoldMs: number, isTold: boolean): string | undefined {
  if (untoldMs > longestChangeMs) return 'the camera does not say why';
  return isTold && untoldMs <= toleranceMs ? undefined : routine;
}
