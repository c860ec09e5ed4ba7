/**
 * `encrocam seal-key`: started by the recorder, not by people. Reads lines of JSON from standard input: the keys' files, then
 * what to seal for the owner; answers each with a line on standard output, and ends when no more come.
 */
import { createInterface } from 'node:readline';
import type { Command } from '../commands.ts';
import { EncroCamError, isEncroCamError, messageOf } from '../errors.ts';
import { exitCode } from '../exit-codes.ts';
import type { SealingKeys } from '../pgp/seal.ts';
import {
  type CertifyRequest,
  type ChildAnswer,
  type LockedKeys,
  maxSealRequestBytes,
  type Ready,
  type RunRequest,
  type SealAnswer,
  type SealingFiles,
} from './seal-child.ts';
import { maxSecretsPerRequest } from './sealed-key.ts';

export const command: Command = {
  help: 'Usage: encrocam seal-key < REQUESTS > ANSWERS\n\nUsed by encrocam record: seals the keys of recordings for the owner.\n',
  options: {},
  async run() {
    let keys: Keys | undefined;
    for await (const line of createInterface({ input: process.stdin })) {
      let answer: ChildAnswer;
      try {
        const request = parse(line);
        if (keys) {
          answer = await seal(request, keys);
        } else {
          keys = await loadKeys(request);
          answer = { camera: keys.camera, ownerKeyBytes: keys.ownerKeyBytes };
        }
      } catch (error) {
        answer = failure(error);
      }
      process.stdout.write(`${JSON.stringify(answer)}\n`);
      if (!keys) break;
    }
    return exitCode.whole;
  },
};

function failure(error: unknown): ChildAnswer {
  const hint = isEncroCamError(error) ? error.hint : undefined;
  return {
    error: {
      code: isEncroCamError(error) ? error.code : 'INTERNAL',
      message: messageOf(error),
      ...(hint === undefined ? {} : { hint }),
    },
  };
}

function parse(line: string): Record<string, unknown> {
  let request: unknown;
  try {
    if (line.length <= maxSealRequestBytes) request = JSON.parse(line);
  } catch {
    // The parser's message would quote the request, and secrets with it.
  }
  if (typeof request !== 'object' || request === null) throw refused();
  return request as Record<string, unknown>;
}

/** Those of a locked camera cannot sign. */
type Keys = Pick<SealingKeys, 'recipients'> & Partial<SealingKeys> & Ready;

async function loadKeys(request: Partial<SealingFiles & LockedKeys>): Promise<Keys> {
  const { ownerKeys, signingKey, ownerKeyBytes, camera } = request;
  if (isTexts(ownerKeyBytes) && typeof camera === 'string' && /^([0-9A-F]{40}|[0-9A-F]{64})$/.test(camera)) {
    const { parsePublicKeys } = await import('../pgp/keys.ts');
    const recipients = await Promise.all(
      ownerKeyBytes.map((text) => parsePublicKeys(Buffer.from(text, 'base64'), "the owner's keys")),
    );
    return { recipients: recipients.flat(), camera, ownerKeyBytes };
  }
  if (!isTexts(ownerKeys) || typeof signingKey !== 'string') throw refused();
  const { loadSealingKeys } = await import('../pgp/seal.ts');
  const { fingerprintOf } = await import('../pgp/keys.ts');
  const keys = await loadSealingKeys(ownerKeys, signingKey);
  // Their public halves, whatever else their files hold: this is to lie in the open.
  const publicKeys = keys.recipients.map((key) => Buffer.from(key.toPublic().write()).toString('base64'));
  return { ...keys, camera: fingerprintOf(keys.signer), ownerKeyBytes: publicKeys };
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((entry) => typeof entry === 'string');
}

function refused(): EncroCamError {
  return new EncroCamError('USAGE', 'seal-key is for encrocam record, not for people.', {
    hint: 'See encrocam record --help.',
  });
}

async function seal(request: object, keys: Keys): Promise<SealAnswer> {
  const { run, secrets, certify } = request as Partial<{
    run: RunRequest;
    secrets: string[];
    certify: CertifyRequest;
  }>;
  if (typeof run === 'object' && run !== null) return sealRun(run, keys);
  if (!canSign(keys)) throw refused();
  if (typeof certify === 'object' && certify !== null) return certifyRun(certify, keys);
  if (!isTexts(secrets) || secrets.length > maxSecretsPerRequest) throw refused();
  return { messages: await sealAll(secrets, keys) };
}

async function sealAll(secrets: readonly string[], keys: SealingKeys): Promise<string[]> {
  const { seal: sealKey } = await import('../pgp/seal.ts');
  const messages: string[] = [];
  for (const secret of secrets) {
    messages.push(Buffer.from(await sealKey(Buffer.from(secret, 'base64'), keys)).toString('base64'));
  }
  return messages;
}

/** Completes the statement with what only the keys tell, seals the run's secret, and signs both as the camera. */
async function sealRun(run: RunRequest, keys: Keys): Promise<SealAnswer> {
  const { sealRunSecret, signLine } = await import('../pgp/run-seal.ts');
  const { fingerprintOf } = await import('../pgp/keys.ts');
  const { commitmentOf, encodeSignedPart, idOfWrapped, signedLine } = await import(
    '../encrocrypt/v3/index.ts'
  );
  const bytes = (text: string): Buffer => Buffer.from(text, 'base64');
  const { secret, previous, initialisation, wrapped: wrappedTexts = [], ...known } = run;
  const wrapped = wrappedTexts.map(bytes);
  const openpgp =
    keys.recipients.length > 0 ? Buffer.from(await sealRunSecret(bytes(secret), keys)) : undefined;
  const part = encodeSignedPart(
    {
      ...known,
      camera: Buffer.from(keys.camera, 'hex'),
      runId: bytes(run.runId),
      ...(previous ? { previous: { runId: bytes(previous.runId), link: bytes(previous.link) } } : {}),
      ...(initialisation === undefined ? {} : { initialisation: bytes(initialisation) }),
      recipients: [
        ...keys.recipients.map((key) => ({
          type: 'openpgp' as const,
          id: Buffer.from(fingerprintOf(key), 'hex'),
        })),
        ...wrapped.map((field) => ({ type: 'symmetric' as const, id: idOfWrapped(field) })),
      ],
      commitment: commitmentOf(bytes(secret), bytes(run.runId)),
      runKey: bytes(run.runKey),
    },
    { ...(openpgp ? { openpgp } : {}), wrapped },
  );
  const signedPart = part.bytes.toString('base64');
  if (!canSign(keys)) return { signedPart };
  const cameraSignature = await signLine(signedLine(part.hash), keys);
  return { signedPart, cameraSignature: Buffer.from(cameraSignature).toString('base64') };
}

async function certifyRun(request: CertifyRequest, keys: SealingKeys): Promise<SealAnswer> {
  const { signLine } = await import('../pgp/run-seal.ts');
  const { certifiedLine, encodeCertificate } = await import('../encrocrypt/v3/index.ts');
  const [runId, headerHash, link] = [request.runId, request.headerHash, request.link].map((text) =>
    Buffer.from(text, 'base64'),
  ) as [Buffer, Buffer, Buffer];
  const cameraSignature = Buffer.from(await signLine(certifiedLine({ runId, headerHash, link }), keys));
  return { certificate: encodeCertificate({ runId, headerHash, link, cameraSignature }).toString('base64') };
}

function canSign(keys: Keys): keys is Keys & SealingKeys {
  return keys.signer !== undefined;
}
