import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type TestContext } from 'node:test';
import { decrypt, readKey, readKeys, readMessage, readPrivateKey } from 'openpgp';
import {
  commitmentOf,
  decodeHeader,
  envelopeBytes,
  PacketReader,
  RunOpener,
  rootOf,
  signedLine,
} from '../encrocrypt/v3/index.ts';
import { isEncroCamError } from '../errors.ts';
import { fingerprintOf } from '../pgp/keys.ts';
import { verifyLine } from '../pgp/run-seal.ts';
import { Sealer } from './seal-child.ts';
import { type RunPlan, sealRunIn } from './sealed-run.ts';

const vectors = path.join(import.meta.dirname, '../../test/vectors/encrocrypt2');
const entry = path.join(import.meta.dirname, '../cli.ts');
const files = {
  ownerKeys: [path.join(vectors, 'owner.public.asc')],
  signingKey: path.join(vectors, 'camera.secret.asc'),
};
const plan: RunPlan = {
  recording: 'rec-20270115T080000Z-3600s.encrocam',
  previous: { runId: Buffer.alloc(16, 1), link: Buffer.alloc(32, 2) },
  startMs: Date.UTC(2027, 0, 15, 8),
  startedMs: 1000,
  clock: { state: 'synchronised', errorMs: 30 },
  container: 'video/mp4',
  initialisation: Buffer.from('ftyp and moov'),
  notBefore: `1:20000000:${'0af1'.repeat(16)}`,
  name: 'front-door',
};

/** Its child is let go at the end of the test. */
function sealerFor(context: TestContext, ...[files, program]: ConstructorParameters<typeof Sealer>): Sealer {
  const sealer = new Sealer(files, program);
  context.after(() => sealer.close());
  return sealer;
}

test('the child seals the run for its owners and signs it as the camera; the owner opens it', async (context) => {
  const run = await sealRunIn(sealerFor(context, files, entry))(plan);
  const reader = new PacketReader();
  reader.push(Buffer.concat([run.header, ...run.writer.data(Buffer.from('video'), 0, true)]));
  const packet = reader.next();
  assert.ok(packet?.kind === 'header');
  const { statement, sealed, hash, cameraSignature } = decodeHeader(Buffer.from(packet.body));
  const { startedMs: _, ...planned } = plan;
  for (const [field, value] of Object.entries(planned)) {
    assert.deepEqual(statement[field as keyof typeof statement], value, field);
  }
  const camera = await readKey({
    armoredKey: await readFile(path.join(vectors, 'camera.public.asc'), 'utf8'),
  });
  assert.equal(statement.camera.toString('hex').toUpperCase(), fingerprintOf(camera));
  await verifyLine(signedLine(hash), cameraSignature ?? Buffer.alloc(0), camera);
  await assert.rejects(
    verifyLine(signedLine(Buffer.alloc(32)), cameraSignature ?? Buffer.alloc(0), camera),
    (error) => isEncroCamError(error, 'NOT_AUTHENTIC'),
  );

  const { data: secret } = await decrypt({
    message: await readMessage({ binaryMessage: sealed.openpgp ?? Buffer.alloc(0) }),
    decryptionKeys: await readPrivateKey({
      armoredKey: await readFile(path.join(vectors, 'owner.secret.asc'), 'utf8'),
    }),
    format: 'binary',
  });
  assert.deepEqual(commitmentOf(secret, statement.runId), statement.commitment);
  const video = reader.next();
  assert.ok(video?.kind === 'data');
  const { runId, segmentMs } = statement;
  const opener = new RunOpener({ runId, segmentMs, nodes: [rootOf(secret, runId)] });
  assert.equal(opener.open(video)?.toString(), 'video');
});

test('each run has a secret, an id and a key of its own', async (context) => {
  const seal = sealRunIn(sealerFor(context, files, entry));
  const [one, other] = await Promise.all([seal(plan), seal(plan)]);
  assert.notDeepEqual(one.runId, other.runId);
  assert.notDeepEqual(one.header, other.header);
});

test("the child's error comes through with its code", async (context) => {
  const seal = sealRunIn(sealerFor(context, { ...files, ownerKeys: ['/nowhere/owner.asc'] }, entry));
  await assert.rejects(seal(plan), (error) => isEncroCamError(error, 'KEY_UNREADABLE'));
});

test("of the owners' keys the child tells their public halves, whatever their files hold", async (context) => {
  const ownerKeys = [path.join(vectors, 'owner.secret.asc')];
  const { ownerKeyBytes } = await sealerFor(context, { ...files, ownerKeys }, entry).prepare();
  const keys = await Promise.all(
    ownerKeyBytes.map((text) => readKey({ binaryKey: Buffer.from(text, 'base64') })),
  );
  const [owner] = await readKeys({ armoredKeys: await readFile(files.ownerKeys[0] ?? '', 'utf8') });
  assert.deepEqual(
    keys.map((key) => [key.isPrivate(), fingerprintOf(key)]),
    [[false, owner && fingerprintOf(owner)]],
  );
});

test('a locked camera seals for its owners by their public halves, and signs nothing', async (context) => {
  const { camera, ownerKeyBytes } = await sealerFor(context, files, entry).prepare();
  const locked = sealerFor(context, { camera, ownerKeyBytes }, entry);
  const { isLocked, header } = await sealRunIn(locked)(plan);
  assert.equal(isLocked, true);
  assert.equal(decodeHeader(header.subarray(envelopeBytes)).cameraSignature, undefined);
  const certify = { runId: '', headerHash: '', link: '' };
  for (const request of [{ certify }, { secrets: [''] }]) {
    await assert.rejects(locked.ask(request), (error) => isEncroCamError(error, 'USAGE'));
  }
});
