/** What was found of the parts of an evidence bundle, and of the time around them. Pure. */
import type { Header } from '../encrocrypt/v3/index.ts';
import { localTime } from '../log.ts';
import { type Hole, holeText } from './holes.ts';
import type { PartVerdict } from './judge-part.ts';

export interface ReportedPart {
  /** `part-1`. */
  readonly name: string;
  readonly header: Header;
  readonly sourceFile: string;
  /** What was judged, in milliseconds since the run's start. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly verdict: PartVerdict;
  readonly isSigned: boolean;
  /** By a certificate, rather than in its header. */
  readonly isCertified: boolean;
  readonly isSound: boolean;
}

/** What is to be said of the range besides its parts. */
export interface AroundParts {
  readonly holes: readonly Hole[];
  /** For people, a line each: what was left out, and what no interval of time can show. */
  readonly warnings: readonly string[];
  /** Nothing was left out, and what `verify` would call missing is not there. */
  readonly isComplete: boolean;
}

export function isAllSound(parts: readonly { readonly isSound: boolean }[], around: AroundParts): boolean {
  return around.isComplete && parts.every(({ isSound }) => isSound);
}

export function resultText(parts: readonly { readonly isSound: boolean }[], around: AroundParts): string {
  if (!isAllSound(parts, around)) return 'NOT as the camera recorded it, or not all of it';
  return around.holes.length === 0
    ? 'As the camera recorded it'
    : 'What is here is as the camera recorded it; of some of that time nothing is here';
}

/** For programs. */
export function reportOf(parts: readonly ReportedPart[], around: AroundParts, camera: string): object {
  return {
    ...{ camera, sound: isAllSound(parts, around) },
    parts: parts.map(
      ({ name, header, verdict, fromMs, toMs, isSound, isSigned, isCertified, sourceFile }) => {
        const { startMs, runId, recording } = header.statement;
        const utc = (timeMs: number): string => new Date(startMs + timeMs).toISOString();
        return {
          ...{ file: `${name}.encrocam`, sourceFile, recording, run: runId.toString('hex'), sound: isSound },
          state: isCertified ? 'certified' : isSigned ? 'signed' : 'locked',
          ...{ from: utc(fromMs), to: utc(toMs) },
          stretches: verdict.stretches.map((stretch) => ({
            verdict: stretch.verdict,
            ...{ from: utc(stretch.fromMs), to: utc(stretch.toMs) },
          })),
          beside: 'what was recorded before and after is not part of this bundle',
        };
      },
    ),
    holes: around.holes.map(({ state, fromMs, toMs, cause }) => ({
      ...{ state, from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString(), cause },
    })),
    warnings: around.warnings,
  };
}

/** For people: also on the screen of whoever exports. */
export function reportText(parts: readonly ReportedPart[], around: AroundParts, camera: string): string {
  const lines = parts.flatMap(({ name, header, verdict, fromMs, toMs, isSigned, isCertified }) => {
    const { startMs } = header.statement;
    const clock = (timeMs: number): string => localTime(new Date(startMs + timeMs));
    const who = isCertified
      ? `certified later by ${camera}`
      : isSigned
        ? `signed by ${camera}`
        : 'signed by nobody';
    return [
      `${name}.encrocam, ${who}`,
      ...(verdict.stretches.length === 0 ? ['  nothing of it is vouched for'] : []),
      ...verdict.stretches.map(
        (stretch) => `  ${clock(stretch.fromMs)} to ${clock(stretch.toMs)}  ${stretch.verdict}`,
      ),
      `  before ${clock(fromMs)} and after ${clock(toMs)}: not part of this bundle`,
    ];
  });
  const holes = around.holes.map((hole) => `  ${holeText(hole)}`);
  return `${[
    ...lines,
    ...(holes.length === 0 ? [] : ['Within the range there is no video:', ...holes]),
    ...around.warnings,
    `${resultText(parts, around)}.`,
  ].join('\n')}\n`;
}
