/** Keys for recordings of EncroCrypt2, sealed by a child process. */
import { randomBytes } from 'node:crypto';
import { encodeKeyPacket, keyBytes, VideoEncrypter } from '../encrocrypt/index.ts';
import { childFailed, type Sealer } from './seal-child.ts';

/** A fresh key, and the packet that carries it to the owner. */
export interface SealedKey {
  readonly packet: Buffer;
  readonly encrypter: VideoEncrypter;
}

export const maxSecretsPerRequest = 32;

/** Seals each secret; the answers are OpenPGP messages in the same order. */
export type Seal = (secrets: readonly Buffer[]) => Promise<Buffer[]>;

export function sealIn(sealer: Pick<Sealer, 'ask'>): Seal {
  return async (secrets) => {
    const answer = await sealer.ask({ secrets: secrets.map((secret) => secret.toString('base64')) });
    if (!('messages' in answer) || answer.messages.length !== secrets.length) {
      throw childFailed('it answered something else');
    }
    return answer.messages.map((message) => Buffer.from(message, 'base64'));
  };
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
