/**
 * `encrocam seal-key`: started by the recorder, not by people. Reads one request from standard input, seals what it
 * holds for the owner, answers on standard output, and ends.
 */
import type { Command } from '../commands.ts';
import { EncroCamError, isEncroCamError, messageOf } from '../errors.ts';
import { exitCode } from '../exit-codes.ts';
import {
  type ChildAnswer,
  maxSealRequestBytes,
  type RunRequest,
  type SealAnswer,
  type SealingFiles,
  type SealRequest,
} from './seal-child.ts';
import { maxSecretsPerRequest } from './sealed-key.ts';

export const command: Command = {
  help: 'Usage: encrocam seal-key < REQUEST > ANSWER\n\nUsed by encrocam record: seals the keys of recordings for the owner.\n',
  options: {},
  async run() {
    let answer: ChildAnswer;
    try {
      answer = await seal(await readRequest());
    } catch (error) {
      const hint = isEncroCamError(error) ? error.hint : undefined;
      answer = {
        error: {
          code: isEncroCamError(error) ? error.code : 'INTERNAL',
          message: messageOf(error),
          ...(hint === undefined ? {} : { hint }),
        },
      };
    }
    process.stdout.write(JSON.stringify(answer));
    return exitCode.whole;
  },
};

async function readRequest(): Promise<SealRequest> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxSealRequestBytes) throw refused();
    chunks.push(chunk);
  }
  let request: SealRequest;
  try {
    request = JSON.parse(Buffer.concat(chunks).toString('utf8')) as SealRequest;
  } catch {
    // The parser's message would quote the request, and secrets with it.
    throw refused();
  }
  if (!isTexts(request.ownerKeys) || typeof request.signingKey !== 'string') throw refused();
  if ('run' in request) {
    if (typeof request.run !== 'object' || request.run === null) throw refused();
  } else if (!isTexts(request.secrets) || request.secrets.length > maxSecretsPerRequest) throw refused();
  return request;
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((entry) => typeof entry === 'string');
}

function refused(): EncroCamError {
  return new EncroCamError('USAGE', 'seal-key is for encrocam record, not for people.', {
    hint: 'See encrocam record --help.',
  });
}

async function seal(request: SealRequest): Promise<SealAnswer> {
  return 'run' in request
    ? sealRun(request.run, request)
    : { messages: await sealAll(request.secrets, request) };
}

async function sealAll(secrets: readonly string[], files: SealingFiles): Promise<string[]> {
  const { loadSealingKeys, seal: sealKey } = await import('../pgp/seal.ts');
  const keys = await loadSealingKeys(files.ownerKeys, files.signingKey);
  const messages: string[] = [];
  for (const secret of secrets) {
    messages.push(Buffer.from(await sealKey(Buffer.from(secret, 'base64'), keys)).toString('base64'));
  }
  return messages;
}

/** Completes the statement with what only the keys tell, seals the run's secret, and signs both as the camera. */
async function sealRun(run: RunRequest, files: SealingFiles): Promise<SealAnswer> {
  const { loadSealingKeys } = await import('../pgp/seal.ts');
  const { sealRunSecret, signLine } = await import('../pgp/run-seal.ts');
  const { fingerprintOf } = await import('../pgp/keys.ts');
  const { commitmentOf, encodeSignedPart, signedLine } = await import('../encrocrypt/v3/index.ts');
  const keys = await loadSealingKeys(files.ownerKeys, files.signingKey);
  const bytes = (text: string): Buffer => Buffer.from(text, 'base64');
  const { secret, previous, initialisation, ...known } = run;
  const part = encodeSignedPart(
    {
      ...known,
      camera: Buffer.from(fingerprintOf(keys.signer), 'hex'),
      runId: bytes(run.runId),
      ...(previous ? { previous: { runId: bytes(previous.runId), link: bytes(previous.link) } } : {}),
      ...(initialisation === undefined ? {} : { initialisation: bytes(initialisation) }),
      recipients: keys.recipients.map((key) => ({
        type: 'openpgp',
        id: Buffer.from(fingerprintOf(key), 'hex'),
      })),
      commitment: commitmentOf(bytes(secret), bytes(run.runId)),
      runKey: bytes(run.runKey),
    },
    { openpgp: Buffer.from(await sealRunSecret(bytes(secret), keys)), wrapped: [] },
  );
  const cameraSignature = await signLine(signedLine(part.hash), keys);
  return {
    signedPart: part.bytes.toString('base64'),
    cameraSignature: Buffer.from(cameraSignature).toString('base64'),
  };
}
