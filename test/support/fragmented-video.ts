/** A camera's video as fragments of MP4, made by ffmpeg: eight fragments a second, two frames each, a key frame every two seconds. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { FragmentCutter } from '../../runtime/recorder/fragments.ts';

const run = promisify(execFile);
const framesPerSecond = 16;

export interface FragmentedVideo {
  readonly initialisation: Buffer;
  /** Eight of each second. */
  readonly fragments: readonly Buffer[];
}

/** @param size as ffmpeg takes it, for example `320x180`. */
export async function fragmentedVideo(
  size: string,
  seconds: number,
  options: { readonly sound?: boolean; readonly offsetSeconds?: number } = {},
): Promise<FragmentedVideo> {
  const sound = options.sound ? ['-f', 'lavfi', '-i', `sine=duration=${seconds}`, '-c:a', 'aac'] : [];
  const { stdout } = await run(
    'ffmpeg',
    [
      ...['-v', 'error', '-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=${framesPerSecond}`, ...sound],
      ...['-t', String(seconds), '-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency'],
      ...['-g', String(2 * framesPerSecond), '-pix_fmt', 'yuv420p'],
      ...['-output_ts_offset', String(options.offsetSeconds ?? 0), '-f', 'mp4'],
      ...['-movflags', '+frag_keyframe+empty_moov+default_base_moof', '-frag_duration', '125000', '-'],
    ],
    { encoding: 'buffer', maxBuffer: 50_000_000 },
  );
  const [first, ...rest] = new FragmentCutter().push(stdout);
  if (first?.kind !== 'initialisation') throw new Error('ffmpeg began with something else');
  return { initialisation: first.bytes, fragments: rest.map(({ bytes }) => bytes) };
}
