/** Stand-ins for the unit tests: a clock that is set by hand, an ffmpeg, a disk. */
import { randomBytes } from 'node:crypto';
import { PassThrough } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { encodeKeyPacket, PacketReader, VideoEncrypter } from '../encrocrypt/index.ts';
import {
  commitmentOf,
  encodeHeader,
  encodeSignedPart,
  makeRunKey,
  RunWriter,
  runIdBytes,
} from '../encrocrypt/v3/index.ts';
import type { LogFields, Logger } from '../log.ts';
import type { Clock } from './clock.ts';
import type { CollectedVideo } from './collector.ts';
import type { SourceEnd, VideoSource } from './ffmpeg-process.ts';
import type { FileSystem } from './file-system.ts';
import type { SealedKey } from './sealed-key.ts';
import type { SealRun } from './sealed-run.ts';

/** Lets everything that is ready run. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 30; turn++) await setImmediate();
}

export class FakeClock implements Clock {
  #monotonicMs = 0;
  #offsetMs: number;
  #timers: { atMs: number; action: () => void }[] = [];

  constructor(nowMs = 1_800_000_000_000) {
    this.#offsetMs = nowMs;
  }

  nowMs(): number {
    return this.#monotonicMs + this.#offsetMs;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  /** Sets the wall clock by this much. */
  step(byMs: number): void {
    this.#offsetMs += byMs;
  }

  schedule(delayMs: number, action: () => void): () => void {
    const timer = { atMs: this.#monotonicMs + delayMs, action };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Lets time pass; every timer runs at its time, and what it starts is waited for. */
  async pass(lengthMs: number): Promise<void> {
    const endMs = this.#monotonicMs + lengthMs;
    await settle();
    for (;;) {
      const [next] = this.#timers.filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs);
      if (!next) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#monotonicMs = Math.max(this.#monotonicMs, next.atMs);
      next.action();
      await settle();
    }
    this.#monotonicMs = endMs;
  }
}

export class FakeSource implements VideoSource {
  readonly stdout = new PassThrough({ highWaterMark: 64 * 1024 * 1024 });
  readonly stderr = new PassThrough();
  readonly motion = new PassThrough();
  readonly ended: Promise<SourceEnd>;
  readonly signals: string[] = [];
  /** What it still delivers when it is asked to end; `undefined`: it does not react. */
  lastBytes: Buffer | undefined = Buffer.alloc(0);
  #resolve: (end: SourceEnd) => void = () => undefined;
  #opening: Buffer;

  /** @param opening what it delivers before anything else. */
  constructor(opening: Buffer = Buffer.alloc(0)) {
    this.#opening = opening;
    this.ended = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  deliver(bytes: Buffer | string): void {
    this.stdout.write(Buffer.concat([this.#opening, Buffer.from(bytes)]));
    this.#opening = Buffer.alloc(0);
  }

  end(end: Partial<SourceEnd> = {}): void {
    this.stdout.end();
    this.stderr.end();
    this.#resolve({ code: 0, signal: null, ...end });
  }

  kill(signal: 'SIGTERM' | 'SIGKILL'): void {
    this.signals.push(signal);
    if (signal === 'SIGKILL') this.end({ code: null, signal });
    else if (this.lastBytes) {
      if (this.lastBytes.length > 0) this.deliver(this.lastBytes);
      this.end({ code: 255 });
    }
  }
}

/** Files in memory, on a disk with so much room. */
export class FakeDisk implements FileSystem {
  readonly files = new Map<string, Buffer>();
  roomBytes = Number.POSITIVE_INFINITY;
  flushes = 0;
  /** What a power cut leaves. */
  readonly flushed = new Map<string, Buffer>();
  openFiles = 0;
  /** Thrown by the next writes, when set. */
  failure: Error | undefined;
  /** Writes wait for this. */
  stalled: Promise<void> = Promise.resolve();

  async list(directory: string): Promise<string[]> {
    return [...this.files.keys()]
      .filter((file) => file.startsWith(`${directory}/`))
      .map((file) => file.slice(directory.length + 1));
  }

  async openAppend(file: string): ReturnType<FileSystem['openAppend']> {
    if (this.failure) throw this.failure;
    this.files.set(file, this.files.get(file) ?? Buffer.alloc(0));
    this.openFiles += 1;
    return {
      sizeBytes: this.files.get(file)?.length ?? 0,
      write: async (bytes) => {
        await this.stalled;
        if (this.failure) throw this.failure;
        const taken = bytes.subarray(0, Math.min(bytes.length, this.roomBytes));
        if (taken.length === 0) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
        this.roomBytes -= taken.length;
        this.files.set(file, Buffer.concat([this.files.get(file) ?? Buffer.alloc(0), taken]));
        return taken.length;
      },
      flush: async () => {
        this.flushes += 1;
        this.flushed.set(file, this.files.get(file) ?? Buffer.alloc(0));
      },
      close: async () => {
        this.openFiles -= 1;
      },
    };
  }
}

/** Video that comes now. */
export function collected(clock: Clock, video: string, isKeyFrame = false): CollectedVideo {
  return { video: Buffer.from(video), isKeyFrame, timeMs: clock.nowMs(), monotonicMs: clock.monotonicMs() };
}

/** Runs as the child seals them, without OpenPGP: the secret is the run's id, twice. */
export const fakeSealRun: SealRun = async ({ startedMs, ...plan }) => {
  const [runId, runKey] = [randomBytes(runIdBytes), makeRunKey()];
  const secret = fakeSecretOf(runId);
  const part = encodeSignedPart(
    {
      ...plan,
      ...{ camera: Buffer.alloc(20, 1), runId, segmentMs: 60_000, checkpointMs: 5000 },
      recipients: [{ type: 'openpgp', id: Buffer.alloc(20, 5) }],
      ...{ commitment: commitmentOf(secret, runId), runKey: runKey.publicKey },
    },
    { wrapped: [] },
  );
  const writer = new RunWriter({
    ...{ runId, secret, runPrivateKey: runKey.privateKey, headerHash: part.hash, segmentMs: 60_000 },
  });
  return {
    header: encodeHeader(part, undefined, runKey.privateKey),
    ...{
      writer,
      runId,
      runKey: runKey.publicKey,
      headerHash: part.hash,
      isLocked: false,
      startMs: plan.startMs,
      startedMs,
      checkpointMs: 5000,
    },
  };
};

export function fakeSecretOf(runId: Buffer): Buffer {
  return Buffer.concat([runId, runId]);
}

/** A key whose packet carries the key itself, so that tests can decrypt without OpenPGP. */
export function fakeKey(): SealedKey & { secret: Buffer } {
  const secret = randomBytes(16);
  return { secret, packet: encodeKeyPacket(secret), encrypter: new VideoEncrypter(secret) };
}

/** Kinds of the packets in a file, `k`, `v`, and `?` for what is none. */
export function packetKinds(file: Buffer | undefined): string {
  const reader = new PacketReader();
  reader.push(file ?? Buffer.alloc(0));
  reader.end();
  let kinds = '';
  for (let item = reader.next(); item; item = reader.next()) {
    kinds += item.kind === 'key' ? 'k' : item.kind === 'video' ? 'v' : '?';
  }
  return kinds;
}

export interface LoggedLine {
  readonly level: string;
  readonly message: string;
  readonly fields: LogFields;
}

export class LogBook implements Logger {
  readonly lines: LoggedLine[] = [];

  #add(level: string, message: string, fields: LogFields = {}): void {
    this.lines.push({ level, message, fields });
  }

  error(message: string, fields?: LogFields): void {
    this.#add('error', message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#add('warn', message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#add('info', message, fields);
  }

  debug(message: string, fields?: LogFields): void {
    this.#add('debug', message, fields);
  }

  with(): Logger {
    return this;
  }

  /** Lines that begin so. */
  about(beginning: string): LoggedLine[] {
    return this.lines.filter(({ message }) => message.startsWith(beginning));
  }
}
