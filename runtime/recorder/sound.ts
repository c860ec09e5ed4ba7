/**
 * Sound: the arguments that ffmpeg needs for it, and what becomes of a microphone that fails. The pictures never wait for
 * it: ffmpeg that cannot open the microphone is started again without.
 */
import type { Camera } from '../config/load.ts';
import type { AudioConfig, MicrophoneConfig } from '../config/types.ts';
import { withoutCredentials } from './credentials.ts';

/** Packets of one input that may wait for the other; ffmpeg's own 8 are less than one key frame interval of sound. */
const queuedPackets = '512';
/**
 * Microseconds for which the container holds pictures back for sound that is missing. ffmpeg's own 10 s would be lost with the
 * camera, when a microphone is unplugged.
 */
const maxInterleaveMicroseconds = '200000';

/** Before the camera's `-i`, where a second input will be read beside it. */
export function besideSoundArguments(camera: Camera): string[] {
  if (camera.audio?.from !== 'microphone') return [];
  return [
    '-thread_queue_size',
    queuedPackets,
    // The kernel's monotonic clock otherwise, which a microphone's wall clock cannot be compared with.
    ...(sharesClock(camera, camera.audio) ? ['-timestamps', 'abs'] : []),
  ];
}

/** The second input, behind the camera's. */
export function soundInputArguments(camera: Camera): string[] {
  const { audio } = camera;
  if (audio?.from !== 'microphone') return [];
  const { format, device, sampleRate, channels } = audio;
  const takesRate = format === 'alsa' || format === 'pulse';
  return [
    // A test tone would be read as fast as it can be.
    ...(format === 'lavfi' ? ['-re'] : []),
    '-thread_queue_size',
    queuedPackets,
    ...(format === 'rtsp' ? ['-rtsp_transport', 'tcp'] : []),
    // Both began at their own time: what lies between is kept instead of called zero twice.
    ...(sharesClock(camera, audio) ? ['-isync', '0'] : []),
    '-f',
    format,
    ...(takesRate ? ['-sample_rate', String(sampleRate), '-channels', String(channels)] : []),
    '-i',
    device,
  ];
}

/** Whether the timestamps of both devices are the wall clock's. */
function sharesClock({ input }: Camera, { format }: MicrophoneConfig): boolean {
  return input.format === 'v4l2' && (format === 'alsa' || format === 'pulse');
}

/** Which sound goes into the output, and how it is encoded. */
export function soundOutputArguments(audio: AudioConfig): string[] {
  return [
    '-map',
    // A camera's stream may come without sound, today or always.
    audio.from === 'microphone' ? '1:a:0' : '0:a:0?',
    '-c:a',
    'aac',
    '-b:a',
    `${audio.bitRateKilobits}k`,
    '-ac',
    String(audio.channels),
    ...(audio.from === 'microphone' ? ['-ar', String(audio.sampleRate)] : []),
    // Two clocks drift apart, and microphones lose samples: the pictures' time is the one that counts. The encoder's first frame lies
    // 1024 samples before the first sample: MP4 would make up for that with the pictures' times, in one run and not in another.
    '-af',
    'aresample=async=1000,asetpts=PTS+1024',
    '-max_interleave_delta',
    maxInterleaveMicroseconds,
  ];
}

/** How one run of ffmpeg went, as far as it tells of the microphone. */
export interface SoundOutcome {
  /** It ran with sound. */
  readonly withSound: boolean;
  readonly deliveredBytes: number;
  readonly end: 'exit' | 'stall' | 'asked';
  /** What ffmpeg said last, without credentials: its last lines at least. */
  readonly lastWords: string;
}

/**
 * Decides with or without sound, for one camera. A microphone of its own that fails is left out of the runs that follow, and
 * tried again with each new recording, where ffmpeg is started again anyway.
 */
export class SoundPolicy {
  readonly #audio: AudioConfig | undefined;
  #failed = false;

  constructor(audio: AudioConfig | undefined) {
    this.#audio = audio;
  }

  /** Whether the next run of ffmpeg is to have sound. */
  get withSound(): boolean {
    return this.#audio !== undefined && !this.#failed;
  }

  /** A new recording begins: the microphone may be back. */
  newRecording(): void {
    this.#failed = false;
  }

  /**
   * Tells how a run ended.
   * @returns `true` if the sound is to blame: start again at once, `withSound` is `false` now.
   */
  ended(outcome: SoundOutcome): boolean {
    if (!outcome.withSound || outcome.end === 'asked' || this.#audio?.from !== 'microphone') return false;
    this.#failed = blamesSound(this.#audio, outcome);
    return this.#failed;
  }
}

/**
 * Whether ffmpeg ended for the microphone's sake. If it cannot open it, it names it. If it waits for it, it says nothing: a
 * stall may be the camera's as well, but that shows in the next run, and costs only sound. Of a microphone that is lost while it
 * runs, ffmpeg makes nothing.
 */
function blamesSound({ format, device }: MicrophoneConfig, outcome: SoundOutcome): boolean {
  if (outcome.end === 'stall') return true;
  if (outcome.deliveredBytes > 0) return false;
  const shownDevice = withoutCredentials(device);
  // Its number among the inputs is how ffmpeg 6 and later put it.
  return [`${shownDevice}: `, `input file ${shownDevice}.`, `[${format} @ `, '[in#1 @ '].some((words) =>
    outcome.lastWords.includes(words),
  );
}
