/**
 * Keys for recordings. OpenPGP is needed for milliseconds an hour but would take 30 MiB all day: a child process,
 * `encrocam seal-key`, does it and ends. What is secret goes through its standard input only.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { encodeKeyPacket, keyBytes, maxKeyBodyBytes, VideoEncrypter } from '../encrocrypt/index.ts';
import { EncroCamError, type ErrorCode, errorCodes, messageOf } from '../errors.ts';

/** A fresh key, and the packet that carries it to the owner. */
export interface SealedKey {
  readonly packet: Buffer;
  readonly encrypter: VideoEncrypter;
}

/** What the child reads, as JSON. */
export interface SealRequest {
  /** Files with the owner's public keys. */
  readonly ownerKeys: readonly string[];
  readonly signingKey: string;
  /** Base64, 16 bytes each. */
  readonly secrets: readonly string[];
}

/** What the child answers, as JSON. */
export type SealAnswer =
  | { readonly messages: readonly string[] }
  | { readonly error: { readonly code: string; readonly message: string; readonly hint?: string } };

export const maxSecretsPerRequest = 32;
export const maxSealRequestBytes = 1024 * 1024;
const maxAnswerBytes = maxSecretsPerRequest * 2 * maxKeyBodyBytes;
/** RSA-4096 on a small board takes a second; a child that needs this long hangs. */
const sealTimeoutMs = 60_000;

/** Seals each secret; the answers are OpenPGP messages in the same order. */
export type Seal = (secrets: readonly Buffer[]) => Promise<Buffer[]>;

/**
 * @param entry the program whose `seal-key` does the work: `encrocam` itself.
 */
export function sealInChild(files: Pick<SealRequest, 'ownerKeys' | 'signingKey'>, entry: string): Seal {
  return async (secrets) => {
    const request: SealRequest = {
      ...files,
      secrets: secrets.map((secret) => secret.toString('base64')),
    };
    const answer = parseAnswer(await runChild(entry, JSON.stringify(request)));
    if ('error' in answer) {
      const { code, message, hint } = answer.error;
      throw new EncroCamError(
        code in errorCodes ? (code as ErrorCode) : 'INTERNAL',
        message,
        hint === undefined ? {} : { hint },
      );
    }
    if (answer.messages.length !== secrets.length) throw childFailed('it answered too little');
    return answer.messages.map((message) => Buffer.from(message, 'base64'));
  };
}

function runChild(entry: string, request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...process.execArgv, entry, 'seal-key'], {
      stdio: ['pipe', 'pipe', 'inherit'],
      timeout: sealTimeoutMs,
      killSignal: 'SIGKILL',
      // A signal to the terminal's processes must not cut a seal short.
      detached: true,
    });
    const chunks: Buffer[] = [];
    let bytes = 0;
    child.stdout.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > maxAnswerBytes) child.kill('SIGKILL');
      else chunks.push(chunk);
    });
    child.once('error', (error) => reject(childFailed(messageOf(error), error)));
    // A child that ends early breaks the pipe; its exit tells more than that.
    child.stdin.on('error', () => undefined);
    child.once('close', (code, signal) => {
      if (code === 0 && bytes <= maxAnswerBytes) resolve(Buffer.concat(chunks).toString('utf8'));
      else reject(childFailed(`it ended with ${signal ?? `code ${code}`}`));
    });
    child.stdin.end(request);
  });
}

function parseAnswer(text: string): SealAnswer {
  try {
    const answer = JSON.parse(text) as SealAnswer;
    if ('error' in answer || Array.isArray(answer.messages)) return answer;
  } catch (error) {
    throw childFailed('its answer is not JSON', error);
  }
  throw childFailed('its answer makes no sense');
}

function childFailed(reason: string, cause?: unknown): EncroCamError {
  return new EncroCamError('INTERNAL', `The process that seals keys failed: ${reason}.`, {
    hint: 'Its last words are above; with little memory left, the system may have ended it.',
    cause,
  });
}

/**
 * Hands out fresh sealed keys. Requests that come while a child works go to the next one together, so that
 * sixteen cameras that change recordings at once do not start sixteen children.
 */
export class KeySource {
  readonly #seal: Seal;
  #waiting: { resolve: (key: SealedKey) => void; reject: (error: unknown) => void }[] = [];
  #working = false;

  constructor(seal: Seal) {
    this.#seal = seal;
  }

  next(): Promise<SealedKey> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      // In a microtask, so that requests made together go together.
      if (!this.#working) {
        this.#working = true;
        queueMicrotask(() => void this.#work());
      }
    });
  }

  async #work(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, maxSecretsPerRequest);
      const secrets = batch.map(() => randomBytes(keyBytes));
      try {
        const messages = await this.#seal(secrets);
        for (const [index, { resolve }] of batch.entries()) {
          const [secret, message] = [secrets[index], messages[index]];
          if (!secret || !message) throw childFailed('it answered too little');
          resolve({ packet: encodeKeyPacket(message), encrypter: new VideoEncrypter(secret) });
        }
      } catch (error) {
        for (const { reject } of batch) reject(error);
      } finally {
        for (const secret of secrets) secret.fill(0);
      }
    }
    this.#working = false;
  }
}
