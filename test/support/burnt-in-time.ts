/**
 * Reads the time that the recorder burnt into each frame, as a person would, but faster: every digit is compared
 * with pictures of the ten digits drawn by the same filter. Works for fonts whose figures all have one width, and
 * decides by the nearest picture, so compression does no harm. How far apart the digits stand is measured first:
 * FFmpeg 7 sets them by fractions of a pixel, FFmpeg 5 by whole ones, and the camera may have another than this
 * computer.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { resolveConfig } from '../../runtime/config/load.ts';
import { validateConfig } from '../../runtime/config/validate.ts';
import { ffmpegArguments } from '../../runtime/recorder/ffmpeg.ts';
import { findFont } from '../../runtime/recorder/fonts.ts';

const run = promisify(execFile);
const maxRawBytes = 1024 * 1024 * 1024;

/** Text is brighter than this, the box behind it darker, but for white seen through it. */
const darkest = 95;
/** How much the advance may differ from this computer's, in columns, and how finely it is measured. */
const advanceReach = 0.6;
const advanceSteps = 24;
const framesToMeasure = 5;
/** Where the first character may stand beside the place where this computer draws it, in columns. */
const shifts = [-0.8, -0.6, -0.4, -0.2, 0, 0.2, 0.4, 0.6, 0.8];

/** Where digits stand in `2026-11-22 13:37:05 +0100`. */
const layout = 'dddd-dd-dd dd:dd:dd sdddd';

export interface BurntInTime {
  /** Number of the frame in the file, from 0. */
  readonly frame: number;
  /** `2026-11-22 13:37:05 +0100` */
  readonly text: string;
  /** Milliseconds since the epoch, whole seconds. */
  readonly timeMs: number;
}

/** The burnt-in time of every frame of a video file of `width` x `height` pixels. */
export async function readBurntInTimes(file: string, width: number, height: number): Promise<BurntInTime[]> {
  const filter = timeFilterOf(width, height);
  const strip = {
    width,
    frameHeight: height,
    height: Math.ceil(height / 60 + Math.max(12, height / 24) * 1.4) + 4,
  };
  const crop = `format=gray,crop=${strip.width}:${strip.height}:0:0`;
  const templates = await Promise.all(
    [...'0123456789'].map(async (digit) =>
      draw(filter, layout.replaceAll('d', digit).replace('s', '+'), strip, crop),
    ),
  );
  const minus = await draw(filter, layout.replaceAll('d', '0').replace('s', '-'), strip, crop);
  const [zero, one] = templates;
  if (!zero || !one) throw new Error('no templates');
  const spacing = spacingOf(zero, one, strip.width);
  const columns = Math.round(spacing.advance);
  const glyphs = templates.map((template) =>
    cut({ bytes: template, width }, Math.round(spacing.first), columns),
  );
  const signs = [zero, minus].map((template) =>
    cut({ bytes: template, width }, Math.round(columnOf(spacing, layout.indexOf('s'))), columns),
  );

  const { stdout } = await run(
    'ffmpeg',
    [
      '-v',
      'error',
      '-i',
      file,
      '-map',
      '0:v:0',
      '-fps_mode',
      'passthrough',
      '-vf',
      crop,
      '-f',
      'rawvideo',
      '-',
    ],
    { encoding: 'buffer', maxBuffer: maxRawBytes },
  );
  const size = strip.width * strip.height;
  const pictures: Picture[] = [];
  for (let frame = 0; (frame + 1) * size <= stdout.length; frame++) {
    pictures.push({ bytes: stdout.subarray(frame * size, (frame + 1) * size), width: strip.width });
  }
  const seen = measuredSpacing(pictures.slice(0, framesToMeasure), glyphs, spacing);
  return pictures.map((picture, frame) => {
    let text = '';
    for (const [index, kind] of [...layout].entries()) {
      const at = columnOf(seen, index);
      if (kind === 'd') text += nearest(picture, glyphs, at).index;
      else if (kind === 's') text += nearest(picture, signs, at).index === 0 ? '+' : '-';
      else text += kind;
    }
    const timeMs = Date.parse(
      `${text.slice(0, 10)}T${text.slice(11, 19)}${text.slice(20, 23)}:${text.slice(23)}`,
    );
    return { frame, text, timeMs };
  });
}

/** The recorder's own filter, so that the pictures of the digits are drawn as the recorder draws them. */
function timeFilterOf(width: number, height: number): string {
  const config = validateConfig({
    owner: { keys: ['-'] },
    signing: { key: '-' },
    cameras: [{ name: 'a', input: { device: `color=s=${width}x${height}`, format: 'lavfi' } }],
  });
  const [camera] = resolveConfig(config, '/config.json').cameras;
  if (!camera) throw new Error('no camera');
  const args = ffmpegArguments(camera, { encoder: 'libx264', fontFile: findFont(), needsPacing: false });
  const filter = /drawtext=(?:\\,|[^,])*/.exec(args[args.indexOf('-vf') + 1] ?? '')?.[0];
  if (!filter) throw new Error('the recorder draws no time');
  return filter;
}

/** One picture of `text`, drawn as the time is drawn. */
async function draw(
  filter: string,
  text: string,
  strip: { width: number; frameHeight: number },
  crop: string,
): Promise<Buffer> {
  const drawn = filter.replace(/text='[^']*'/, `text='${text.replaceAll(':', '\\:')}'`);
  const { stdout } = await run(
    'ffmpeg',
    // biome-ignore format: one option a line hides the filter
    ['-v', 'error', '-f', 'lavfi', '-i', `color=gray:s=${strip.width}x${strip.frameHeight}`, '-frames:v', '1', '-vf', `${drawn},${crop}`, '-f', 'rawvideo', '-'],
    { encoding: 'buffer', maxBuffer: maxRawBytes },
  );
  return stdout;
}

/** A piece of a frame in shades of grey. */
interface Picture {
  readonly bytes: Buffer;
  readonly width: number;
}

interface Spacing {
  /** Column where the first character begins. */
  readonly first: number;
  /** Columns from one character to the next. */
  readonly advance: number;
}

/**
 * Where characters stand as this computer draws them. All are equally wide: the pictures of `0000-…` and `1111-…`
 * differ from the first digit's columns to the last one's, and nowhere else.
 */
function spacingOf(zero: Buffer, one: Buffer, width: number): Spacing {
  let first = width;
  let last = 0;
  for (let index = 0; index < zero.length; index++) {
    if (zero[index] === one[index]) continue;
    first = Math.min(first, index % width);
    last = Math.max(last, index % width);
  }
  return { first, advance: (last + 1 - first) / layout.length };
}

/** The spacing with which the digits of these frames look most like digits. */
function measuredSpacing(frames: readonly Picture[], glyphs: readonly Picture[], drawn: Spacing): Spacing {
  let best = { spacing: drawn, difference: Number.POSITIVE_INFINITY };
  for (let step = -advanceSteps; step <= advanceSteps; step++) {
    for (const shift of shifts) {
      const spacing = {
        first: drawn.first + shift,
        advance: drawn.advance + (step * advanceReach) / advanceSteps,
      };
      let difference = 0;
      for (const frame of frames) {
        for (const [index, kind] of [...layout].entries()) {
          if (kind === 'd') difference += nearest(frame, glyphs, columnOf(spacing, index)).difference;
        }
      }
      if (difference < best.difference) best = { spacing, difference };
    }
  }
  return best.spacing;
}

function columnOf({ first, advance }: Spacing, index: number): number {
  return first + index * advance;
}

/** Columns of a picture. */
function cut({ bytes, width }: Picture, from: number, columns: number): Picture {
  const rows = bytes.length / width;
  const piece = Buffer.alloc(rows * columns);
  for (let row = 0; row < rows; row++) {
    bytes.copy(piece, row * columns, row * width + from, row * width + from + columns);
  }
  return { bytes: piece, width: columns };
}

/** The glyph that differs least from the picture at that column. */
function nearest(
  picture: Picture,
  glyphs: readonly Picture[],
  at: number,
): { index: number; difference: number } {
  let best = { index: 0, difference: Number.POSITIVE_INFINITY };
  for (const [index, glyph] of glyphs.entries()) {
    const difference = differenceAt(picture, glyph, at);
    if (difference < best.difference) best = { index, difference };
  }
  return best;
}

/** What is not as bright as the text is background, whatever the camera saw there. */
function bright(value = 0): number {
  return Math.max(value, darkest);
}

function differenceAt(picture: Picture, glyph: Picture, from: number): number {
  const rows = glyph.bytes.length / glyph.width;
  let difference = 0;
  const whole = Math.floor(from);
  const fraction = from - whole;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < glyph.width; column++) {
      const left = row * picture.width + whole + column;
      const seen = bright(picture.bytes[left]) * (1 - fraction) + bright(picture.bytes[left + 1]) * fraction;
      difference += Math.abs(seen - bright(glyph.bytes[row * glyph.width + column]));
    }
  }
  return difference;
}
