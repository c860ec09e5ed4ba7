/** Runs for an owner without OpenPGP: sealed for the present key, opened live by the segment. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import {
  commitmentOf,
  covers,
  decodeHeader,
  envelopeBytes,
  type Header,
  rootOf,
  unwrapSecret,
} from '../encrocrypt/v3/index.ts';
import { videoKeyId } from '../video-keys/keys.ts';
import { openLive, parseLive, type SealedLive } from '../video-keys/live-file.ts';
import { CameraAuthority } from './authority.ts';
import { endsOf, setUp } from './fake-camera.ts';
import { pairedPlace, videoKey, wrapped } from './fake-owner.ts';
import { contentsOf, type RunTold } from './fake-runs.ts';
import { LogBook, settle } from './fakes.ts';
import { LiveFile } from './live-file.ts';
import { Sealer } from './seal-child.ts';
import { type RunPlan, sealRunIn } from './sealed-run.ts';

const vectors = path.join(import.meta.dirname, '../../test/vectors/encrocrypt2');
const entry = path.join(import.meta.dirname, '../cli.ts');
const signingKey = path.join(vectors, 'camera.secret.asc');
const plan: RunPlan = {
  recording: 'rec-20270115T080000Z-3600s.encrocam',
  startMs: Date.UTC(2027, 0, 15, 8),
  startedMs: 1000,
  clock: { state: 'unknown' },
  container: 'video/mp2t',
};

function secretIn({ sealed, statement }: Header, key: Buffer): Buffer | undefined {
  const secrets = sealed.wrapped.map((field) => unwrapSecret(field, statement.runId, key));
  const secret = secrets.find((found) => found !== undefined);
  assert.ok(!secret || commitmentOf(secret, statement.runId).equals(statement.commitment));
  return secret;
}

for (const ownerKeys of [[], [path.join(vectors, 'owner.public.asc')]]) {
  const others = ownerKeys.length === 0 ? 'alone' : 'beside one with OpenPGP';
  test(`a run is sealed for an owner without OpenPGP ${others}, and signed by the camera`, async (context) => {
    const { ring } = await pairedPlace(context);
    const sealer = new Sealer({ ownerKeys, signingKey }, entry);
    context.after(() => sealer.close());
    const { header, isLocked } = await sealRunIn(sealer, ring)(plan);
    assert.equal(isLocked, false);
    const decoded = decodeHeader(header.subarray(envelopeBytes));
    const { key } = videoKey('recordings', 1);
    assert.deepEqual(
      decoded.statement.recipients.map(({ type }) => type),
      [...ownerKeys.map(() => 'openpgp'), 'symmetric'],
    );
    assert.deepEqual(decoded.statement.recipients.at(-1)?.id, videoKeyId(key));
    assert.equal(decoded.sealed.openpgp === undefined, ownerKeys.length === 0);
    assert.ok(secretIn(decoded, key));
    assert.equal(secretIn(decoded, videoKey('live', 1).key), undefined);
    await ring.take(wrapped('recordings', 2));
    const next = decodeHeader((await sealRunIn(sealer, ring)(plan)).header.subarray(envelopeBytes));
    assert.equal(secretIn(next, key), undefined);
    assert.ok(secretIn(next, videoKey('recordings', 2).key));
    assert.ok(secretIn(decoded, key), 'what was recorded before stays readable with the old key');
  });
}

test('with a new key another run begins at the next key frame, and says why', async () => {
  const { film, recorder, runs, stop } = setUp();
  await settle();
  await film('abcd');
  recorder.keysChanged();
  await film('efgh');
  await stop();
  assert.deepEqual(
    runs().map(({ video }) => video),
    ['abcd', 'efgh'],
  );
  assert.deepEqual(endsOf(runs()), ['stop', 'stop']);
  assert.deepEqual(runs()[0]?.notes.at(-1), { what: 'key-changed' });
});

test('live nodes open the present segment and the next one, and nothing before or after', async (context) => {
  const { directory, ring } = await pairedPlace(context);
  const logger = new LogBook();
  const file = new LiveFile(directory, () => ring, logger);
  const published: SealedLive[] = [];
  const live = {
    publish: async (nodes: Parameters<LiveFile['publish']>[0]) => {
      await file.publish(nodes);
      const read = parseLive(await readFile(path.join(directory, 'live.json'), 'utf8'));
      assert.ok(read);
      published.push(read);
    },
  };
  const { film, runs, stop, disk } = setUp({ live, slotLengthMs: 600_000 });
  await settle();
  // Four minutes and a bit, a letter for each: segments of a minute.
  for (const minute of 'abcd') await film(minute.repeat(60));
  await film('ee');
  // The file system is a real one.
  while (published.length < 5) await new Promise((resolve) => setTimeout(resolve, 5));
  await stop();
  const [run] = runs() as [RunTold];
  const { key } = videoKey('live', 1);
  assert.equal(published.length, 5);
  const bytes = [...disk.files.values()][0] ?? Buffer.alloc(0);
  for (const [index, sealed] of published.entries()) {
    assert.deepEqual(sealed.keyId, videoKeyId(key));
    assert.equal(openLive(sealed, videoKey('live', 2).key), undefined);
    const nodes = openLive(sealed, key);
    assert.ok(nodes);
    const open = [0, 1, 2, 3, 4].filter((segment) => nodes.some((node) => covers(node, segment)));
    assert.deepEqual(
      open,
      [index, index + 1].filter((segment) => segment <= 4),
    );
    const { video } = contentsOf(bytes, run.header, nodes);
    assert.deepEqual([...new Set(video)].join(''), 'abcde'.slice(index, index + 2));
  }
});

test('a camera without a live key, or locked, opens nothing to anybody', async (context) => {
  const { directory } = await pairedPlace(context);
  const logger = new LogBook();
  await new LiveFile(directory, () => undefined, logger).publish({
    ...{ runId: Buffer.alloc(16), recording: 'x' },
    nodes: [rootOf(Buffer.alloc(32), Buffer.alloc(16))],
  });
  await assert.rejects(readFile(path.join(directory, 'live.json')), { code: 'ENOENT' });
  assert.equal(logger.lines.length, 0);
});

test('a live file that cannot be written is said once, and recording goes on', async (context) => {
  const { directory, ring } = await pairedPlace(context);
  const logger = new LogBook();
  const file = new LiveFile(path.join(directory, 'nowhere'), () => ring, logger);
  const nodes = [rootOf(Buffer.alloc(32), Buffer.alloc(16))];
  await file.publish({ runId: Buffer.alloc(16), recording: 'x', nodes });
  await file.publish({ runId: Buffer.alloc(16), recording: 'x', nodes });
  assert.equal(logger.lines.length, 1);
});

test('a locked camera seals for OpenPGP alone; unlocked, for its other owner, too', async (context) => {
  const { ring } = await pairedPlace(context);
  const unlocked = new Sealer({ ownerKeys: [path.join(vectors, 'owner.public.asc')], signingKey }, entry);
  context.after(() => unlocked.close());
  const { camera, ownerKeyBytes } = await unlocked.prepare();
  const authority = new CameraAuthority(new Sealer({ camera, ownerKeyBytes }, entry), { isLocked: true });
  context.after(() => authority.close());
  const recipients = async (): Promise<string[]> => {
    const { header } = await authority.sealRun(plan);
    return decodeHeader(header.subarray(envelopeBytes)).statement.recipients.map(({ type }) => type);
  };
  assert.deepEqual(await recipients(), ['openpgp']);
  assert.equal(authority.ownerKeys, undefined);
  authority.unlock(unlocked, { certifies: true, ownerKeys: ring });
  assert.deepEqual(await recipients(), ['openpgp', 'symmetric']);
});
