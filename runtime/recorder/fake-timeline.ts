/** For the unit tests of gaps: what `encrocam verify` makes of a camera's runs, in seconds. */
import { timelineOf } from '../verifier/timeline.ts';
import type { RunTold } from './fake-runs.ts';

/** As `gap 19-63: unplugged`, in whole seconds since `originMs`; what takes less than half a second is left out unless it is no fine state. */
export function told(runs: readonly RunTold[], originMs: number): string[] {
  const { intervals, problems } = timelineOf(runs.map(({ checked }) => checked));
  const second = (atMs: number): number => Math.round((atMs - originMs) / 1000);
  return [
    ...problems,
    ...intervals
      .filter(({ state, fromMs, toMs }) => state === 'unfinished' || toMs - fromMs >= 500)
      .map(({ state, fromMs, toMs, cause }) =>
        [`${state} ${second(fromMs)}-${second(toMs)}`, ...(cause === undefined ? [] : [cause])].join(': '),
      ),
  ];
}
