import { execFile } from 'node:child_process';
import type { EncoderName } from '../config/types.ts';
import { messageOf } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { ChosenEncoder } from './ffmpeg.ts';

/** A hardware encoder that takes longer for a second of small pictures hangs. */
const probeTimeoutMs = 10_000;
/** What ffmpeg may say about it. */
const maxProbeBytes = 64 * 1024;

/** Why the hardware encoder does not work here, or `undefined` if it does. */
export type HardwareProbe = () => Promise<string | undefined>;

/** Encodes one second of a test picture for real: that ffmpeg has an encoder does not mean the machine has. */
export function hardwareProbe(ffmpeg: string): HardwareProbe {
  const args = [
    ...['-hide_banner', '-nostdin', '-loglevel', 'error'],
    ...['-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=15', '-frames:v', '15'],
    ...['-vf', 'format=yuv420p', '-c:v', 'h264_v4l2m2m', '-f', 'null', '-'],
  ];
  return () =>
    new Promise((resolve) => {
      execFile(
        ffmpeg,
        args,
        { timeout: probeTimeoutMs, killSignal: 'SIGKILL', maxBuffer: maxProbeBytes },
        (error, _stdout, stderr) => {
          if (!error) resolve(undefined);
          else if (error.killed) resolve(`no result within ${probeTimeoutMs / 1000} s`);
          else resolve(stderr.trim().split('\n')[0] || messageOf(error));
        },
      );
    });
}

/** Decides on an encoder; the hardware is tried once however many cameras ask. */
export class EncoderChooser {
  readonly #probe: HardwareProbe;
  readonly #logger: Logger;
  #chosen: Promise<ChosenEncoder> | undefined;

  constructor(probe: HardwareProbe, logger: Logger) {
    this.#probe = probe;
    this.#logger = logger;
  }

  async choose(name: EncoderName): Promise<ChosenEncoder> {
    if (name !== 'auto') return name;
    this.#chosen ??= this.#try();
    return this.#chosen;
  }

  async #try(): Promise<ChosenEncoder> {
    const reason = await this.#probe();
    if (reason === undefined) {
      this.#logger.info('encoding with h264_v4l2m2m: the hardware encoder works here');
      return 'h264_v4l2m2m';
    }
    this.#logger.info('encoding with libx264: the hardware encoder does not work here', { reason });
    return 'libx264';
  }
}
