/**
 * Small files of the ledger that lie beside recordings (`docs/ref/ledger.md`, Tree file and Proof file): their names. What is
 * in them is the ledger's; the syncer carries them.
 */
import { parseRecordingName, type RecordingName } from './names.ts';

/** In the recordings directory: tree files. On the drive they lie beside the first camera's recordings, where nothing has to be made for them. */
export const ledgerDirectoryName = 'ledger';
/** A proof that grew gets another number on the drive, where nothing is replaced. */
export const maxProofNumber = 99;

/** Of the proof beside a recording. On a drive there may be more of them, from 2 on: the highest number counts. */
export function proofFileName(recording: string, number = 1): string {
  return `${recording}.proof${number === 1 ? '' : `-${number}`}.json`;
}

/** The file that a proof stands beside, and its number; `undefined` for the name of anything else. */
export function parseProofName(
  name: string,
): { readonly recording: string; readonly number: number } | undefined {
  const match = /^(.+)\.proof(?:-([2-9]|[1-9]\d))?\.json$/s.exec(name);
  return match?.[1] === undefined ? undefined : { recording: match[1], number: Number(match[2] ?? 1) };
}

/** The recording that a proof is of, if that is named as ours are. */
export function recordingOfProof(name: string): RecordingName | undefined {
  const proof = parseProofName(name);
  return proof && parseRecordingName(proof.recording);
}

export function isTreeFileName(name: string): boolean {
  return /^tree-\d{8}T\d{6}Z-[0-9a-f]{16}\.json$/.test(name);
}
