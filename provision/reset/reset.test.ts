import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { afterEach, before, beforeEach, test } from 'node:test';
import { silentLogger } from '../../runtime/log.ts';
import { createFakeCard, type FakeCard, PowerCut } from '../../test/support/fake-card.ts';
import { answersOf, pairingCodes, pairingOwner } from '../../test/support/pairing.ts';
import { takeBootFiles, unattendedMark } from '../boot-files.ts';
import { keptFile, knownNonces } from '../pairing/kept.ts';
import { RefusalLog } from '../pairing/refusals.ts';
import { PairingTaker } from '../pairing/taker.ts';
import { type CardPlace, findPlace, paths } from '../place.ts';
import { readState } from '../state.ts';
import { closeVolume, openVolume } from '../steps/volume.ts';
import type { System } from '../system.ts';
import { provisionUnattended } from '../unattended.ts';
import { earlierRecordings, resetCamera, resetFile, resettingMark } from './reset.ts';

// Other files of tests set up cameras at the same time.
const lockName = `\0encrocam-test-reset-${process.pid}`;
const passphrase = 'correct horse battery staple';
const sshKey = `ssh-ed25519 ${'A'.repeat(68)} maria@laptop`;
const recording = `${paths.recordings}/front/rec-20261122T130000Z-3600s.encrocam`;

let ownerKey: string;
let card: FakeCard;
before(async () => {
  const file = new URL('../../test/vectors/encrocrypt2/owner.public.asc', import.meta.url);
  ownerKey = await readFile(file, 'utf8');
});
beforeEach(async () => {
  card = await pairedCamera();
});
afterEach(() => card.remove());

const answers = (): Record<string, unknown> => ({
  hostName: 'front-door',
  network: { wifi: { ssid: 'home', passphrase: 'wifi-password', country: 'DE' } },
  account: { name: 'maria', authorizedKeys: [sshKey] },
  unlocking: { passphrase },
  owner: { keys: [{ from: 'text', armored: ownerKey }] },
  cameras: [{ name: 'front', input: { device: '/dev/video0' } }],
});

async function start(system: System): Promise<void> {
  await takeBootFiles(system, silentLogger);
  if (await system.exists(unattendedMark)) {
    await provisionUnattended({ system, logger: silentLogger, networkWaitMs: 20, lockName });
  }
}

async function pair(on: FakeCard): Promise<string> {
  const owner = pairingOwner(answersOf(answers()));
  const taker = new PairingTaker({ system: on.system, refusals: new RefusalLog(silentLogger) });
  for (const text of await pairingCodes(owner)) await taker.take(text);
  await start(on.system);
  assert.equal(await readState(on.system), 'recording');
  return owner.content.owner;
}

/** A camera as it records, for an owner who was paired with it. */
async function pairedCamera(): Promise<FakeCard> {
  const made = await createFakeCard();
  await made.put('/sys/class/net/wlan0/phy80211/name', 'phy0');
  await made.put(`${paths.boot}/authorized_keys`, `${sshKey}\n`);
  await start(made.system);
  await pair(made);
  await made.put(recording, 'video');
  await made.put('/var/lib/encrocam/locked/public.json', '{}');
  return made;
}

async function options(system = card.system, eraseRecordings = false) {
  return {
    system,
    place: (await findPlace(card.system)) as CardPlace,
    logger: silentLogger,
    eraseRecordings,
  };
}

const passwordsOnCard = async (): Promise<string[]> => {
  const { execFile } = await import('node:child_process');
  const { promisify } = await import('node:util');
  const patterns = ['wifi-password', 'maria@laptop', passphrase].flatMap((text) => ['-e', text]);
  return promisify(execFile)('grep', ['-rlF', ...patterns, card.root]).then(
    ({ stdout }) => stdout.split('\n').filter((line) => line !== '' && !line.includes('volume-content')),
    () => [],
  );
};

async function assertNew(): Promise<void> {
  assert.equal(await readState(card.system), 'new');
  assert.equal(card.volume.slots.size, 0);
  for (const file of [
    keptFile,
    resettingMark,
    paths.volumeMark,
    paths.readyMark,
    paths.answers,
    '/var/lib/encrocam/locked/public.json',
    '/etc/wpa_supplicant/wpa_supplicant-wlan0.conf',
    '/etc/ssh/ssh_host_ed25519_key',
    '/etc/sudoers.d/encrocam-account',
    `${paths.boot}/encrocam-camera.asc`,
    `${paths.boot}/authorized_keys`,
  ]) {
    assert.equal(await card.system.exists(file), false, file);
  }
  assert.equal(await card.system.account('maria'), undefined);
  assert.deepEqual(await passwordsOnCard(), []);
  assert.equal((await knownNonces(card.system)).size, 1);
}

test('a reset erases the keys for good, and all that its owner left on the card', async () => {
  await resetCamera(await options());
  await assertNew();
  assert.ok(card.calls.includes('cryptsetup erase --batch-mode /dev/vda3'));
  const stop = card.calls.findIndex((call) => call.startsWith('systemctl stop'));
  const close = card.calls.findIndex((call) => call.startsWith('umount'));
  assert.ok(stop !== -1 && stop < close, 'what uses the volume ends before it is closed');
  for (const service of ['record', 'sync', 'ledger'])
    assert.ok(card.calls[stop]?.includes(`encrocam-${service}.service`), service);
  await assert.rejects(openVolume(card.system, await findPlace(card.system), passphrase));
});

test('recordings stay, out of the way of the next owner; or they are erased, too', async () => {
  await resetCamera(await options());
  assert.equal(await card.read(recording), undefined);
  const [time = ''] = await card.system.list(earlierRecordings);
  assert.match(time, /^\d{8}T\d{6}Z$/);
  const moved = recording.replace(paths.recordings, `${earlierRecordings}/${time}`);
  assert.equal(await card.read(moved), 'video');
  await card.reboot();
  await pair(card);
  await resetCamera(await options(card.system, true));
  assert.deepEqual(await card.system.list(paths.recordings), []);
});

test("the next owner gets the same camera: its key on the chain is the one that it had, and nobody else's is", async () => {
  const before = await card.read('/etc/encrocam/ledger.key');
  const signing = await card.read('/etc/encrocam/camera.public.asc');
  await resetCamera(await options());
  await card.reboot();
  await start(card.system);
  const owner = await pair(card);
  assert.equal(await card.read('/etc/encrocam/ledger.key'), before);
  assert.notEqual(await card.read('/etc/encrocam/camera.public.asc'), signing);
  assert.ok((await card.read('/etc/encrocam/state/owner-keys.json'))?.includes(owner));
  assert.equal(await card.read(`${paths.provision}/ledger.key`), undefined);
});

test('without the passphrase the camera is reset all the same, and gets another key for the chain', async () => {
  const before = await card.read('/etc/encrocam/ledger.key');
  await closeVolume(card.system);
  await resetCamera(await options());
  await assertNew();
  await card.reboot();
  await start(card.system);
  await pair(card);
  assert.notEqual(await card.read('/etc/encrocam/ledger.key'), before);
});

test('a configuration that nobody can read keeps no keys, and the key for the chain goes on', async () => {
  const before = await card.read('/etc/encrocam/ledger.key');
  await card.put('/etc/encrocam/config.json', '{ "owner": ');
  await resetCamera(await options());
  await assertNew();
  assert.equal(await card.read(`${paths.provision}/ledger.key`), before);
});

test('on a camera that is not set up, the file on the boot partition makes it forget the code that it took', async () => {
  await resetCamera(await options());
  await card.reboot();
  await card.put(keptFile, 'whatever was taken');
  await card.put(`${paths.boot}/${resetFile}`, '');
  await takeBootFiles(card.system, silentLogger);
  assert.equal(await card.read(keptFile), undefined);
  assert.equal(await card.read(`${paths.boot}/${resetFile}`), undefined);
  assert.equal(await card.system.exists(unattendedMark), false);
});

for (const when of ['before', 'during'] as const) {
  test(`power that is cut ${when} any operation of a reset leaves the camera as it was, or new`, async () => {
    let operation = 1;
    let resets = 0;
    for (; ; operation++) {
      await card.remove();
      card = await pairedCamera();
      const cut = card.cutAt(operation, when);
      await resetCamera(await options(cut.system)).catch((error: unknown) => {
        if (!(error instanceof PowerCut)) throw error;
      });
      if (!cut.wasCut()) break;
      try {
        const wasBegun =
          (await card.system.exists(resettingMark)) || (await readState(card.system)) === 'new';
        await card.reboot();
        await takeBootFiles(card.system, silentLogger);
        if (wasBegun) {
          resets++;
          await card.system.remove('/etc/ssh/ssh_host_ed25519_key');
          await assertNew();
          await pair(card);
        } else {
          await openVolume(card.system, await findPlace(card.system), passphrase);
          assert.equal(await readState(card.system), 'recording');
        }
      } catch (error) {
        throw new Error(`cut ${when} operation ${operation}: ${card.calls.at(-1)}`, { cause: error });
      }
    }
    assert.ok(resets > 20, `only ${resets} of ${operation} operations`);
  });
}
