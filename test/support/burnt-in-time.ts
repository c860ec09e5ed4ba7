/**
 * Reads the time that the recorder burnt into each frame, as a person would, but faster: every digit is compared
 * with pictures of the ten digits drawn by the same filter at the same place. Works for fonts whose figures all
 * have one width, and decides by the nearest picture, so compression does no harm.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { resolveConfig } from '../../runtime/config/load.ts';
import { validateConfig } from '../../runtime/config/validate.ts';
import { ffmpegArguments } from '../../runtime/recorder/ffmpeg.ts';
import { findFont } from '../../runtime/recorder/fonts.ts';

const run = promisify(execFile);
const maxRawBytes = 1024 * 1024 * 1024;

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
  const cells = digitCells(zero, one, strip.width);

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
  const times: BurntInTime[] = [];
  for (let frame = 0; (frame + 1) * size <= stdout.length; frame++) {
    const picture = stdout.subarray(frame * size, (frame + 1) * size);
    let text = '';
    for (const [index, kind] of [...layout].entries()) {
      const cell = cells[index] ?? { from: 0, to: 0 };
      if (kind === 'd') text += nearest(picture, templates, strip.width, cell);
      else if (kind === 's') text += nearest(picture, [zero, minus], strip.width, cell) === 0 ? '+' : '-';
      else text += kind;
    }
    const timeMs = Date.parse(
      `${text.slice(0, 10)}T${text.slice(11, 19)}${text.slice(20, 23)}:${text.slice(23)}`,
    );
    times.push({ frame, text, timeMs });
  }
  return times;
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

interface Cell {
  readonly from: number;
  readonly to: number;
}

/**
 * Columns of each character. All are equally wide: the pictures of `0000-…` and `1111-…` differ from the first
 * digit's columns to the last one's, and nowhere else.
 */
function digitCells(zero: Buffer, one: Buffer, width: number): Cell[] {
  let first = width;
  let last = 0;
  for (let index = 0; index < zero.length; index++) {
    if (zero[index] === one[index]) continue;
    first = Math.min(first, index % width);
    last = Math.max(last, index % width);
  }
  const advance = (last + 1 - first) / layout.length;
  return [...layout].map((_, index) => ({
    from: Math.round(first + index * advance),
    to: Math.round(first + (index + 1) * advance),
  }));
}

/** Index of the template that differs least from the picture inside the cell. */
function nearest(picture: Buffer, templates: readonly Buffer[], width: number, cell: Cell): number {
  const rows = picture.length / width;
  let best = { index: 0, difference: Number.POSITIVE_INFINITY };
  for (const [index, template] of templates.entries()) {
    let difference = 0;
    for (let row = 0; row < rows; row++) {
      for (let column = cell.from; column < cell.to; column++) {
        const at = row * width + column;
        // What is not as bright as the text is background, whatever the camera saw there.
        difference += Math.abs(Math.max(picture[at] ?? 0, 110) - Math.max(template[at] ?? 0, 110));
      }
    }
    if (difference < best.difference) best = { index, difference };
  }
  return best.index;
}
