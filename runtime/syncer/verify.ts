/**
 * Finds the copy on the drive that a recording goes on with: the first whose bytes are the beginning of the local
 * file, or a new one under a name that is free. A copy with other bytes, or more of them, is never appended to.
 */
import path from 'node:path';
import { EncroCamError } from '../errors.ts';
import type { DrivePath, Storage } from '../storage/storage.ts';
import { compareCopy } from './compare.ts';
import type { Ledger, Recording } from './ledger.ts';
import { maxCopiesMade, planCopy } from './plan.ts';
import { seamBytes } from './upload.ts';

export interface VerifyOptions {
  readonly storage: Storage;
  readonly ledger: Ledger;
  readonly recording: Recording;
  readonly session: number;
  /** Sizes of the drive's files. */
  readonly drive: ReadonlyMap<string, number>;
  readonly pathOf: (fileName: string) => DrivePath;
  /** Called once for each copy that differs. */
  readonly different: (error: EncroCamError) => void;
  /** Called when the drive turns out to hold `bytes` more than the disk. */
  readonly ahead: (bytes: number) => void;
}

/** Sets the recording's copy, unless its local file is gone. */
export async function verifyCopy(options: VerifyOptions): Promise<void> {
  const { storage, ledger, recording, session, drive } = options;
  const { fileName } = recording.name;
  // The file has grown since it was last looked at; a drive that has more than it had then is no mismatch.
  ledger.changed(fileName);
  await ledger.update();
  if (!ledger.has(recording)) return;
  const use = (target: typeof recording.name, bytes: number, tail: Uint8Array): void => {
    recording.confirmedBytes = bytes;
    recording.seam = Uint8Array.prototype.slice.call(tail, -seamBytes);
    recording.copy = { kind: 'known', target, bytes, session };
  };
  for (;;) {
    const { name, localBytes, mismatched, made } = recording;
    const plan = planCopy(name, localBytes, { drive, mismatched, made });
    switch (plan.kind) {
      case 'create':
        made.add(plan.target.fileName);
        return use(plan.target, 0, new Uint8Array());
      case 'give-up':
        recording.copy = { kind: 'given-up' };
        recording.confirmedBytes = 0;
        options.different(spoiled(fileName));
        return;
      case 'longer': {
        const localFile = path.join(ledger.directory, fileName);
        const file = options.pathOf(plan.target.fileName);
        const comparison = await compareCopy(storage, file, localBytes, localFile, false);
        if (comparison.kind === 'gone') return ledger.changed(fileName);
        if (comparison.kind === 'same') {
          recording.copy = { kind: 'ahead', target: plan.target, localBytes };
          recording.confirmedBytes = localBytes;
          options.ahead((drive.get(plan.target.fileName) ?? localBytes) - localBytes);
          return;
        }
        mismatched.add(plan.target.fileName);
        options.different(mismatch(fileName, plan.target.fileName, 'the drive has more of it than the disk'));
        await storage.connect();
        break;
      }
      case 'compare': {
        const file = options.pathOf(plan.target.fileName);
        const localFile = path.join(ledger.directory, fileName);
        const comparison = await compareCopy(storage, file, plan.bytes, localFile);
        if (comparison.kind === 'same') return use(plan.target, plan.bytes, comparison.tail);
        if (comparison.kind === 'gone') return ledger.changed(fileName);
        mismatched.add(plan.target.fileName);
        options.different(mismatch(fileName, plan.target.fileName, comparison.reason));
        // A driver may have ended the session over a file that it could not read.
        await storage.connect();
      }
    }
  }
}

function mismatch(recording: string, driveFile: string, reason: string): EncroCamError {
  return new EncroCamError(
    'STORAGE_MISMATCH',
    `${driveFile} on the drive differs from the recording ${recording} on disk: ${reason}.`,
    {
      hint: 'It is left as it is and the recording goes beside it under a conflict name. Find out who wrote to it.',
    },
  );
}

function spoiled(recording: string): EncroCamError {
  return new EncroCamError(
    'STORAGE_MISMATCH',
    `The recording ${recording} is not uploaded further: ${maxCopiesMade} copies were begun on the drive, and each holds other bytes now.`,
    { hint: 'Somebody writes to them, or the drive changes what it is given. The disk has the recording.' },
  );
}
