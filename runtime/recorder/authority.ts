/**
 * Who signs a camera's runs: the camera, or, while it is locked, nobody. What was recorded while locked is certified once it
 * was unlocked: only what this very process recorded, as what lies on a card may come from anybody.
 */

import type { OwnerKeyRing } from './owner-key-ring.ts';
import type { SealedRun } from './run-recording.ts';
import { childFailed, type Ready, type Sealer } from './seal-child.ts';
import { type RunPlan, sealRunIn } from './sealed-run.ts';

/** What a certificate vouches for. */
export interface CertifiableRun {
  readonly runId: Buffer;
  readonly headerHash: Buffer;
  readonly link: Buffer;
}

interface AuthorityOptions {
  readonly isLocked?: boolean;
  readonly ownerKeys?: OwnerKeyRing | undefined;
}

interface UnlockOptions {
  readonly certifies: boolean;
  readonly ownerKeys?: OwnerKeyRing | undefined;
}

export class CameraAuthority {
  #sealer: Sealer;
  #ownerKeys: OwnerKeyRing | undefined;
  #isLocked: boolean;
  /** Whether what was recorded until then is to be certified. */
  readonly #unlocked = Promise.withResolvers<boolean>();

  /**
   * @param sealer of a locked camera, it seals and does not sign.
   * @param ownerKeys of an owner without OpenPGP; a locked camera does not have them.
   */
  constructor(sealer: Sealer, { isLocked = false, ownerKeys }: AuthorityOptions = {}) {
    this.#sealer = sealer;
    this.#isLocked = isLocked;
    this.#ownerKeys = ownerKeys;
  }

  get isLocked(): boolean {
    return this.#isLocked;
  }

  /** Of an owner without OpenPGP; `undefined` if there is none, or while the camera is locked. */
  get ownerKeys(): OwnerKeyRing | undefined {
    return this.#ownerKeys;
  }

  /** Starts what seals, so that it is ready when it is asked. */
  prepare(): Promise<Ready> {
    return this.#sealer.prepare();
  }

  /** @throws {EncroCamError} see {@link Sealer.ask}. */
  async sealRun(plan: RunPlan): Promise<SealedRun> {
    return sealRunIn(this.#sealer, this.#ownerKeys)(plan);
  }

  /** From now on `sealer` signs. */
  unlock(sealer: Sealer, { certifies, ownerKeys }: UnlockOptions): void {
    this.#sealer.close();
    this.#sealer = sealer;
    this.#ownerKeys = ownerKeys;
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
