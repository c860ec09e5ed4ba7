/** Where an attack on a camera with a ledger happens: four recordings, three of them in two committed trees, the fourth newer. */
import assert from 'node:assert/strict';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { type Recordings, recordMinutes } from '../support/camera-recordings.ts';
import { LedgerScene } from '../support/ledger-scene.ts';
import { temporaryDirectory } from './scene.ts';

export interface Committed {
  readonly chain: LedgerScene;
  readonly place: string;
  readonly recordings: Recordings[4];
  /** What the recordings' headers name: a block of a minute before them. */
  readonly notBefore: string;
}

export async function committed(context: TestContext): Promise<Committed> {
  const place = path.join(await temporaryDirectory(context), 'front-door');
  const chain = await LedgerScene.start();
  context.after(() => chain.stop());
  await chain.claim(-30);
  const notBefore = await chain.blockAt(-1);
  const recordings = await recordMinutes(place, 4, { run: () => ({ statement: { notBefore } }) });
  await chain.commitWithFiles(place, recordings.slice(0, 2), { first: 0, last: 2.5 });
  await chain.commitWithFiles(place, recordings.slice(2, 3), { first: 2.5, last: 3.5 });
  return { chain, place, recordings, notBefore };
}

/** What the owner is told, who knows the camera's address and a node that tells the truth. */
export async function assertChainTells(
  { chain, place }: Pick<Committed, 'chain' | 'place'>,
  expectedExitCode: number,
  ...patterns: readonly RegExp[]
): Promise<void> {
  const { exitCode, output, errors } = await chain.verify(place);
  assert.equal(exitCode, expectedExitCode, output + errors);
  for (const pattern of patterns) assert.match(output, pattern);
}
