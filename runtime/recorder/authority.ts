/**
 * Who signs a camera's runs: the camera, or, while it is locked, nobody. What was recorded while locked is certified once it
 * was unlocked: only what this very process recorded, as what lies on a card may come from anybody.
 */

import type { SealedRun } from './run-recording.ts';
import { childFailed, type Ready, type Sealer } from './seal-child.ts';
import { type RunPlan, sealRunIn } from './sealed-run.ts';

/** What a certificate vouches for. */
export interface CertifiableRun {
  readonly runId: Buffer;
  readonly headerHash: Buffer;
  readonly link: Buffer;
}

export class CameraAuthority {
  #sealer: Sealer;
  #isLocked: boolean;
  /** Whether what was recorded until then is to be certified. */
  readonly #unlocked = Promise.withResolvers<boolean>();

  /** @param sealer of a locked camera, it seals and does not sign. */
  constructor(sealer: Sealer, { isLocked = false } = {}) {
    this.#sealer = sealer;
    this.#isLocked = isLocked;
  }

  get isLocked(): boolean {
    return this.#isLocked;
  }

  /** Starts what seals, so that it is ready when it is asked. */
  prepare(): Promise<Ready> {
    return this.#sealer.prepare();
  }

  /** @throws {EncroCamError} see {@link Sealer.ask}. */
  async sealRun(plan: RunPlan): Promise<SealedRun> {
    return sealRunIn(this.#sealer)(plan);
  }

  /** From now on `sealer` signs. */
  unlock(sealer: Sealer, { certifies }: { readonly certifies: boolean }): void {
    this.#sealer.close();
    this.#sealer = sealer;
    this.#isLocked = false;
    this.#unlocked.resolve(certifies);
  }

  /**
   * Waits for the unlocking.
   * @returns the certificate's packet; `undefined` if nobody should believe what was recorded while locked.
   */
  async certify({ runId, headerHash, link }: CertifiableRun): Promise<Buffer | undefined> {
    if (!(await this.#unlocked.promise)) return undefined;
    const text = (bytes: Buffer): string => bytes.toString('base64');
    const answer = await this.#sealer.ask({
      certify: { runId: text(runId), headerHash: text(headerHash), link: text(link) },
    });
    if (!('certificate' in answer)) throw childFailed('it answered something else');
    return Buffer.from(answer.certificate, 'base64');
  }

  close(): void {
    this.#sealer.close();
  }
}
