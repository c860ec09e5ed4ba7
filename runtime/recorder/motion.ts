/**
 * From what ffmpeg's motion filter prints to marks: motion begins, motion ends. Pure; times are the caller's, in
 * milliseconds on any clock that does not jump.
 */
import type { MotionConfig } from '../config/types.ts';
import { motionLevels, shareKey, zoneKey, zonesOf } from './motion-filter.ts';

export type MotionMark = MotionBegins | MotionEnds;

export interface MotionBegins {
  readonly kind: 'begins';
  readonly zone: string;
  /** Percent of the zone that changed from one picture to the next. */
  readonly score: number;
  readonly timeMs: number;
}

export interface MotionEnds {
  readonly kind: 'ends';
  readonly zone: string;
  /** The highest since it began. */
  readonly score: number;
  /** When it was clear that it had ended: `holdSeconds` after the last change. */
  readonly timeMs: number;
  /** From its beginning to the last change. */
  readonly lengthMs: number;
}

/** What the owner's program and address are told of a beginning. */
export interface MotionReport {
  readonly what: 'motion';
  readonly camera: string;
  readonly zone: string;
  /** Percent of the zone that changed. */
  readonly score: number;
  /** ISO 8601, UTC. */
  readonly time: string;
}

/** Pictures in a row that must have changed: a flash or a picture that broke on its way is one. */
const picturesUntilBegin = 2;
/** Motion goes on while this part of the share that began it changes. */
const goingOnFraction = 0.5;
/** A camera that was just started finds its exposure and focus: its picture changes, and nothing moved. */
export const settlingMs = 2000;
/** ffmpeg prints lines of less than 100 characters. */
const maxLineCharacters = 1000;

interface ZoneState {
  readonly name: string;
  changedInARow: number;
  moving: { readonly beganMs: number; lastMs: number; peak: number } | undefined;
}

export class MotionTracker {
  readonly #zones: readonly ZoneState[];
  readonly #sharePercent: number;
  readonly #holdMs: number;
  #line = '';
  #zone: ZoneState | undefined;
  #firstPictureMs: number | undefined;

  constructor(motion: MotionConfig) {
    this.#zones = zonesOf(motion).map(({ name }) => ({ name, changedInARow: 0, moving: undefined }));
    this.#sharePercent = motionLevels(motion.sensitivity).sharePercent;
    this.#holdMs = motion.holdSeconds * 1000;
  }

  /** Another ffmpeg begins to print. Motion that goes on meanwhile is one and the same. */
  restart(): void {
    this.#line = '';
    this.#zone = undefined;
    this.#firstPictureMs = undefined;
    for (const zone of this.#zones) zone.changedInARow = 0;
  }

  /** Takes text in pieces of any size. */
  push(text: string, timeMs: number): MotionMark[] {
    const lines = (this.#line + text).split('\n');
    this.#line = (lines.pop() ?? '').slice(0, maxLineCharacters);
    return lines.flatMap((line) => this.#take(line, timeMs));
  }

  /** Ends what goes on, when no more will come. */
  finish(timeMs: number): MotionMark[] {
    return this.#zones.flatMap((zone) => endOf(zone, timeMs));
  }

  #take(line: string, timeMs: number): MotionMark[] {
    const [key, value = ''] = line.split('=', 2);
    if (key === zoneKey) {
      this.#zone = this.#zones[Number(value)];
      return [];
    }
    const mean = Number(value);
    const zone = this.#zone;
    if (key !== shareKey || value === '' || !Number.isFinite(mean) || !zone) return [];
    this.#zone = undefined;
    this.#firstPictureMs ??= timeMs;
    if (timeMs - this.#firstPictureMs < settlingMs) return [];
    return this.#judge(zone, (100 * mean) / 255, timeMs);
  }

  #judge(zone: ZoneState, share: number, timeMs: number): MotionMark[] {
    const { moving } = zone;
    if (moving) {
      if (share >= this.#sharePercent * goingOnFraction) {
        moving.lastMs = timeMs;
        moving.peak = Math.max(moving.peak, share);
        return [];
      }
      return timeMs - moving.lastMs >= this.#holdMs ? endOf(zone, timeMs) : [];
    }
    zone.changedInARow = share >= this.#sharePercent ? zone.changedInARow + 1 : 0;
    if (zone.changedInARow < picturesUntilBegin) return [];
    zone.moving = { beganMs: timeMs, lastMs: timeMs, peak: share };
    return [{ kind: 'begins', zone: zone.name, score: scoreOf(share), timeMs }];
  }
}

function endOf(zone: ZoneState, timeMs: number): MotionEnds[] {
  const { name, moving } = zone;
  zone.moving = undefined;
  zone.changedInARow = 0;
  if (!moving) return [];
  return [
    {
      kind: 'ends',
      zone: name,
      score: scoreOf(moving.peak),
      timeMs,
      lengthMs: moving.lastMs - moving.beganMs,
    },
  ];
}

function scoreOf(share: number): number {
  return Math.round(share * 100) / 100;
}
