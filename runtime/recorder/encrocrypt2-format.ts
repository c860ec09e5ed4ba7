/** Recordings of EncroCrypt2, for one camera: MPEG-TS under a key that the recording begins with. */
import { CameraKeys, prepareAheadMs } from './camera-keys.ts';
import { Recording } from './recording.ts';
import type { ActiveRecording, FileOptions, OpenRequest, RecordingFormat } from './recording-format.ts';
import { type StreamCutter, uncut } from './stream.ts';

export class EncroCrypt2Format implements RecordingFormat {
  readonly container = 'video/mp2t';
  readonly #keys: CameraKeys;
  readonly #slotMs: number;

  constructor(slotMs: number, ...keys: ConstructorParameters<typeof CameraKeys>) {
    this.#slotMs = slotMs;
    this.#keys = new CameraKeys(...keys);
  }

  cutter(): StreamCutter {
    return uncut;
  }

  /** The key is asked for as soon as ffmpeg is started. */
  prepare(): void {}

  tend(recording: ActiveRecording, leftMs: number): Promise<void> | undefined {
    if (this.#keys.overdue || leftMs <= Math.min(prepareAheadMs, this.#slotMs / 2)) this.#keys.prepare();
    const key = recording instanceof Recording ? this.#keys.takeOverdue() : undefined;
    return key && (recording as Recording).rekey(key);
  }

  takes(): boolean {
    return true;
  }

  async settled(): Promise<void> {}

  async open({ name }: OpenRequest, file: FileOptions): Promise<Recording> {
    return Recording.open({ ...file, name, key: await this.#keys.next() });
  }
}
