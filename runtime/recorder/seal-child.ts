/**
 * The child process that seals: OpenPGP is needed for milliseconds an hour but would take 30 MiB all day, so
 * `encrocam seal-key` does it and ends soon after. What is secret goes through its standard input only: one line of JSON with the
 * keys' files, then one for each request; it answers each with a line.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Writable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import type { ClockState, Container } from '../encrocrypt/v3/index.ts';
import { EncroCamError, type ErrorCode, errorCodes, isEncroCamError, messageOf } from '../errors.ts';

/** Keys of OpenPGP, by their files. */
export interface SealingFiles {
  /** The owner's public keys. */
  readonly ownerKeys: readonly string[];
  readonly signingKey: string;
}

/** What a locked camera has of them. */
export interface LockedKeys {
  /** The owners' public keys, base64. */
  readonly ownerKeyBytes: readonly string[];
  /** Fingerprint of the key that it will sign with, hexadecimal. */
  readonly camera: string;
}

/** What is sealed: keys for EncroCrypt2 (base64, 16 bytes each), or a run of EncroCrypt3. And what is certified. */
export type SealRequest =
  | { readonly secrets: readonly string[] }
  | { readonly run: RunRequest }
  | { readonly certify: CertifyRequest };

/** Bytes in base64. */
export interface CertifyRequest {
  readonly runId: string;
  readonly headerHash: string;
  readonly link: string;
}

/** What the recorder knows of a run before it begins; bytes in base64. */
export interface RunRequest {
  readonly runId: string;
  readonly secret: string;
  /** The public half of the key that signs the run. */
  readonly runKey: string;
  readonly recording: string;
  readonly previous?: { readonly runId: string; readonly link: string };
  readonly startMs: number;
  readonly clock: { readonly state: ClockState; readonly errorMs?: number };
  readonly container: Container;
  readonly initialisation?: string;
  readonly notBefore?: string;
  readonly name?: string;
  readonly segmentMs: number;
  readonly checkpointMs: number;
  /** The secret for owners with symmetric keys, each a sealed field. */
  readonly wrapped?: readonly string[];
}

/**
 * OpenPGP messages in the order of the secrets; of a run what is signed, and the camera's signature unless it is locked; a
 * certificate's packet. Base64.
 */
export type SealAnswer =
  | { readonly messages: readonly string[] }
  | { readonly signedPart: string; readonly cameraSignature?: string }
  | { readonly certificate: string };

interface Failure {
  readonly error: { readonly code: string; readonly message: string; readonly hint?: string };
}
/** That the keys are good. What it says of them is public. */
export type Ready = LockedKeys;

/** What the child writes, as JSON; first of all that it is ready. */
export type ChildAnswer = SealAnswer | Ready | Failure;

export const maxSealRequestBytes = 1024 * 1024;
/** Beyond what 32 key packets, or a header, need. */
const maxAnswerBytes = 8 * 1024 * 1024;
/** RSA-4096 on a small board takes a second; a child that needs this long hangs. */
const sealTimeoutMs = 60_000;
/** A child that is not asked anything for so long ends. Several cameras ask within seconds of each other. */
const idleMs = 10_000;
/** Between attempts to start one: with little memory left, the system may have ended it. */
const preparePausesMs = [500, 2000];

/** Seals through a child that is started when it is needed, or shortly before, and serves whoever asks meanwhile. */
export class Sealer {
  readonly #files: SealingFiles | LockedKeys;
  readonly #entry: string;
  readonly #pause: (pauseMs: number) => Promise<unknown>;
  #child: SealChild | undefined;
  #isClosed = false;

  /** @param entry the program whose `seal-key` does the work: `encrocam` itself. */
  constructor(
    files: SealingFiles | LockedKeys,
    entry: string,
    pauseFor: (pauseMs: number) => Promise<unknown> = pause,
  ) {
    this.#files = files;
    this.#entry = entry;
    this.#pause = pauseFor;
  }

  /**
   * Starts the child, so that it is ready when it is asked. One that fails is started again: a recorder that begins would end
   * for it.
   * @returns when it has read the keys.
   * @throws {EncroCamError} what the child says of them, or `INTERNAL` where it fails again and again.
   */
  async prepare(): Promise<Ready> {
    for (const pauseMs of preparePausesMs) {
      try {
        return await this.#running().ready;
      } catch (error) {
        if (!isEncroCamError(error, 'INTERNAL')) throw error;
        await this.#pause(pauseMs);
        if (this.#isClosed) throw error;
      }
    }
    return this.#running().ready;
  }

  /** @throws {EncroCamError} what the child says, or `INTERNAL` where it fails. */
  async ask(request: SealRequest): Promise<SealAnswer> {
    const answer = await this.#running().ask(request);
    if ('camera' in answer) throw childFailed('it answered something else');
    return answer;
  }

  /** Lets the child go, if one runs; it is not started again for nobody. */
  close(): void {
    this.#isClosed = true;
    this.#child?.letGo();
  }

  #running(): SealChild {
    if (!this.#child?.takesRequests) this.#child = new SealChild(this.#files, this.#entry);
    return this.#child;
  }
}

interface Waiting {
  resolve(answer: Exclude<ChildAnswer, Failure>): void;
  reject(error: unknown): void;
}

class SealChild {
  /** It has read the keys. */
  readonly ready: Promise<Ready>;
  readonly #process: { readonly stdin: Writable; kill(signal: 'SIGKILL'): boolean };
  readonly #waiting: Waiting[] = [];
  #takesRequests = true;
  #timer: NodeJS.Timeout | undefined;

  constructor(files: SealingFiles | LockedKeys, entry: string) {
    const child = spawn(process.execPath, [...process.execArgv, entry, 'seal-key'], {
      stdio: ['pipe', 'pipe', 'inherit'],
      // A signal to the terminal's processes must not cut a seal short.
      detached: true,
    });
    this.#process = child;
    let bytes = 0;
    child.stdout.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > maxAnswerBytes) child.kill('SIGKILL');
    });
    createInterface({ input: child.stdout }).on('line', (line) => {
      bytes = 0;
      this.#answered(line);
    });
    child.once('error', (error) => this.#fail(childFailed(messageOf(error), error)));
    // A child that ends early breaks the pipe; its exit tells more than that.
    child.stdin.on('error', () => undefined);
    child.once('close', (code, signal) =>
      this.#fail(childFailed(`it ended with ${signal ?? `code ${code}`}`)),
    );
    this.ready = this.#send(files).then((answer) => {
      if ('camera' in answer) return answer;
      throw childFailed('it answered something else');
    });
    // Whoever waits for an answer hears of it as well.
    this.ready.catch(() => undefined);
  }

  get takesRequests(): boolean {
    return this.#takesRequests;
  }

  async ask(request: SealRequest): Promise<Exclude<ChildAnswer, Failure>> {
    const [, answer] = await Promise.all([this.ready, this.#send(request)]);
    return answer;
  }

  #send(line: SealingFiles | LockedKeys | SealRequest): Promise<Exclude<ChildAnswer, Failure>> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#arrangeEnd();
      this.#process.stdin.write(`${JSON.stringify(line)}\n`);
    });
  }

  #answered(line: string): void {
    const waiting = this.#waiting.shift();
    this.#arrangeEnd();
    if (!waiting) return;
    try {
      const answer = parseAnswer(line);
      if (!('error' in answer)) {
        waiting.resolve(answer);
        return;
      }
      const { code, message, hint } = answer.error;
      const known = code in errorCodes ? (code as ErrorCode) : 'INTERNAL';
      waiting.reject(new EncroCamError(known, message, hint === undefined ? {} : { hint }));
    } catch (error) {
      waiting.reject(error);
    }
  }

  /** It is given up if it does not answer, and let go when nobody asks. */
  #arrangeEnd(): void {
    clearTimeout(this.#timer);
    this.#timer =
      this.#waiting.length > 0
        ? setTimeout(() => this.#process.kill('SIGKILL'), sealTimeoutMs)
        : setTimeout(() => this.letGo(), idleMs);
  }

  /** It ends when it has answered what it was asked. */
  letGo(): void {
    this.#takesRequests = false;
    if (this.#waiting.length === 0) clearTimeout(this.#timer);
    this.#process.stdin.end();
  }

  #fail(error: EncroCamError): void {
    this.#takesRequests = false;
    clearTimeout(this.#timer);
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}

function parseAnswer(text: string): ChildAnswer {
  try {
    const answer = JSON.parse(text) as ChildAnswer;
    const kinds = ['error', 'camera', 'signedPart', 'certificate', 'messages'];
    if (kinds.some((kind) => kind in answer)) return answer;
  } catch (error) {
    throw childFailed('its answer is not JSON', error);
  }
  throw childFailed('its answer makes no sense');
}

export function childFailed(reason: string, cause?: unknown): EncroCamError {
  return new EncroCamError('INTERNAL', `The process that seals keys failed: ${reason}.`, {
    hint: 'Its last words are above; with little memory left, the system may have ended it.',
    cause,
  });
}
