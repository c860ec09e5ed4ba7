/**
 * A header that nobody signed takes over what is sealed in a genuine one, with a time that will be shared: whoever shares that time
 * would give away the keys of the genuine run, which lies beside it.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type TestContext } from 'node:test';
import {
  coverOf,
  encodeHeader,
  encodeSignedPart,
  makeRunKey,
  RunWriter,
  rootOf,
} from '../../runtime/encrocrypt/v3/index.ts';
import { decodeCapability } from '../../runtime/sharing/capability.ts';
import { bytesInLink } from '../../runtime/sharing/link.ts';
import { cameraFile, firstMs, minuteMs, type Recordings } from '../support/camera-recordings.ts';
import type { SyntheticRun } from '../support/synthetic-run.ts';
import { scene } from './scene.ts';

const ownerSecret = path.join(import.meta.dirname, '../vectors/encrocrypt2/owner.secret.asc');
const encrocam = path.join(import.meta.dirname, '../../bin/encrocam');

interface Outcome {
  readonly code: number;
  readonly output: string;
  readonly messages: string;
}

/** An owner's command over the second minute. */
function ofSecondMinute(command: string, place: string, ...more: string[]): Promise<Outcome> {
  const at = (minute: number): string => new Date(firstMs + minute * minuteMs).toISOString();
  const args = [command, place, '--from', at(1), '--to', at(2)];
  const keys = ['--signed-by', cameraFile, '--key', ownerSecret];
  return new Promise((resolve) => {
    execFile(
      encrocam,
      [...args, ...keys, ...more],
      { env: { ...process.env, TZ: 'UTC' } },
      (error, output, messages) => resolve({ code: error ? Number(error.code) : 0, output, messages }),
    );
  });
}

/** What `target` has sealed, in a run of nobody's that is as long as a second and begins when the attacker likes. */
function decoy({ header }: SyntheticRun, startMs: number): Buffer {
  const runKey = makeRunKey();
  const statement = { ...header.statement, startMs, runKey: runKey.publicKey };
  const part = encodeSignedPart(statement, header.sealed);
  // Its own secret: nothing is encrypted, and so nobody asks.
  const run = new RunWriter({
    ...{ runId: statement.runId, secret: Buffer.alloc(32), headerHash: part.hash },
    ...{ runPrivateKey: runKey.privateKey, segmentMs: statement.segmentMs },
  });
  const signed = encodeHeader(part, undefined, runKey.privateKey);
  return Buffer.concat([signed, run.checkpoint(1000), ...run.final(1000, 'stop')]);
}

/** Two minutes; the first is private, and its decoy stands in the second's file. */
async function trap(context: TestContext): Promise<{ place: string; recordings: Recordings[2] }> {
  const { place, recordings } = await scene(context, 2);
  const [{ run }, { file, run: shared }] = recordings;
  await writeFile(file, Buffer.concat([shared.bytes, decoy(run, firstMs + 1.5 * minuteMs)]));
  return { place, recordings };
}

test('a share of one minute has no key of the run whose sealed secret a decoy in that minute carries', async (context) => {
  const { place, recordings } = await trap(context);
  const [secret, shared] = recordings;
  const { code, output, messages } = await ofSecondMinute('share', place, '--link');
  assert.equal(code, 0, messages);
  assert.match(messages, /^! left out, since nobody signed it, see --unsigned: a run in .*/);
  const { runs } = decodeCapability(bytesInLink(output.trim()));
  assert.deepEqual(
    runs.map(({ headerHash }) => headerHash),
    [shared.run.header.hash],
  );
  const [root] = coverOf(rootOf(secret.run.secret, secret.run.runId), 0, 4095);
  assert.ok(root && runs.every(({ nodes }) => nodes.every(({ key }) => !key.equals(root.key))));
});

test('where the decoy is all that is there, nothing is shared and nothing written', async (context) => {
  const { place, recordings } = await trap(context);
  const [{ run, fileName: other }, { file, fileName }] = recordings;
  await writeFile(file, decoy(run, firstMs + 1.5 * minuteMs));
  for (const [command, ...more] of [
    ['share', '--link'],
    ['export', '--out', path.join(place, 'out')],
  ] as const) {
    const { code, output, messages } = await ofSecondMinute(command, place, ...more);
    assert.deepEqual([code, output], [1, ''], messages);
    assert.match(messages, /nothing that this camera recorded[\s\S]*nobody signed it.*--unsigned/);
  }
  assert.deepEqual((await readdir(place)).sort(), [fileName, other].sort());
});
