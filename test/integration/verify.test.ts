/** `encrocam verify` as people run it: files, directories and a drive, whole and tampered with. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, it } from 'node:test';
import {
  commitmentOf,
  encodeHeader,
  encodeSignedPart,
  makeRunKey,
  RunWriter,
  type Statement,
  signedLine,
} from '../../runtime/encrocrypt/v3/index.ts';
import { fingerprintOf } from '../../runtime/pgp/keys.ts';
import { sealRunSecret, signLine } from '../../runtime/pgp/run-seal.ts';
import { loadSealingKeys } from '../../runtime/pgp/seal.ts';
import { recordingAt } from '../../runtime/recordings/names.ts';
import { startFtpServer } from '../ftp-servers/index.ts';
import { encrocam } from './recorder-harness.ts';

const root = path.join(import.meta.dirname, '../..');
const vectors = path.join(root, 'test/vectors/encrocrypt3');
const keys = path.join(root, 'test/vectors/encrocrypt2');
const cameraKey = path.join(keys, 'camera.public.asc');
const minuteMs = 60_000;
const startMs = Date.UTC(2027, 0, 15, 8);

let directory: string;
before(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), 'encrocam-verify-'));
});
after(() => rm(directory, { recursive: true, force: true }));

interface Result {
  readonly exitCode: number;
  readonly output: string;
  readonly errors: string;
}

function verify(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Result> {
  return new Promise((resolve) => {
    execFile(
      encrocam,
      ['verify', ...args],
      { env: { ...process.env, TZ: 'UTC', ...environment } },
      (error, output, errors) => resolve({ exitCode: error ? Number(error.code) : 0, output, errors }),
    );
  });
}

/** A camera's recordings of a minute each, in files of their own, each naming the one before. */
async function recordMinutes(count: number, place: string): Promise<string[]> {
  await mkdir(place, { recursive: true });
  const sealing = await loadSealingKeys(
    [path.join(keys, 'owner.public.asc')],
    path.join(keys, 'camera.secret.asc'),
  );
  const names: string[] = [];
  let previous: Statement['previous'];
  for (let minute = 0; minute < count; minute++) {
    const runKey = makeRunKey();
    const [runId, secret] = [Buffer.alloc(16, minute + 1), Buffer.alloc(32, minute + 1)];
    const begin = startMs + minute * minuteMs;
    const { fileName } = recordingAt(begin, minuteMs);
    const part = encodeSignedPart(
      {
        camera: Buffer.from(fingerprintOf(sealing.signer), 'hex'),
        ...{
          runId,
          recording: fileName,
          startMs: begin,
          clock: { state: 'synchronised' },
          container: 'video/mp2t',
        },
        ...(previous ? { previous } : {}),
        ...{ segmentMs: 10_000, checkpointMs: 5000 },
        recipients: sealing.recipients.map((key) => ({
          type: 'openpgp',
          id: Buffer.from(fingerprintOf(key), 'hex'),
        })),
        ...{ commitment: commitmentOf(secret, runId), runKey: runKey.publicKey },
      },
      { openpgp: Buffer.from(await sealRunSecret(secret, sealing)), wrapped: [] },
    );
    const signature = Buffer.from(await signLine(signedLine(part.hash), sealing));
    const run = new RunWriter({
      ...{ runId, secret, runPrivateKey: runKey.privateKey, headerHash: part.hash, segmentMs: 10_000 },
    });
    const packets = [encodeHeader(part, signature, runKey.privateKey)];
    for (let second = 0; second < 60; second++) {
      packets.push(...run.data(Buffer.alloc(500, second), second * 1000, second % 2 === 0));
      if (second % 5 === 4) packets.push(run.checkpoint((second + 1) * 1000));
    }
    packets.push(...run.final(minuteMs, 'time'));
    previous = { runId, link: run.link };
    await writeFile(path.join(place, fileName), Buffer.concat(packets));
    names.push(fileName);
  }
  return names;
}

it('an intact directory is as the camera recorded it, in one line', async () => {
  const place = path.join(directory, 'intact');
  await recordMinutes(3, place);
  const { exitCode, output } = await verify([place, '--signed-by', cameraKey]);
  assert.equal(exitCode, 0);
  assert.match(output, /08:00:00 to 08:03:00 +3 min {2}intact\n/);
  assert.match(output, /3 files, intact 3 min, as the camera recorded it/);
});

it('a recording that was taken away is named by what is missing, and JSON says the same', async () => {
  const place = path.join(directory, 'taken');
  const [, second = ''] = await recordMinutes(3, place);
  await rm(path.join(place, second));
  const { exitCode, output } = await verify([place, '--signed-by', cameraKey]);
  assert.equal(exitCode, 2);
  assert.match(output, /08:01:00 to 08:02:00 +1 min {2}missing: the recording before this one is not here/);
  const json = await verify([place, '--signed-by', cameraKey, '--json']);
  assert.equal(json.exitCode, 2);
  const { places } = JSON.parse(json.output) as {
    places: { sound: boolean; intervals: { state: string; from: string; to: string }[] }[];
  };
  assert.equal(places[0]?.sound, false);
  assert.deepEqual(
    places[0]?.intervals.map(({ state, from }) => [state, from]),
    [
      ['intact', '2027-01-15T08:00:00.000Z'],
      ['missing', '2027-01-15T08:01:00.000Z'],
      ['intact', '2027-01-15T08:02:00.000Z'],
    ],
  );
});

it('a page is written with everything in it, and none that exists is overwritten', async () => {
  const place = path.join(directory, 'drawn');
  const page = path.join(directory, 'page.html');
  await recordMinutes(2, place);
  assert.equal((await verify([place, '--signed-by', cameraKey, '--html', page])).exitCode, 0);
  const html = await readFile(page, 'utf8');
  assert.match(html, /<h3>2027-01-15/);
  assert.match(html, /<title>08:00:00 to 08:02:00: intact/);
  const again = await verify([place, '--signed-by', cameraKey, '--html', page]);
  assert.equal(again.exitCode, 1);
  assert.match(again.errors, /does not exist yet/);
  assert.equal(await readFile(page, 'utf8'), html);
});

it('one changed byte costs the seconds around it, and the rest stays intact', async () => {
  const place = path.join(directory, 'changed');
  const [, second = ''] = await recordMinutes(3, place);
  const file = path.join(place, second);
  const bytes = await readFile(file);
  bytes[20_000] = (bytes[20_000] ?? 0) ^ 1;
  await writeFile(file, bytes);
  const { exitCode, output } = await verify([place, '--signed-by', cameraKey]);
  assert.equal(exitCode, 2);
  assert.match(output, /5 s {2}tampered: /);
  assert.match(output, /intact 2 min 55 s/);
});

it('samples tell of a whole directory that it is sound, and find what is damaged in half of it', async () => {
  const place = path.join(directory, 'sampled');
  const [first = '', second = ''] = await recordMinutes(2, place);
  const sound = await verify([place, '--signed-by', cameraKey, '--sample', '40']);
  assert.equal(sound.exitCode, 0, sound.output);
  assert.match(sound.output, /40 samples in 2 files/);
  assert.match(sound.output, /95 % confidence less than \d\.\d % of what is here is not/);
  const file = path.join(place, second);
  const bytes = await readFile(file);
  for (let at = 5000; at < bytes.length; at += 600) bytes[at] = (bytes[at] ?? 0) ^ 1;
  await writeFile(file, bytes);
  const damaged = await verify([place, '--signed-by', cameraKey, '--sample', '40']);
  assert.equal(damaged.exitCode, 2);
  assert.match(damaged.output, new RegExp(`! damaged, or not all there: .*${second} behind byte`));
  assert.doesNotMatch(damaged.output, new RegExp(`! damaged.*${first}`));
  const json = JSON.parse(
    (await verify([place, '--signed-by', cameraKey, '--sample', '5', '--json'])).output,
  ) as {
    places: { samples: unknown[] }[];
  };
  assert.equal(json.places[0]?.samples.length, 5);
  for (const wrong of ['0', 'many', '1.5']) {
    assert.equal((await verify([place, '--signed-by', cameraKey, '--sample', wrong])).exitCode, 1);
  }
  const nobodys = await verify([
    path.join(place, first),
    '--signed-by',
    path.join(keys, 'owner.public.asc'),
    '--sample',
    '5',
  ]);
  assert.equal(nobodys.exitCode, 2);
  assert.match(nobodys.output, /nothing that the camera signed/);
});

it("recordings under another camera's key are nobody's", async () => {
  const owner = path.join(keys, 'owner.public.asc');
  const { exitCode, output } = await verify([path.join(vectors, 'whole.encrocam'), '--signed-by', owner]);
  assert.equal(exitCode, 3);
  assert.match(output, /not authentic/);
});

it('a drive is checked as a directory is', async () => {
  const server = await startFtpServer({ software: 'proftpd' });
  try {
    await recordMinutes(2, path.join(server.rootDirectory, 'front'));
    const address = `ftps://${server.user}@${server.host}:${server.port}/front`;
    const { exitCode, output, errors } = await verify(
      [address, '--signed-by', cameraKey, '--ca', server.caFile],
      { ENCROCAM_FTP_PASSWORD: server.password },
    );
    assert.equal(exitCode, 0, errors);
    assert.match(output, /08:00:00 to 08:02:00 +2 min {2}intact/);
  } finally {
    await server.stop();
  }
});

it('of EncroCrypt2 it says what cannot be told', async () => {
  const file = path.join(keys, 'whole.encrocam');
  const { exitCode, output } = await verify([file, '--signed-by', cameraKey]);
  assert.equal(exitCode, 2);
  assert.match(output, /EncroCrypt2[\s\S]*cannot be told/);
});

it('what is no recording, a missing file and a missing key are told', async () => {
  const noise = path.join(directory, 'noise.encrocam');
  await copyFile(path.join(root, 'package.json'), noise);
  const nothing = await verify([noise, '--signed-by', cameraKey]);
  assert.equal(nothing.exitCode, 2);
  assert.match(nothing.output, /no recording/);
  const missing = await verify([path.join(directory, 'nowhere'), '--signed-by', cameraKey]);
  assert.equal(missing.exitCode, 1);
  assert.match(missing.errors, /INPUT_UNREADABLE/);
  const keyless = await verify([noise]);
  assert.equal(keyless.exitCode, 1);
  assert.match(keyless.errors, /--signed-by/);
});
