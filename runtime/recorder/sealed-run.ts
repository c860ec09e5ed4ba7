/** Runs of EncroCrypt3, sealed by a child process. The key that signs a run never leaves this one. */
import { randomBytes } from 'node:crypto';
import {
  type Container,
  encodeHeader,
  hashOfSignedPart,
  makeRunKey,
  RunWriter,
  runIdBytes,
  type Statement,
  secretBytes,
} from '../encrocrypt/v3/index.ts';
import type { OwnerKeyRing } from './owner-key-ring.ts';
import type { SealedRun } from './run-recording.ts';
import { childFailed, type Sealer } from './seal-child.ts';

/** A minute: what is given away is given away by the minute. */
export const segmentMs = 60_000;
/** What a power cut may leave without anybody to vouch for it. */
export const checkpointMs = 5000;

/** What the recorder knows of a run when it begins. */
export interface RunPlan {
  /** File name. */
  readonly recording: string;
  readonly previous?: NonNullable<Statement['previous']>;
  /** By the wall clock, and by the monotonic one. */
  readonly startMs: number;
  readonly startedMs: number;
  readonly clock: Statement['clock'];
  readonly container: Container;
  readonly initialisation?: Buffer;
  /** The newest block of a public chain, as headers name it. */
  readonly notBefore?: string;
  /** Of the camera. */
  readonly name?: string;
}

export type SealRun = (plan: RunPlan) => Promise<SealedRun>;

/** @param owner wraps the secret for owners with symmetric keys, at this moment's keys. */
export function sealRunIn(sealer: Pick<Sealer, 'ask'>, owner?: Pick<OwnerKeyRing, 'wrap'>): SealRun {
  return async ({ previous, initialisation, startedMs, ...plan }) => {
    const [runId, secret, runKey] = [randomBytes(runIdBytes), randomBytes(secretBytes), makeRunKey()];
    const text = (bytes: Buffer): string => bytes.toString('base64');
    const wrapped = owner?.wrap(secret, runId).map(text);
    const answer = await sealer.ask({
      run: {
        ...plan,
        ...{
          runId: text(runId),
          secret: text(secret),
          runKey: text(runKey.publicKey),
          segmentMs,
          checkpointMs,
        },
        ...(previous ? { previous: { runId: text(previous.runId), link: text(previous.link) } } : {}),
        ...(initialisation ? { initialisation: text(initialisation) } : {}),
        ...(wrapped ? { wrapped } : {}),
      },
    });
    if (!('signedPart' in answer)) throw childFailed('it answered something else');
    const bytes = Buffer.from(answer.signedPart, 'base64');
    const part = { bytes, hash: hashOfSignedPart(bytes) };
    const { cameraSignature } = answer;
    const isLocked = cameraSignature === undefined;
    const signature = isLocked ? undefined : Buffer.from(cameraSignature, 'base64');
    const header = encodeHeader(part, signature, runKey.privateKey);
    const writer = new RunWriter({
      ...{ runId, secret, runPrivateKey: runKey.privateKey, headerHash: part.hash, segmentMs },
    });
    const { publicKey } = runKey;
    return {
      header,
      writer,
      runId,
      runKey: publicKey,
      headerHash: part.hash,
      isLocked,
      startMs: plan.startMs,
      startedMs,
      checkpointMs,
    };
  };
}
