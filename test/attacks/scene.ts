/** Where an attack happens: a camera's recordings in a directory of the test's own, and what its owner is told of them. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { packetType } from '../../runtime/encrocrypt/v3/index.ts';
import { makeKeyFiles } from '../../runtime/pgp/keygen-command.ts';
import { loadSealingKeys, type SealingKeys } from '../../runtime/pgp/seal.ts';
import {
  cameraFile,
  ownerFile,
  type Recording,
  type RecordingOptions,
  type Recordings,
  recordMinutes,
} from '../support/camera-recordings.ts';
import { verify } from '../support/verify-command.ts';

export const exitCode = { sound: 0, unsound: 2, notAuthentic: 3 } as const;

/** A directory that is gone when the test is over. */
export async function temporaryDirectory(context: TestContext): Promise<string> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'encrocam-attack-'));
  context.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** Recordings of a minute each from 08:00 on, a packet a second. That these are found intact is `verify.test.ts`'s to show. */
export async function scene<Count extends keyof Recordings>(
  context: TestContext,
  count: Count,
  options?: RecordingOptions,
): Promise<{ place: string; recordings: Recordings[Count] }> {
  const place = path.join(await temporaryDirectory(context), 'front-door');
  const recordings = await recordMinutes(place, count, options);
  return { place, recordings };
}

/** What `encrocam verify` says of a file or directory, with the camera's public key. */
export async function assertTold(
  place: string,
  expectedExitCode: number,
  ...patterns: readonly RegExp[]
): Promise<void> {
  const { exitCode: found, output, errors } = await verify([place, '--signed-by', cameraFile]);
  assert.equal(found, expectedExitCode, output + errors);
  for (const pattern of patterns) assert.match(output, pattern);
}

/** Writes a recording anew from its packets: the header, then five and a checkpoint, twelve times, then the final. */
export async function rewrite(
  { file, run }: Recording,
  change: (packets: Buffer[]) => readonly Buffer[],
): Promise<void> {
  await writeFile(file, Buffer.concat([...change([...run.packets])]));
}

/** Where the packet of a second stands in a recording. */
export function indexOfSecond(second: number): number {
  return 1 + second + Math.floor(second / 5);
}

/** Where the checkpoint stands that was made at this second: 5, 10, … */
export function indexOfCheckpoint(second: number): number {
  return indexOfSecond(second) - 1;
}

export function isData(packet: Buffer): boolean {
  return ((packet[3] ?? 0) & packetType.data) !== 0;
}

/** A camera of somebody else, with the same owner. */
export async function strangersKeys(context: TestContext): Promise<SealingKeys> {
  const { secretFile } = await makeKeyFiles(
    path.join(await temporaryDirectory(context), 'stranger'),
    'stranger',
  );
  return loadSealingKeys([ownerFile], secretFile);
}
