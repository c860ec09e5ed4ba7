/** Decodes a recording of either version of the format, which its first bytes tell. */
import type { EncroCamError } from '../errors.ts';
import type { Decoder } from './decoder.ts';
import { mpegTs, type Piece, type VideoJoiner } from './joiner.ts';
import type { RunDecoder } from './run-decoder.ts';
import { maxVersionBytes, type Version, versionOf } from './version.ts';
import type { VideoDecoder } from './video-decoder.ts';

export interface RecordingDecoderOptions {
  readonly joiner: VideoJoiner;
  /** Known already where a place in the recording was sought. */
  readonly version: Version | undefined;
  readonly second: () => Decoder;
  readonly third: () => RunDecoder;
}

export class RecordingDecoder implements VideoDecoder {
  readonly #options: RecordingDecoderOptions;
  #decoder: VideoDecoder | undefined;
  /** What came before the version was known. */
  #waiting: Buffer[] = [];
  #waitingBytes = 0;

  constructor(options: RecordingDecoderOptions) {
    this.#options = options;
    if (options.version !== undefined) this.#decoder = this.#decoderOf(options.version);
  }

  get timeMs(): number | undefined {
    return this.#decoder?.timeMs;
  }

  get finished(): boolean {
    return this.#decoder?.finished === true;
  }

  get damaged(): boolean {
    return this.#decoder?.damaged === true;
  }

  get notAuthentic(): boolean {
    return this.#decoder?.notAuthentic === true;
  }

  get wrongRecipient(): EncroCamError | undefined {
    return this.#decoder?.wrongRecipient;
  }

  async push(chunk: Uint8Array): Promise<Piece[]> {
    if (this.#decoder) return this.#decoder.push(chunk);
    this.#waiting.push(Buffer.from(chunk));
    this.#waitingBytes += chunk.length;
    return this.#decide(this.#waitingBytes >= maxVersionBytes);
  }

  async end(): Promise<Piece[]> {
    const first = this.#decoder ? [] : await this.#decide(true);
    return [...first, ...((await this.#decoder?.end()) ?? [])];
  }

  async #decide(isAll: boolean): Promise<Piece[]> {
    const start = Buffer.concat(this.#waiting);
    const version = versionOf(start, isAll);
    if (version === undefined) return [];
    this.#waiting = [];
    const decoder = this.#decoderOf(version);
    this.#decoder = decoder;
    return decoder.push(start);
  }

  #decoderOf(version: Version): VideoDecoder {
    return version === 2 ? this.#joined(this.#options.second()) : this.#options.third();
  }

  /** EncroCrypt2 says nothing of containers: all of it is MPEG-TS. */
  #joined(decoder: Decoder): VideoDecoder {
    const { joiner } = this.#options;
    const join = (parts: readonly Buffer[]): Piece[] => parts.flatMap((part) => joiner.take(part, mpegTs));
    return {
      get timeMs() {
        return decoder.timeMs;
      },
      get finished() {
        return decoder.finished;
      },
      get damaged() {
        return decoder.damaged;
      },
      get notAuthentic() {
        return decoder.notAuthentic;
      },
      get wrongRecipient() {
        return decoder.wrongRecipient;
      },
      push: async (chunk) => join(await decoder.push(chunk)),
      end: async () => join(await decoder.end()),
    };
  }
}
