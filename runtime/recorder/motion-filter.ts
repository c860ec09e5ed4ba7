/**
 * The branch of ffmpeg's filter graph that watches for motion: pictures that are made small are subtracted from those
 * before, and the share of each zone that changed by more than noise does is printed to a file descriptor.
 * Why so, and what it costs: docs/design/motion.md.
 */
import type { MotionConfig, MotionZone } from '../config/types.ts';

/** The file descriptor that ffmpeg prints to. */
export const motionDescriptor = 3;
/** Prefix of the line that says which zone the next share is of, by its place in `zonesOf`. */
export const zoneKey = 'encrocam.zone';
/** Mean of a picture in which what changed is 255 and all else 0. */
export const shareKey = 'lavfi.signalstats.YAVG';

/** About four pictures a second: what walks has moved by then, and slow changes of the light are slower. */
const intervalSeconds = 0.24;
/** Each pixel of the small picture is the mean of many: that is what keeps noise out. */
const widthPixels = 160;

/** What is watched where no zones are set. */
const wholePicture: MotionZone = { name: 'picture', x: 0, y: 0, width: 100, height: 100 };

/** The zones in the order in which they are numbered. */
export function zonesOf({ zones }: Pick<MotionConfig, 'zones'>): readonly MotionZone[] {
  return zones ?? [wholePicture];
}

export interface MotionLevels {
  /** Difference of brightness, of 255, that a pixel must exceed to have changed. */
  readonly brightness: number;
  /** Percent of a zone's pixels that must have changed. */
  readonly sharePercent: number;
}

/** 1: 5 % of the zone by a tenth of the whole scale; 50: 0.4 % by 16; 100: 0.03 % by 8. */
export function motionLevels(sensitivity: number): MotionLevels {
  const position = (sensitivity - 1) / 99;
  return {
    brightness: Math.round(24 - 16 * position),
    sharePercent: 5 * (0.03 / 5) ** position,
  };
}

/**
 * Filters from the graph's pad `from` to nowhere.
 * @param to a pad that gets the small pictures as well, for a graph that would have no output else.
 */
export function motionFilters(motion: MotionConfig, from: string, to?: string): string {
  const { brightness } = motionLevels(motion.sensitivity);
  const zones = zonesOf(motion);
  const pads = [...zones.map((_, index) => `[zone${index}]`), ...(to === undefined ? [] : [to])];
  return [
    [
      // Only ever drops pictures, where `fps` would repeat them; a timestamp that leaps back is no reason to stop.
      `${from}select='isnan(prev_selected_t)+lt(t,prev_selected_t)+gte(t-prev_selected_t,${intervalSeconds})'`,
      `scale=${widthPixels}:-2:flags=area`,
      'format=yuv420p',
      'tblend=c0_mode=difference',
      `lutyuv=y='if(gt(val,${brightness}),255,0)'`,
      `split=${pads.length}${pads.join('')}`,
    ].join(','),
    ...zones.map((zone, index) =>
      [
        `[zone${index}]crop=${cropOf(zone)}`,
        'signalstats',
        `metadata=mode=add:key=${zoneKey}:value=${index}`,
        print(zoneKey),
        print(shareKey),
        'nullsink',
      ].join(','),
    ),
  ].join(';');
}

function cropOf({ x, y, width, height }: MotionZone): string {
  return `iw*${width / 100}:ih*${height / 100}:iw*${x / 100}:ih*${y / 100}`;
}

function print(key: string): string {
  return `metadata=mode=print:key=${key}:file=pipe\\\\:${motionDescriptor}:direct=1`;
}

/** Whether ffmpeg will print to the descriptor: it has to be open then, and read. */
export function printsMotion(args: readonly string[]): boolean {
  return args.some((argument) => argument.includes(`key=${shareKey}`));
}
