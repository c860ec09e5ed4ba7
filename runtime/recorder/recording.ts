/** One recording of EncroCrypt2 while it is written: video goes in, encrypted packets come to its end. */
import path from 'node:path';
import type { RecordingName } from '../recordings/names.ts';
import type { CollectedVideo } from './collector.ts';
import { PacketFile } from './packet-file.ts';
import type { ActiveRecording, FileOptions } from './recording-format.ts';
import type { SealedKey } from './sealed-key.ts';

export interface RecordingOptions extends FileOptions {
  readonly name: RecordingName;
  readonly key: SealedKey;
}

export class Recording implements ActiveRecording {
  readonly name: RecordingName;
  readonly #file: PacketFile;
  #key: SealedKey;

  /** Opens the file and writes the key packet. */
  static async open(options: RecordingOptions): Promise<Recording> {
    const { directory, name, key } = options;
    const file = await PacketFile.open({
      ...options,
      path: path.join(directory, name.fileName),
      untaken: 'dropped',
    });
    const recording = new Recording(file, name, key);
    try {
      await recording.rekey(key);
    } catch (error) {
      // The first failure is the one that matters.
      await file.abandon().catch(() => undefined);
      throw error;
    }
    return recording;
  }

  private constructor(file: PacketFile, name: RecordingName, key: SealedKey) {
    this.#file = file;
    this.name = name;
    this.#key = key;
  }

  /** The key that video is encrypted under now. */
  get key(): SealedKey {
    return this.#key;
  }

  /** Goes on under another key. */
  async rekey(key: SealedKey): Promise<void> {
    await this.#file.write(
      () => key.packet,
      () => {
        this.#key = key;
      },
    );
  }

  append({ video, timeMs }: CollectedVideo): Promise<void> {
    return this.#file.write(() => this.#key.encrypter.encrypt(video, timeMs));
  }

  /** This version has no place for what happens beside the video. */
  async note(): Promise<void> {}

  async event(): Promise<void> {}

  endSoon(): void {}

  endBefore(): undefined {
    return undefined;
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
