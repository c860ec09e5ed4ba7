/** Somebody puts a file or an entry there that stops the check of a whole directory, so that nobody learns what is in the rest. */

import assert from 'node:assert/strict';
import { stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { encodeCheckpoint } from '../../runtime/encrocrypt/v3/chain.ts';
import { maxStartMs } from '../../runtime/encrocrypt/v3/format.ts';
import { encodeHeader, encodeSignedPart, hashOfSignedPart } from '../../runtime/encrocrypt/v3/header.ts';
import { recordingAt } from '../../runtime/recordings/names.ts';
import { cameraFile, firstMs, minuteMs } from '../support/camera-recordings.ts';
import { type SyntheticRun, syntheticRun } from '../support/synthetic-run.ts';
import { verify } from '../support/verify-command.ts';
import { exitCode, scene } from './scene.ts';

const { fileName } = recordingAt(firstMs + 5 * minuteMs, minuteMs);
const timeout = 60_000;
const genuine = /08:00:00 to 08:02:00 +2 min {2}intact\n/;
const manyCheckpoints = 20_000;
/** Of no packets at all. */
const emptyRoot = Buffer.from('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', 'hex');

/** A stranger's run in which no checkpoint follows the one before: each makes two stretches. */
function runOfStretches(camera: Buffer): Buffer {
  const { packets, runId, runKey } = syntheticRun({
    ...{ fill: 9, seconds: 1, packetsPerSecond: 1 },
    statement: { camera, startMs: firstMs + 5 * minuteMs, recording: fileName },
  });
  const parts = packets.slice(0, 1);
  for (let index = 0; index < manyCheckpoints; index++) {
    const [fromMs, toMs] = [index * 20, index * 20 + 10];
    const checkpoint = { number: 2 * index + 1, first: 0, count: 0, fromMs, toMs };
    parts.push(
      encodeCheckpoint(
        { ...checkpoint, previous: Buffer.alloc(32), root: emptyRoot },
        runId,
        runKey.privateKey,
      ),
    );
  }
  return Buffer.concat(parts);
}

for (const [whose, isNamed] of [
  ['in the name of another camera', false],
  ["in the camera's name", true],
] as const) {
  test(`stretches without end, ${whose}: the rest is told, and of these a few lines`, {
    timeout,
  }, async (context) => {
    const { place, recordings } = await scene(context, 2);
    const { camera } = recordings[0].run.header.statement;
    await writeFile(path.join(place, fileName), runOfStretches(isNamed ? camera : Buffer.alloc(20, 3)));
    const told = await verify([place, '--signed-by', cameraFile]);
    assert.equal(told.exitCode, isNamed ? exitCode.unsound : exitCode.notAuthentic, told.errors);
    assert.match(told.output, genuine);
    assert.ok(told.output.split('\n').length < 200, `${told.output.split('\n').length} lines`);
  });
}

/** The same run with another start, signed with its own key: our writer makes none that the format does not allow. */
function startingAt({ header, packets, runKey }: SyntheticRun, startMs: number): Buffer {
  const [was, will] = [Buffer.alloc(8), Buffer.alloc(8)];
  was.writeBigUInt64BE(BigInt(header.statement.startMs));
  will.writeBigUInt64BE(BigInt(startMs));
  const { bytes } = encodeSignedPart(header.statement, header.sealed);
  will.copy(bytes, bytes.indexOf(was));
  const part = { bytes, hash: hashOfSignedPart(bytes) };
  return Buffer.concat([encodeHeader(part, undefined, runKey.privateKey), ...packets.slice(1)]);
}

for (const [when, startMs] of [
  ['at the end of time', 8_640_000_000_000_000],
  ['in the year 9999', Date.UTC(9999, 0, 1)],
  ['in the year 20000', Date.UTC(20_000, 0, 1)],
] as const) {
  test(`a run that nobody signed, ${when}: the rest is told, and drawn on a small page`, {
    timeout,
  }, async (context) => {
    const { place, recordings } = await scene(context, 2);
    const { camera } = recordings[0].run.header.statement;
    const runAt = (atMs: number): SyntheticRun =>
      syntheticRun({ fill: 9, seconds: 5, statement: { camera, startMs: atMs, recording: fileName } });
    const isAllowed = startMs <= maxStartMs;
    const bytes = isAllowed ? runAt(startMs).bytes : startingAt(runAt(firstMs), startMs);
    await writeFile(path.join(place, fileName), bytes);
    const page = path.join(path.dirname(place), 'page.html');
    const told = await verify([place, '--signed-by', cameraFile, '--html', page]);
    assert.equal(told.exitCode, exitCode.unsound, told.errors);
    assert.match(told.output, genuine);
    assert.match(told.output, isAllowed ? /locked: recorded while locked/ : /: no recording\n/);
    assert.ok((await stat(page)).size < 100_000);
    assert.equal((await verify([place, '--signed-by', cameraFile, '--json'])).exitCode, exitCode.unsound);
  });
}
