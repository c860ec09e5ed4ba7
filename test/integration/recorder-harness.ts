/** Runs the recorder as people run it, with a tap that keeps a copy of every byte that ffmpeg delivered. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createSecretKey } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';
import { decrypt, readKey, readMessage, readPrivateKey } from 'openpgp';
import { decryptVideo, magic as magic2, PacketReader } from '../../runtime/encrocrypt/index.ts';
import { FileVerifier, type Header } from '../../runtime/encrocrypt/v3/index.ts';
import { keyFileDecrypter } from '../../runtime/pgp/key-file-decrypter.ts';
import { isSigned, openRun } from '../../runtime/pgp/open-run.ts';
import { contentsOf } from '../../runtime/recorder/fake-runs.ts';
import { FragmentCutter } from '../../runtime/recorder/fragments.ts';

import { verify } from '../support/verify-command.ts';

const root = path.join(import.meta.dirname, '../..');
const vectors = path.join(root, 'test/vectors/encrocrypt2');
export const encrocam = path.join(root, 'bin/encrocam');
export const ownerKey = path.join(vectors, 'owner.public.asc');
export const cameraKey = path.join(vectors, 'camera.secret.asc');
/** Nothing that is waited for takes this long. */
const patienceMs = 40_000;

export const testPicture = { format: 'lavfi', device: 'testsrc2=size=320x180:rate=15' };

export interface CameraSettings {
  name: string;
  input: { format: string; device: string };
  [setting: string]: unknown;
}

export interface Line {
  readonly level: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

/** A directory with a configuration and a tapped ffmpeg. */
export class Place {
  readonly directory: string;
  readonly #context: TestContext;

  static async make(context: TestContext, cameras: CameraSettings[], more: object = {}): Promise<Place> {
    const directory = await mkdtemp(path.join(os.tmpdir(), 'encrocam-record-'));
    context.after(() => rm(directory, { recursive: true, force: true }));
    const place = new Place(context, directory);
    await place.configure(cameras, more);
    // Each ffmpeg has its own tap, named after its process number; the shell becomes ffmpeg.
    await writeFile(
      place.ffmpeg,
      '#!/bin/bash\nexec ffmpeg "$@" > >(exec tee "$TAPS/$(date +%s%N)-$$.ts")\n',
    );
    await chmod(place.ffmpeg, 0o755);
    return place;
  }

  private constructor(context: TestContext, directory: string) {
    this.#context = context;
    this.directory = directory;
  }

  get ffmpeg(): string {
    return path.join(this.directory, 'ffmpeg');
  }

  get recordings(): string {
    return path.join(this.directory, 'recordings');
  }

  async configure(cameras: CameraSettings[], more: object = {}): Promise<void> {
    const config = {
      owner: { keys: [ownerKey] },
      signing: { key: cameraKey },
      recordings: { directory: 'recordings', keepFreeMegabytes: 0 },
      log: { level: 'debug', format: 'json' },
      cameras,
      ...more,
    };
    await writeFile(path.join(this.directory, 'config.json'), JSON.stringify(config));
  }

  /** Starts `encrocam record`. */
  start(args: readonly string[] = [], environment: Record<string, string> = {}) {
    const child = spawn(encrocam, ['record', '--config', path.join(this.directory, 'config.json'), ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, TAPS: this.directory, ENCROCAM_FFMPEG: this.ffmpeg, ...environment },
    });
    const running = new Running(child);
    this.#context.after(() => running.kill());
    return running;
  }

  /** What all ffmpegs of one camera delivered, in order, as `essenceOf` has it. */
  async delivered(): Promise<Buffer> {
    const taps = (await readdir(this.directory)).filter((name) => name.endsWith('.ts')).sort();
    const bytes = await Promise.all(taps.map((name) => readFile(path.join(this.directory, name))));
    return Buffer.concat(bytes.map(essenceOf));
  }

  /** The files of a camera, in order. */
  async files(camera: string): Promise<string[]> {
    const directory = path.join(this.recordings, camera);
    return (await readdir(directory)).sort().map((name) => path.join(directory, name));
  }

  async recorded(camera: string): Promise<Opened> {
    const files = await this.files(camera);
    return openRecording(Buffer.concat(await Promise.all(files.map((file) => readFile(file)))));
  }

  /** `encrocam verify` of a camera's recordings. */
  verify(camera: string, ...flags: string[]): ReturnType<typeof verify> {
    return verify([
      ...flags,
      '--signed-by',
      path.join(vectors, 'camera.public.asc'),
      path.join(this.recordings, camera),
    ]);
  }
}

/** A recorder that runs. */
export class Running {
  readonly child: ChildProcess;
  readonly lines: Line[] = [];
  /** Whatever is no log line: error messages. */
  text = '';
  readonly #events = new EventEmitter();
  readonly #ended: Promise<unknown>;

  constructor(child: ChildProcess) {
    this.child = child;
    this.#ended = once(child, 'close');
    if (!child.stderr) throw new Error('no standard error');
    createInterface({ input: child.stderr }).on('line', (line) => {
      if (line.startsWith('{')) this.lines.push(JSON.parse(line) as Line);
      else this.text += `${line}\n`;
      this.#events.emit('line');
    });
    void this.#ended.then(() => this.#events.emit('line'));
  }

  /** Waits for the `count`th line that begins so (and matches). */
  async line(beginning: string, fields: Record<string, unknown> = {}, count = 1): Promise<Line> {
    const signal = AbortSignal.timeout(patienceMs);
    for (;;) {
      const found = this.lines.filter(
        (line) =>
          line.message.startsWith(beginning) &&
          Object.entries(fields).every(([name, value]) => line[name] === value),
      )[count - 1];
      if (found) return found;
      if (this.child.exitCode !== null) throw new Error(`ended without "${beginning}": ${this.said()}`);
      await once(this.#events, 'line', { signal }).catch((cause: unknown) => {
        throw new Error(`waited in vain for "${beginning}": ${this.said()}`, { cause });
      });
    }
  }

  said(): string {
    return `${this.lines.map((line) => JSON.stringify(line)).join('\n')}\n${this.text}`;
  }

  /** Process numbers of the children that run whose command line is like this. */
  async children(commandLine: RegExp): Promise<number[]> {
    const found: number[] = [];
    for (const pid of await this.#children(/^/)) {
      const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      if (commandLine.test(line)) found.push(pid);
    }
    return found;
  }

  /** Process numbers of the ffmpegs that run, those that make video. */
  ffmpegs(): Promise<number[]> {
    return this.#children(/\(ffmpeg\) [^Z]/);
  }

  async #children(like: RegExp): Promise<number[]> {
    const children: number[] = [];
    for (const name of await readdir('/proc')) {
      if (!/^\d+$/.test(name)) continue;
      try {
        const status = await readFile(`/proc/${name}/stat`, 'utf8');
        const parent = Number(status.slice(status.lastIndexOf(')') + 4).split(' ')[0]);
        if (parent === this.child.pid && like.test(status)) children.push(Number(name));
      } catch (error) {
        // It ended while the list was read.
        if (!(error instanceof Error) || !/ENOENT|ESRCH/.test(error.message)) throw error;
      }
    }
    return children;
  }

  /** The one ffmpeg. */
  async ffmpeg(): Promise<number> {
    const [one, another] = await this.ffmpegs();
    if (one === undefined || another !== undefined) throw new Error(`not one ffmpeg: ${this.said()}`);
    return one;
  }

  /** Asks it to end; gives the exit code. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.child.kill(signal);
    await this.#ended;
    return this.child.exitCode;
  }

  async ended(): Promise<number | null> {
    await this.#ended;
    return this.child.exitCode;
  }

  async kill(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGKILL');
    await this.#ended;
  }
}

/**
 * What has to be recorded of that which an ffmpeg delivered: all of MPEG-TS; of MP4 all whole fragments, but for their times,
 * which the recorder moves to where they belong in the recording.
 */
export function essenceOf(video: Buffer): Buffer {
  if (video.toString('latin1', 4, 8) !== 'ftyp') return video;
  const fragments: Buffer[] = [];
  for (const piece of new FragmentCutter().push(video)) {
    if (piece.kind === 'media') fragments.push(withoutTime(piece.bytes));
  }
  return Buffer.concat(fragments);
}

function withoutTime(fragment: Buffer): Buffer {
  const timeless = Buffer.from(fragment);
  const moofEnd = timeless.readUInt32BE(0);
  const header = timeless.subarray(0, moofEnd);
  // Type, version and flags, and 64 bits of time.
  for (let at = header.indexOf('tfdt'); at > 0; at = header.indexOf('tfdt', at + 1))
    header.fill(0, at + 8, at + 16);
  return timeless;
}

export interface Opened {
  /** As it is played: of MP4, each run behind its initialisation. */
  readonly video: Buffer;
  /** As `essenceOf` has it. */
  readonly essence: Buffer;
  /** Or runs: what it takes an owner to open it. */
  readonly keyPackets: number;
  readonly skips: readonly { reason: string; length: number }[];
  readonly events: readonly Record<string, unknown>[];
}

/** Decrypts a recording with nothing but the codec and openpgp, and checks the camera's signature. */
export function openRecording(bytes: Buffer): Promise<Opened> {
  return bytes.subarray(0, magic2.length).equals(magic2) ? openVersion2(bytes) : openVersion3(bytes);
}

async function openVersion2(bytes: Buffer): Promise<Opened> {
  const decryptionKeys = await readPrivateKey({
    armoredKey: await readFile(path.join(vectors, 'owner.secret.asc'), 'utf8'),
  });
  const verificationKeys = await readKey({
    armoredKey: await readFile(path.join(vectors, 'camera.public.asc'), 'utf8'),
  });
  const reader = new PacketReader();
  reader.push(bytes);
  reader.end();
  const video: Buffer[] = [];
  const skips: { reason: string; length: number }[] = [];
  let key = createSecretKey(Buffer.alloc(16));
  let keyPackets = 0;
  for (let item = reader.next(); item; item = reader.next()) {
    if (item.kind === 'skip') {
      skips.push({ reason: item.reason, length: item.length });
    } else if (item.kind === 'key') {
      const opened = await decrypt({
        message: await readMessage({ binaryMessage: item.message }),
        decryptionKeys,
        verificationKeys,
        expectSigned: true,
        format: 'binary',
      });
      key = createSecretKey(opened.data as Uint8Array);
      keyPackets += 1;
    } else {
      const plaintext = decryptVideo(key, item.body);
      if (plaintext) video.push(plaintext);
      else reader.reject();
    }
  }
  const whole = Buffer.concat(video);
  return { video: whole, essence: whole, keyPackets, skips, events: [] };
}

async function openVersion3(bytes: Buffer): Promise<Opened> {
  const decrypter = await keyFileDecrypter(path.join(vectors, 'owner.secret.asc'), async () => '');
  const camera = await readKey({
    armoredKey: await readFile(path.join(vectors, 'camera.public.asc'), 'utf8'),
  });
  const headers: Header[] = [];
  const skips: { reason: string; length: number }[] = [];
  const verifier = new FileVerifier({
    onRun: (header) => headers.push(header),
    onStretch: () => undefined,
    onRunEnd: () => undefined,
    onSkip: ({ reason, length }) => skips.push({ reason, length }),
  });
  verifier.push(bytes);
  verifier.end();
  const video: Buffer[] = [];
  const essence: Buffer[] = [];
  const events: Record<string, unknown>[] = [];
  for (const header of headers) {
    if (!(await isSigned(header, camera))) throw new Error('the camera did not sign this run');
    const keys = await openRun(header, decrypter);
    const { packets, events: more } = contentsOf(bytes, header, keys?.nodes ?? []);
    const run = Buffer.concat([header.statement.initialisation ?? Buffer.alloc(0), ...packets]);
    video.push(run);
    events.push(...more);
    essence.push(essenceOf(run));
  }
  return {
    video: Buffer.concat(video),
    essence: Buffer.concat(essence),
    keyPackets: headers.length,
    skips,
    events,
  };
}

export interface Probed {
  readonly codec: string;
  readonly frames: number;
  /** Of the frames, in seconds. */
  readonly timestamps: readonly number[];
}

/** What ffprobe makes of it; throws if it complains. */
export async function probe(context: TestContext, video: Buffer): Promise<Probed> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'encrocam-probe-'));
  context.after(() => rm(directory, { recursive: true, force: true }));
  const file = path.join(directory, 'video.ts');
  await writeFile(file, video);
  const { stdout, stderr } = await promisify(execFile)('ffprobe', [
    ...['-v', 'error', '-select_streams', 'v:0'],
    ...['-show_entries', 'stream=codec_name:frame=pts_time', '-of', 'json', file],
  ]);
  if (stderr !== '') throw new Error(`ffprobe complains: ${stderr}`);
  const { streams, frames } = JSON.parse(stdout) as {
    streams: { codec_name: string }[];
    frames: { pts_time: string }[];
  };
  return {
    codec: streams[0]?.codec_name ?? 'none',
    frames: frames.length,
    timestamps: frames.map((frame) => Number(frame.pts_time)),
  };
}
