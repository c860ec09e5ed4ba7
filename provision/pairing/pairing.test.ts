import assert from 'node:assert/strict';
import { readFile, stat } from 'node:fs/promises';
import { afterEach, before, beforeEach, test } from 'node:test';
import { createLogger, type Logger, silentLogger } from '../../runtime/log.ts';
import { readCameraKeys } from '../../runtime/video-keys/camera-keys.ts';
import { createFakeCard, type FakeCard, PowerCut } from '../../test/support/fake-card.ts';
import {
  answersOf,
  type PairingOwner,
  pairingCodes,
  pairingMessage,
  pairingOwner,
} from '../../test/support/pairing.ts';
import { takeBootFiles, unattendedMark } from '../boot-files.ts';
import { findPlace, paths } from '../place.ts';
import { readState } from '../state.ts';
import { openVolume } from '../steps/volume.ts';
import type { System } from '../system.ts';
import { provisionUnattended } from '../unattended.ts';
import { keptFile, knownNonces, readKept } from './kept.ts';
import { RefusalLog } from './refusals.ts';
import { PairingTaker } from './taker.ts';

// Other files of tests set up cameras at the same time.
const lockName = `\0encrocam-test-pairing-${process.pid}`;
const passphrase = 'correct horse battery staple';
const hourMs = 3_600_000;

let ownerKey: string;
let card: FakeCard;
let logged: string[];
let logger: Logger;
before(async () => {
  const file = new URL('../../test/vectors/encrocrypt2/owner.public.asc', import.meta.url);
  ownerKey = await readFile(file, 'utf8');
});
beforeEach(async () => {
  card = await createFakeCard();
  logged = [];
  logger = createLogger({ level: 'debug', format: 'text', write: (line) => void logged.push(line) });
});
afterEach(() => card.remove());

const complete = (): Record<string, unknown> => ({
  hostName: 'front-door',
  unlocking: { passphrase },
  owner: { keys: [{ from: 'text', armored: ownerKey }] },
  cameras: [{ name: 'front', input: { device: '/dev/video0' } }],
});

function taker(system: System = card.system, nowMs?: number): PairingTaker {
  let secondsMs = 0;
  // Each refusal is a line.
  const refusals = new RefusalLog(logger, () => (secondsMs += 100_000));
  return new PairingTaker({ system, refusals, ...(nowMs === undefined ? {} : { nowMs: () => nowMs }) });
}

async function show(owner: PairingOwner, to: PairingTaker): Promise<string | undefined> {
  let taken: string | undefined;
  for (const text of await pairingCodes(owner)) taken = (await to.take(text))?.owner ?? taken;
  return taken;
}

/** What systemd runs at a start, as far as it is ours. */
async function start(system: System): Promise<void> {
  await takeBootFiles(system, silentLogger);
  if (await system.exists(unattendedMark))
    await provisionUnattended({ system, logger, networkWaitMs: 20, lockName });
}

async function provision(system: System = card.system) {
  return provisionUnattended({ system, logger, networkWaitMs: 20, lockName });
}

test('the first valid message is kept before anything else, and names the owner', async () => {
  const owner = pairingOwner(answersOf(complete()));
  assert.equal(await show(owner, taker()), owner.wallet.address);
  const kept = await readKept(card.system);
  assert.equal(kept?.owner, owner.wallet.address);
  assert.equal((await stat(card.system.at(keptFile))).mode & 0o777, 0o600);
  assert.ok((await knownNonces(card.system)).has(owner.content.nonce.toString('hex')));
});

test('codes that are nothing, foreign, huge, forged or old are ignored with a line', async () => {
  const other = pairingOwner();
  const forged = await pairingCodes({ wallet: other.wallet, content: pairingOwner().content });
  const old = await pairingCodes(pairingOwner({ createdMs: Date.now() - 2 * hourMs }));
  const wrong = await pairingCodes(pairingOwner(answersOf({ timeZone: 'Europe/Nowhere' })));
  const series = [
    ['https://example.com'],
    [''],
    ['x'.repeat(7000)],
    ['ENCROCAM1/A/0/1/'],
    forged,
    old,
    wrong,
  ];
  const to = taker();
  for (const [index, texts] of series.entries()) {
    for (const text of texts) assert.equal(await to.take(text), undefined);
    assert.equal(logged.length, index + 1, texts.join().slice(0, 40));
  }
  assert.equal(await card.read(keptFile), undefined);
  assert.match(logged.join(''), /timeZone/);
});

test('what was taken once is never taken again, not even after a reset', async () => {
  const owner = pairingOwner();
  assert.notEqual(await show(owner, taker()), undefined);
  await card.system.remove(paths.provision);
  assert.equal(await show(owner, taker()), undefined);
  assert.match(logged.join(''), /taken before/);
});

test('a clock that nobody set is not asked for the age of a message', async () => {
  await card.system.remove('/run/systemd/timesync/synchronized');
  assert.notEqual(await show(pairingOwner(), taker(card.system, 0)), undefined);
});

async function assertPaired(owner: PairingOwner): Promise<void> {
  const { system } = card;
  assert.notEqual(await readState(system), 'new');
  await openVolume(system, await findPlace(system), passphrase);
  const file = system.at('/etc/encrocam/state/owner-keys.json');
  const keys = await readCameraKeys(file);
  const { content } = owner;
  assert.equal(`0x${keys.owner.toString('hex')}`, content.owner);
  assert.deepEqual(keys.kek, content.kek);
  assert.deepEqual(keys.keys, { recordings: content.recordings, live: content.live });
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  assert.match(
    (await card.read('/etc/encrocam/ledger.key')) ?? '',
    new RegExp(`\n0x${keys.camera.toString('hex')}\n$`, 'i'),
  );
  assert.equal(await card.read(keptFile), undefined);
  assert.ok((await knownNonces(system)).has(content.nonce.toString('hex')));
  const config = JSON.parse((await card.read('/etc/encrocam/config.json')) ?? '');
  assert.equal(config.owner.symmetricKeys, 'state/owner-keys.json');
}

test('a message with all answers sets the camera up, with the keys and the claim of its owner', async () => {
  const ledger = {
    chainId: 31337,
    rpcUrls: ['http://127.0.0.1:8545'],
    contracts: { ownership: `0x${'1'.repeat(40)}`, checkpoints: `0x${'2'.repeat(40)}` },
  };
  const owner = pairingOwner(answersOf({ ...complete(), ledger }));
  await show(owner, taker());
  assert.equal((await provision()).outcome, 'done');
  await assertPaired(owner);
  const config = JSON.parse((await card.read('/etc/encrocam/config.json')) ?? '');
  assert.equal(config.ledger.owner, owner.content.owner);
  assert.equal(await card.read('/etc/hostname'), 'front-door\n');
});

test('an owner who was paired needs no OpenPGP key', async () => {
  const { owner: _, ...answers } = complete();
  const owner = pairingOwner(answersOf(answers));
  await show(owner, taker());
  assert.equal((await provision()).outcome, 'done');
  await assertPaired(owner);
  assert.equal(await card.read('/etc/encrocam/owner-1.asc'), undefined);
});

test('what the message leaves open is left to the wizard, and what it says is kept for it', async () => {
  const { unlocking: _, ...answers } = complete();
  const owner = pairingOwner(answersOf(answers));
  await show(owner, taker());
  assert.deepEqual(await provision(), { outcome: 'incomplete', missing: ['unlocking'] });
  assert.equal((await readKept(card.system))?.owner, owner.wallet.address);
  const reason = (await card.read(`${paths.boot}/encrocam.reason.txt`)) ?? '';
  assert.match(reason, /pairing message leaves these answers open: unlocking/);
  // The next start tries again, in case an answers file completes it.
  await card.put(`${paths.boot}/encrocam.json`, JSON.stringify({ unlocking: { passphrase } }));
  await card.reboot();
  await start(card.system);
  await assertPaired(owner);
});

test('answers that fail when they are applied are dropped, and the camera has no owner again', async () => {
  const keys = [{ from: 'text', armored: ownerKey, fingerprint: 'A'.repeat(40) }];
  await show(pairingOwner(answersOf({ ...complete(), owner: { keys } })), taker());
  assert.equal((await provision()).outcome, 'refused');
  assert.equal(await card.read(keptFile), undefined);
  assert.match((await card.read(`${paths.boot}/encrocam.reason.txt`)) ?? '', /pairing code.*KEY_UNREADABLE/s);
  const second = pairingOwner(answersOf(complete()));
  await show(second, taker());
  assert.equal((await provision()).outcome, 'done');
  await assertPaired(second);
});

test('a kept message that nobody can read any more is forgotten, so that the owner can show it again', async () => {
  await card.put(keptFile, 'of another version');
  assert.equal((await provision()).outcome, 'none');
  assert.equal(await card.read(keptFile), undefined);
});

test('an answers file that is wrong does not stand in the way of a pairing', async () => {
  await card.put(`${paths.boot}/encrocam.json`, '{');
  const owner = pairingOwner(answersOf(complete()));
  await show(owner, taker());
  assert.equal((await provision()).outcome, 'done');
  await assertPaired(owner);
});

test('nothing that the message holds is left outside the config volume, or was in the log', async () => {
  const owner = pairingOwner(answersOf(complete()));
  await show(owner, taker());
  await provision();
  const kek = owner.content.kek.toString('hex');
  for (const text of [...logged, ...card.calls]) {
    assert.ok(!text.includes(passphrase) && !text.includes(kek), text);
  }
});

for (const when of ['before', 'during'] as const) {
  test(`power that is cut ${when} any operation after the code was seen leaves a camera that goes on, or looks for it again`, async () => {
    let operation = 1;
    for (; ; operation += 1) {
      await card.remove();
      card = await createFakeCard();
      const owner = pairingOwner(answersOf(complete()));
      const codes = await pairingCodes(owner);
      const cut = card.cutAt(operation, when);
      const all = async (system: System): Promise<void> => {
        const to = taker(system);
        for (const text of codes) await to.take(text);
        await start(system);
      };
      await all(cut.system).catch((error: unknown) => {
        if (!(error instanceof PowerCut)) throw error;
      });
      if (!cut.wasCut()) break;
      try {
        await card.reboot();
        await start(card.system);
        // Cut off before it was kept: the codes are still being shown.
        if ((await readState(card.system)) === 'new') await all(card.system);
        await assertPaired(owner);
      } catch (error) {
        throw new Error(`cut ${when} operation ${operation}: ${card.calls.at(-1)}`, { cause: error });
      }
    }
    assert.ok(operation > 30, `only ${operation} operations`);
  });
}

test('what only pairs is no more than that: its message as it was signed', async () => {
  const owner = pairingOwner();
  const to = taker();
  await show(owner, to);
  assert.deepEqual(await card.read(keptFile), (await pairingMessage(owner)).toString());
});
