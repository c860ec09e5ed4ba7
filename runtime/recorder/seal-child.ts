/**
 * The child process that seals: OpenPGP is needed for milliseconds an hour but would take 30 MiB all day, so
 * `encrocam seal-key` does it and ends. What is secret goes through its standard input only.
 */
import { spawn } from 'node:child_process';
import type { ClockState, Container } from '../encrocrypt/v3/index.ts';
import { EncroCamError, type ErrorCode, errorCodes, messageOf } from '../errors.ts';

/** Keys of OpenPGP, by their files. */
export interface SealingFiles {
  /** The owner's public keys. */
  readonly ownerKeys: readonly string[];
  readonly signingKey: string;
}

/** What is sealed: keys for EncroCrypt2 (base64, 16 bytes each), or a run of EncroCrypt3. */
export type SealRequest = SealingFiles &
  ({ readonly secrets: readonly string[] } | { readonly run: RunRequest });

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
  readonly segmentMs: number;
  readonly checkpointMs: number;
}

/** OpenPGP messages in the order of the secrets; or of a run what is signed, and the camera's signature. Base64. */
export type SealAnswer =
  | { readonly messages: readonly string[] }
  | { readonly signedPart: string; readonly cameraSignature: string };

interface Failure {
  readonly error: { readonly code: string; readonly message: string; readonly hint?: string };
}
/** What the child writes, as JSON. */
export type ChildAnswer = SealAnswer | Failure;

export const maxSealRequestBytes = 1024 * 1024;
/** Beyond what 32 key packets, or a header, need. */
const maxAnswerBytes = 8 * 1024 * 1024;
/** RSA-4096 on a small board takes a second; a child that needs this long hangs. */
const sealTimeoutMs = 60_000;

/**
 * @param entry the program whose `seal-key` does the work: `encrocam` itself.
 * @throws {EncroCamError} what the child says, or `INTERNAL` where it fails.
 */
export async function askSealChild(entry: string, request: SealRequest): Promise<SealAnswer> {
  const answer = parseAnswer(await runChild(entry, JSON.stringify(request)));
  if (!('error' in answer)) return answer;
  const { code, message, hint } = answer.error;
  throw new EncroCamError(
    code in errorCodes ? (code as ErrorCode) : 'INTERNAL',
    message,
    hint === undefined ? {} : { hint },
  );
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

function parseAnswer(text: string): ChildAnswer {
  try {
    const answer = JSON.parse(text) as ChildAnswer;
    if ('error' in answer || 'signedPart' in answer || Array.isArray(answer.messages)) return answer;
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
