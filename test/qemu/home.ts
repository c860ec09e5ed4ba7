/**
 * The owner's home: a drive (a real FTP server with TLS), the owner's OpenPGP key, an SSH key, and the command
 * `encrocam` of this checkout to watch with. What a camera did is judged here, by what came out of the drive.
 */
import assert from 'node:assert/strict';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { $ } from 'zx';
import { type FtpServer, startFtpServer } from '../ftp-servers/index.ts';
import { type BurntInTime, readBurntInTimes } from '../support/burnt-in-time.ts';
import { makeOwnerKey } from '../support/owner-key.ts';
import { artifactsDirectory } from './artifacts.ts';
import { removeTemporary, temporaryDirectory } from './temporary.ts';

const run = $({ quiet: true });
export const encrocam = path.resolve(import.meta.dirname, '../../bin/encrocam');

/** This computer's loopback, seen from a machine. */
export const hostSeenFromMachine = '10.0.2.2';
/** What the fake camera delivers and a machine without KVM encodes in real time. */
export const picture = { width: 320, height: 180, frameRate: 5 } as const;
export const cameraName = 'front-door';
export const passphrase = 'gravel otter lantern seven moss';

/** What a drive's recordings show. */
export interface Film {
  readonly exitCode: number;
  /** What `encrocam decrypt` said about missing and damaged parts. */
  readonly messages: string;
  /** The time burnt into each frame, in the order of the frames. */
  readonly frames: readonly BurntInTime[];
}

export class Home {
  readonly directory: string;
  readonly drive: FtpServer;
  readonly ownerPublicKey: string;
  /** A key pair for cameras that are told to import one. */
  readonly cameraSecretKey: string;
  readonly cameraPublicFile: string;
  readonly sshIdentityFile: string;
  readonly sshPublicKey: string;

  private constructor(parts: {
    directory: string;
    drive: FtpServer;
    ownerPublicKey: string;
    cameraSecretKey: string;
    sshPublicKey: string;
  }) {
    this.directory = parts.directory;
    this.drive = parts.drive;
    this.ownerPublicKey = parts.ownerPublicKey;
    this.cameraSecretKey = parts.cameraSecretKey;
    this.sshPublicKey = parts.sshPublicKey;
    this.cameraPublicFile = path.join(parts.directory, 'camera.public.asc');
    this.sshIdentityFile = path.join(parts.directory, 'ssh-key');
  }

  static async open(): Promise<Home> {
    const directory = temporaryDirectory('home');
    const file = (name: string): string => path.join(directory, name);
    const drive = await startFtpServer({ software: 'vsftpd' });
    await makeOwnerKey(file('owner.public.asc'), file('owner.secret.asc'));
    await run`${encrocam} keygen --out ${file('camera')}`;
    await run`ssh-keygen -q -t ed25519 -N ${''} -C owner@home -f ${file('ssh-key')}`;
    return new Home({
      directory,
      drive,
      ownerPublicKey: await readFile(file('owner.public.asc'), 'utf8'),
      cameraSecretKey: await readFile(file('camera.secret.asc'), 'utf8'),
      sshPublicKey: (await readFile(file('ssh-key.pub'), 'utf8')).trim(),
    });
  }

  async close(): Promise<void> {
    await this.drive.stop();
    removeTemporary(this.directory);
  }

  /** A whole set of answers, as an owner writes them into `encrocam.json`. */
  answers(changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
    const { width, height, frameRate } = picture;
    return {
      hostName: 'garden',
      timeZone: 'Europe/Berlin',
      account: { name: 'maria', authorizedKeys: [this.sshPublicKey] },
      unlocking: { passphrase },
      signing: { from: 'import', secretKey: this.cameraSecretKey },
      owner: { keys: [{ from: 'file', file: 'owner.asc' }] },
      cameras: [
        {
          name: cameraName,
          input: { device: '/dev/video0', resolution: `${width}x${height}`, frameRate },
          encoder: { name: 'libx264', preset: 'ultrafast' },
        },
      ],
      storage: {
        driver: 'ftp',
        host: hostSeenFromMachine,
        port: this.drive.port,
        user: this.drive.user,
        password: this.drive.password,
        tls: { fingerprint: this.drive.fingerprint },
        timeoutSeconds: 10,
      },
      ...changes,
    };
  }

  /** Where a camera's recordings are on the drive, seen from this computer. */
  get recordingsDirectory(): string {
    return path.join(this.drive.rootDirectory, cameraName);
  }

  /** A drive as new: for a camera that has nothing to do with the one before. */
  async emptyDrive(): Promise<void> {
    await rm(this.recordingsDirectory, { recursive: true, force: true });
  }

  /** Bytes of recordings on the drive. */
  async bytesOnDrive(): Promise<number> {
    const names = await recordingNames(this.recordingsDirectory);
    const sizes = await Promise.all(
      names.map(async (name) => (await stat(path.join(this.recordingsDirectory, name))).size),
    );
    return sizes.reduce((sum, size) => sum + size, 0);
  }

  /** Waits until the drive holds more than `bytes`; returns how much it holds then. */
  async driveGrowsBeyond(bytes: number, { timeoutMs = 900_000 } = {}): Promise<number> {
    const deadlineMs = Date.now() + timeoutMs;
    for (;;) {
      const present = await this.bytesOnDrive();
      if (present > bytes) return present;
      if (Date.now() > deadlineMs) {
        throw new Error(
          `The drive holds ${present} bytes, not more than ${bytes}, after ${timeoutMs / 1000} s. Its log ends:\n${(await this.drive.logs()).slice(-2000)}`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }

  /** Checks what is in a directory of recordings, on the drive unless told otherwise, with the camera's public key alone. */
  async verify(directory = this.recordingsDirectory): Promise<Verified> {
    const verified = await run({ nothrow: true })`
      ${encrocam} verify ${directory} --json --signed-by ${this.cameraPublicFile}`;
    if (verified.exitCode === 1) throw new Error(`encrocam verify failed: ${verified.stderr}`);
    const { places } = JSON.parse(verified.stdout) as { places: Verified[] };
    return places[0] ?? assert.fail('nothing was verified');
  }

  /** Waits until what has come to the drive so far is as `is` wants it: the syncer may have much to catch up with. */
  async verifiesUntil(
    is: (intervals: Verified['intervals']) => boolean,
    { timeoutMs = 300_000 } = {},
  ): Promise<void> {
    const deadlineMs = Date.now() + timeoutMs;
    for (;;) {
      const { intervals } = await this.verify();
      if (is(intervals)) return;
      if (Date.now() > deadlineMs) throw new Error(`The drive holds ${JSON.stringify(intervals)}`);
      await new Promise((resolve) => setTimeout(resolve, 2000));
    }
  }

  /** Decrypts what is in a directory of recordings, on the drive unless told otherwise, and reads every frame's time. */
  async watch(
    directory = this.recordingsDirectory,
    { signedBy = this.cameraPublicFile }: { signedBy?: string } = {},
  ): Promise<Film> {
    // Kept after a failure: a frame that cannot be read is best looked at.
    const video = path.join(artifactsDirectory, `film-${process.pid}.mp4`);
    const decrypt = () => run({ nothrow: true })`
      ${encrocam} decrypt ${directory} ${video} --force --signed-by ${signedBy} --key ${path.join(this.directory, 'owner.secret.asc')}`;
    let decrypted = await decrypt();
    // What was recorded while locked reaches the drive before its certificate does.
    for (let attempt = 1; decrypted.exitCode === 3 && attempt < 20; attempt++) {
      await new Promise((resolve) => setTimeout(resolve, 3000));
      decrypted = await decrypt();
    }
    if (decrypted.exitCode !== 0 && decrypted.exitCode !== 2) {
      throw new Error(`encrocam decrypt ended with ${decrypted.exitCode}: ${decrypted.stderr}`);
    }
    const frames = await readBurntInTimes(video, picture.width, picture.height);
    const { stdout } =
      await run`ffprobe -v error -select_streams v:0 -show_entries stream=codec_name,width,height -of csv=p=0 ${video}`;
    assert.match(stdout, new RegExp(`^h264,${picture.width},${picture.height}`));
    await rm(video);
    return { exitCode: decrypted.exitCode ?? -1, messages: decrypted.stderr, frames };
  }
}

/** What `encrocam verify --json` says of a place. */
export interface Verified {
  readonly sound: boolean;
  readonly problems: readonly string[];
  readonly intervals: readonly {
    readonly state: string;
    readonly cause?: string;
    readonly from: string;
    readonly to: string;
  }[];
}

/** File names of recordings in a directory; none where there is no directory yet. */
export async function recordingNames(directory: string): Promise<string[]> {
  const entries = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return entries.filter((name) => name.endsWith('.encrocam')).sort();
}

export interface FilmGap {
  readonly afterMs: number;
  readonly lengthMs: number;
}

/** Jumps in the burnt-in time that are longer than two frames of whole seconds can explain. */
export function gapsIn(frames: readonly BurntInTime[], longerThanMs = 3000): FilmGap[] {
  const gaps: FilmGap[] = [];
  for (const [index, { timeMs }] of frames.entries()) {
    const before = frames[index - 1];
    if (before && timeMs - before.timeMs > longerThanMs) {
      gaps.push({ afterMs: before.timeMs, lengthMs: timeMs - before.timeMs });
    }
  }
  return gaps;
}

/** @throws where the time burnt into a frame is no time, or goes backwards. */
export function assertFramesInOrder(frames: readonly BurntInTime[]): void {
  assert.ok(frames.length > 0, 'there is no frame at all');
  for (const [index, { frame, text, timeMs }] of frames.entries()) {
    assert.ok(Number.isFinite(timeMs), `frame ${frame} shows ${text}, which is no time`);
    const before = frames[index - 1];
    assert.ok(!before || before.timeMs <= timeMs, `frame ${frame} shows ${text}, after ${before?.text}`);
  }
}
