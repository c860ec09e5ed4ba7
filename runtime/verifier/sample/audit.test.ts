import assert from 'node:assert/strict';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  cameraFile,
  cameraKeys,
  firstMs,
  minuteMs,
  ownerFile,
  recordMinutes,
} from '../../../test/support/camera-recordings.ts';
import { certificateOf, previousOf, signedRun } from '../../../test/support/synthetic-run.ts';
import { findTrustedSigner } from '../../pgp/trusted-signer.ts';
import { parseRecordingName, recordingAt } from '../../recordings/names.ts';
import { openFileSource } from '../../viewer/source.ts';
import { type Audit, audit, isAuditSound } from './audit.ts';
import { auditAsText, auditsAsJson } from './report.ts';

async function place(context: TestContext): Promise<string> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'encrocam-samples-'));
  context.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** Numbers that are the same in each run of the test. */
function seeded(): (range: number) => number {
  let state = 20_270_115;
  return (range) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * range);
  };
}

async function audited(
  directory: string,
  { signer = cameraFile, nowMs = firstMs + 86_400_000 } = {},
): Promise<Audit> {
  const names = (await readdir(directory)).sort();
  const inputs = names.map((name) => ({
    recording: parseRecordingName(name),
    open: () => openFileSource(path.join(directory, name)),
  }));
  const trusted = await findTrustedSigner(signer);
  return audit(directory, inputs, {
    ...{ count: 40, trusted, draw: seeded(), nowMs },
    progress: { add: () => undefined },
  });
}

function assertTold(result: Audit, ...problems: readonly RegExp[]): void {
  assert.equal(isAuditSound(result), false);
  for (const [index, problem] of problems.entries()) assert.match(result.problems[index] ?? '', problem);
  assert.equal(result.problems.length, problems.length, result.problems.join('\n'));
}

test('whole recordings are sound, and what is said of them has its limits beside it', async (context) => {
  const directory = await place(context);
  await recordMinutes(directory, 3);
  const result = await audited(directory);
  assert.deepEqual([result.problems, result.remarks, isAuditSound(result)], [[], [], true]);
  assert.match(
    auditAsText(result),
    /less than 7\.2 % of these bytes are not what the camera signed, in its order, each once/,
  );
  assert.match(auditAsText(result), /time is missing within a file is told only by checking everything/);
  const json = JSON.parse(auditsAsJson([result])) as {
    notClaimed: string;
    places: { undetectedShare: number }[];
  };
  assert.ok(Math.abs((json.places[0]?.undetectedShare ?? 0) - 0.0722) < 0.001);
  assert.match(json.notClaimed, /missing within a file/);
});

test('nothing is said of the rest where a sample was not intact', async (context) => {
  const directory = await place(context);
  const [, second] = await recordMinutes(directory, 2);
  const bytes = await readFile(second.file);
  await writeFile(second.file, bytes.fill(0x55, 5000, bytes.length - 1000));
  const json = JSON.parse(auditsAsJson([await audited(directory)])) as {
    places: { undetectedShare: unknown }[];
  };
  assert.equal(json.places[0]?.undetectedShare, null);
});

test('a recording that is missing between two others is told', async (context) => {
  const directory = await place(context);
  const [, second] = await recordMinutes(directory, 3);
  await rm(second.file);
  assertTold(await audited(directory), /080200Z.*the recording before this one is not here/);
});

test('an end that was cut off is told, of the newest recording too', async (context) => {
  const directory = await place(context);
  const [, second, third] = await recordMinutes(directory, 3);
  await truncate(second.file, second.run.bytes.length - 3000);
  assertTold(await audited(directory), /080200Z.*the end of the recording before is not here/);
  await writeFile(second.file, second.run.bytes);
  await truncate(third.file, third.run.bytes.length - 100);
  assertTold(await audited(directory), /080200Z.*without an end/);
});

test('what is being recorded is told, and left out behind what was signed last', async (context) => {
  const directory = await place(context);
  const [, second] = await recordMinutes(directory, 2);
  // In the middle of a packet, behind the checkpoint at 30 s.
  const signed = second.run.packets.slice(0, 37).reduce((sum, packet) => sum + packet.length, 0);
  await truncate(second.file, signed + 700);
  const result = await audited(directory, { nowMs: firstMs + 1.5 * minuteMs });
  assert.deepEqual([result.problems, isAuditSound(result)], [[], true]);
  assert.match(result.remarks.join(), /080100Z.* is being recorded: 700 bytes/);
});

test('a directory and an empty file among recordings are told', async (context) => {
  const directory = await place(context);
  const [first] = await recordMinutes(directory, 1);
  await writeFile(path.join(directory, recordingAt(firstMs + minuteMs, minuteMs).fileName), '');
  assertTold(await audited(directory), /080100Z.*does not begin as a recording/);
  await mkdir(path.join(directory, recordingAt(firstMs + 2 * minuteMs, minuteMs).fileName));
  const result = await audited(directory);
  assert.match(result.problems.join('\n'), /080200Z.*no file that can be read at random places/);
  assert.ok(result.samples.every(({ file }) => file === first.file));
});

test("somebody else's recordings are told as such, as without samples", async (context) => {
  const directory = await place(context);
  await recordMinutes(directory, 1);
  const result = await audited(directory, { signer: ownerFile });
  assert.equal(result.hasForeign, true);
  assertTold(result, /somebody else than the camera signed it/);
});

test('copies beside a recording are left out, and told', async (context) => {
  const directory = await place(context);
  const [first] = await recordMinutes(directory, 1);
  await copyFile(first.file, first.file.replace('.encrocam', '.conflict-1.encrocam'));
  const result = await audited(directory);
  assert.equal(isAuditSound(result), true);
  assert.match(result.remarks.join(), /1 conflict copy is left out/);
});

test('the runs of one file are told apart, also where one was recorded while locked', async (context) => {
  const directory = await place(context);
  const keys = await cameraKeys();
  const { fileName } = recordingAt(firstMs, 3 * minuteMs);
  const parts: Buffer[] = [];
  let previous: ReturnType<typeof previousOf> | undefined;
  for (let index = 0; index < 3; index++) {
    const run = await signedRun(keys, {
      ...{ fill: index + 1, seconds: 60, packetsPerSecond: 1, isLocked: index === 0 },
      video: (second) => Buffer.alloc(500, second),
      statement: {
        ...{ recording: fileName, startMs: firstMs + index * minuteMs },
        ...(previous ? { previous } : {}),
      },
    });
    previous = previousOf(run);
    parts.push(run.bytes);
    if (index === 0) parts.push(await certificateOf(run, keys));
  }
  const file = path.join(directory, fileName);
  await writeFile(file, Buffer.concat(parts));
  const result = await audited(directory);
  assert.deepEqual([result.problems, isAuditSound(result)], [[], true], JSON.stringify(result));
  const [first, certificate, second, third] = parts;
  assert.ok(first && certificate && second && third);
  await writeFile(file, Buffer.concat([first, certificate, third]));
  assertTold(await audited(directory), /its runs do not follow each other/);
  await writeFile(file, Buffer.concat([first, certificate, second, third, second]));
  assertTold(await audited(directory), /a run stands in it more than once/);
});
