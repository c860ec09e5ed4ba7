/**
 * `encrocam seal-key`: started by the recorder, not by people. Reads one request from standard input, seals each
 * secret for the owner, answers on standard output, and ends.
 */
import type { Command } from '../commands.ts';
import { EncroCamError, isEncroCamError, messageOf } from '../errors.ts';
import { exitCode } from '../exit-codes.ts';
import {
  maxSealRequestBytes,
  maxSecretsPerRequest,
  type SealAnswer,
  type SealRequest,
} from './sealed-key.ts';

export const command: Command = {
  help: 'Usage: encrocam seal-key < REQUEST > ANSWER\n\nUsed by encrocam record: seals the keys of recordings for the owner.\n',
  options: {},
  async run() {
    let answer: SealAnswer;
    try {
      answer = { messages: await sealAll(await readRequest()) };
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
  const { ownerKeys, signingKey, secrets } = request;
  if (!isTexts(ownerKeys) || typeof signingKey !== 'string' || !isTexts(secrets)) throw refused();
  if (secrets.length > maxSecretsPerRequest) throw refused();
  return { ownerKeys, signingKey, secrets };
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((entry) => typeof entry === 'string');
}

function refused(): EncroCamError {
  return new EncroCamError('USAGE', 'seal-key is for encrocam record, not for people.', {
    hint: 'See encrocam record --help.',
  });
}

async function sealAll(request: SealRequest): Promise<string[]> {
  const { loadSealingKeys, seal } = await import('../pgp/seal.ts');
  const keys = await loadSealingKeys(request.ownerKeys, request.signingKey);
  const messages: string[] = [];
  for (const secret of request.secrets) {
    messages.push(Buffer.from(await seal(Buffer.from(secret, 'base64'), keys)).toString('base64'));
  }
  return messages;
}
