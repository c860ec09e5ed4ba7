/** Where an owner without OpenPGP has the keys of runs from: all video keys ever made for their cameras, by their ids. */
import {
  commitmentOf,
  type Header,
  idOfWrapped,
  type RunKeys,
  rootOf,
  unwrapSecret,
} from '../encrocrypt/v3/index.ts';
import { EncroCamError, isEncroCamError } from '../errors.ts';
import { NoSecretKeyError } from '../pgp/decrypter.ts';
import { videoKeyId } from '../video-keys/keys.ts';
import type { RunKeySource } from './run-keys.ts';

/** @param keys for recordings, 32 bytes each. */
export function videoRunKeys(keys: readonly Buffer[]): RunKeySource {
  const byId = new Map(keys.map((key) => [videoKeyId(key).toString('hex'), key]));
  return {
    async keysOf(header) {
      for (const field of header.sealed.wrapped) {
        const key = byId.get(idOfWrapped(field).toString('hex'));
        if (key) return opened(header, unwrapSecret(field, header.statement.runId, key));
      }
      throw new NoSecretKeyError("The owner's key file has", {
        hint: 'Give the newest copy of the file. What was recorded while the camera was locked, or for others, has another key.',
      });
    },
  };
}

function opened({ statement }: Header, secret: Buffer | undefined): RunKeys {
  const { runId, segmentMs, commitment } = statement;
  if (!secret || !commitmentOf(secret, runId).equals(commitment)) {
    throw new EncroCamError('NOT_AUTHENTIC', "A run's header has something else sealed than its secret.", {
      hint: 'Whoever wrote this header is not to be trusted. Try another copy of this recording.',
    });
  }
  const root = rootOf(secret, runId);
  secret.fill(0);
  return { runId, segmentMs, nodes: [root] };
}

/** Asks the second one where the first one has no key. */
export function firstOf(first: RunKeySource, second: RunKeySource): RunKeySource {
  return {
    async keysOf(header) {
      try {
        return (await first.keysOf(header)) ?? (await second.keysOf(header));
      } catch (error) {
        if (!isEncroCamError(error, 'DECRYPTION_FAILED')) throw error;
        return second.keysOf(header);
      }
    },
  };
}
