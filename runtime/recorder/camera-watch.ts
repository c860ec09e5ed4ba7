/**
 * What a camera's recordings tell beside the video: motion, which camera it is and when it was gone. And whether its
 * microphone is to be recorded. Nothing here holds up a picture or throws.
 */
import { access, constants } from 'node:fs/promises';
import type { Camera } from '../config/load.ts';
import type { Logger } from '../log.ts';
import { type CameraIdentity, cameraIdentity } from './camera-identity.ts';
import type { Clock } from './clock.ts';
import type { CurrentRecording } from './current-recording.ts';
import type { VideoSource } from './ffmpeg-process.ts';
import { type MotionMark, MotionTracker } from './motion.ts';
import { MotionActions } from './motion-actions.ts';
import { type SoundOutcome, SoundPolicy } from './sound.ts';

/** What the kernel shows of a camera. */
export interface CameraDevice {
  /** `undefined` if nothing is known of it. */
  identity(): Promise<CameraIdentity | undefined>;
  /** `false` only for a device that has vanished. */
  isThere(): Promise<boolean>;
  /** `false` for a device that nobody of ours can open yet: right after power-on it is root's until udev gave it away. */
  isReady(): Promise<boolean>;
}

/** A look at the device costs nothing; an ffmpeg that cannot open it costs seconds on a small board, and then a pause. */
const readyEveryMs = 250;
const readyWithinMs = 15_000;

export function deviceOf(input: Camera['input']): CameraDevice {
  const can = async (mode: number): Promise<boolean> =>
    input.format !== 'v4l2' ||
    access(input.device, mode).then(
      () => true,
      () => false,
    );
  return {
    identity: () => cameraIdentity(input),
    isThere: () => can(constants.F_OK),
    isReady: () => can(constants.R_OK | constants.W_OK),
  };
}

export interface CameraWatchOptions {
  readonly camera: Camera;
  readonly device: CameraDevice;
  readonly current: Pick<CurrentRecording, 'note' | 'event'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What it left behind. */
type EndedSession = Pick<SoundOutcome, 'deliveredBytes' | 'lastWords'>;

export class CameraWatch {
  readonly #options: CameraWatchOptions;
  readonly #tracker: MotionTracker | undefined;
  #actions: MotionActions | undefined;
  readonly #sound: SoundPolicy;
  #source: VideoSource | undefined;
  #withSound = false;
  /** End of the slot that the present recording belongs to, by the wall clock. */
  #slotEndMs: number | undefined;
  #identity: string | undefined;
  /** The recording has its camera's identity. */
  #isIdentified = false;
  #isLost = false;
  /** One look at the device after the other. */
  #looking: Promise<void> = Promise.resolve();

  constructor(options: CameraWatchOptions) {
    this.#options = options;
    const { camera } = options;
    const { motion } = camera;
    this.#tracker = motion && new MotionTracker(motion);
    this.callOnMotion(motion);
    this.#sound = new SoundPolicy(camera.audio);
  }

  /** What is called from now on when motion begins. A locked camera does not know it yet. */
  callOnMotion(motion: Camera['motion']): void {
    const { camera, clock, logger } = this.#options;
    void this.#actions?.stop();
    this.#actions = motion && new MotionActions({ camera: camera.name, motion, clock, logger });
  }

  /** Waits until the device can be opened, for a while: then ffmpeg is to say what is wrong with it. */
  async ready(isStopping: () => boolean): Promise<void> {
    const { clock, device } = this.#options;
    const untilMs = clock.monotonicMs() + readyWithinMs;
    while (!isStopping() && clock.monotonicMs() < untilMs && !(await device.isReady())) {
      await new Promise<void>((resolve) => {
        clock.schedule(readyEveryMs, resolve);
      });
    }
  }

  /** A recording is about to begin, or to go on: whether with sound. */
  begins(slotEndMs: number): boolean {
    if (slotEndMs !== this.#slotEndMs) {
      this.#slotEndMs = slotEndMs;
      this.#sound.newRecording();
      this.#isIdentified = false;
    }
    this.#withSound = this.#sound.withSound;
    return this.#withSound;
  }

  /** Another ffmpeg runs. */
  started(source: VideoSource): void {
    this.#source = source;
    const { clock } = this.#options;
    this.#tracker?.restart();
    source.motion?.setEncoding('utf8');
    source.motion?.on('error', () => undefined);
    // It is read to its end in any case.
    source.motion?.on('data', (text: string) => {
      if (source === this.#source) this.#tell(this.#tracker?.push(text, clock.monotonicMs()) ?? []);
    });
  }

  /** Its first video has come: which camera is it? */
  delivers(monotonicMs: number): void {
    this.#look(async ({ device, current }) => {
      const identity = await device.identity();
      const text = identity && JSON.stringify(identity);
      if (!identity || (this.#isIdentified && !this.#isLost && text === this.#identity)) return;
      const state = this.#isLost && text === this.#identity ? 'back' : 'present';
      this.#identity = text;
      this.#isIdentified = true;
      this.#isLost = false;
      current.event({ what: 'camera', identity, state }, monotonicMs);
    });
  }

  /**
   * An ffmpeg has ended.
   * @returns `true` if the microphone is to blame: it is worth starting again at once, without it.
   */
  ended({ deliveredBytes, lastWords }: EndedSession, end: SoundOutcome['end']): boolean {
    if (end !== 'asked') {
      this.#look(async ({ device, current, logger }) => {
        if (this.#isLost || (await device.isThere())) return;
        this.#isLost = true;
        current.note({ what: 'camera-lost' });
        logger.warn('the camera is gone');
      });
    }
    if (!this.#sound.ended({ deliveredBytes, lastWords, end, withSound: this.#withSound })) return false;
    const { current, logger } = this.#options;
    current.note({ what: 'sound-lost' });
    logger.warn('the microphone fails: going on without sound', { cause: lastWords });
    return true;
  }

  /** What goes on ends here. Resolves when nothing is left to be told. */
  async stop(): Promise<void> {
    this.#source = undefined;
    this.#tell(this.#tracker?.finish(this.#options.clock.monotonicMs()) ?? []);
    await Promise.all([this.#looking, this.#actions?.stop()]);
  }

  #tell(marks: readonly MotionMark[]): void {
    for (const mark of marks) {
      const { zone, score, timeMs } = mark;
      const length = mark.kind === 'ends' ? { milliseconds: Math.round(mark.lengthMs) } : {};
      this.#options.current.event({ what: 'motion', zone, score, ...length }, timeMs);
      if (mark.kind === 'begins') this.#actions?.begins(mark);
    }
  }

  #look(look: (options: CameraWatchOptions) => Promise<void>): void {
    this.#looking = this.#looking
      .then(() => look(this.#options))
      .catch((error: unknown) => {
        this.#options.logger.debug('the camera could not be looked at', { cause: String(error) });
      });
  }
}
