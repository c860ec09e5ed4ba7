import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { before, test } from 'node:test';
import { readKeyFile } from '../../ledger/identity/key-file.ts';
import { silentLogger } from '../../runtime/log.ts';
import { readPublicKeyFile } from '../../runtime/pgp/keys.ts';
import { createFakeCard, type FakeCard, PowerCut } from '../../test/support/fake-card.ts';
import { takeBootFiles, unattendedMark } from '../boot-files.ts';
import { findPlace, paths } from '../place.ts';
import { readState } from '../state.ts';
import type { System } from '../system.ts';
import { provisionUnattended } from '../unattended.ts';
import { readCameraKey } from './signing-key.ts';
import { openVolume } from './volume.ts';

// Other files of tests set up cameras at the same time.
const lockName = `\0encrocam-test-steps-${process.pid}`;
const passphrase = 'correct horse battery staple';
const secrets = [passphrase, 'drive-password', 'wifi-password'];
const sshKey = `ssh-ed25519 ${'A'.repeat(68)} maria@laptop`;

let ownerKey: string;
before(async () => {
  const file = new URL('../../test/vectors/encrocrypt2/owner.public.asc', import.meta.url);
  ownerKey = await readFile(file, 'utf8');
});

function answers(): Record<string, unknown> {
  return {
    timeZone: 'Europe/Berlin',
    hostName: 'front-door',
    network: { wifi: { ssid: 'home', passphrase: 'wifi-password', country: 'DE' } },
    account: { name: 'maria', authorizedKeys: [sshKey] },
    unlocking: { passphrase },
    owner: { keys: [{ from: 'text', armored: ownerKey }] },
    cameras: [{ name: 'front', input: { device: '/dev/video0' } }],
    // A drive that does not answer is no reason to refuse: nothing listens on port 1.
    storage: { driver: 'ftp', host: '127.0.0.1', port: 1, user: 'cam', password: 'drive-password' },
  };
}

async function freshCard(value: unknown = answers()): Promise<FakeCard> {
  const card = await createFakeCard();
  await card.put('/sys/class/net/wlan0/phy80211/name', 'phy0');
  await card.put(`${paths.boot}/encrocam.json`, JSON.stringify(value));
  await card.put(`${paths.boot}/user-data`, 'password: wifi-password');
  return card;
}

/** What systemd runs at a start, as far as it is ours. */
async function start(system: System): Promise<void> {
  await takeBootFiles(system, silentLogger);
  if (await system.exists(unattendedMark))
    await provisionUnattended({ system, logger: silentLogger, lockName });
}

async function filesBelow(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
}

async function assertProvisioned(card: FakeCard): Promise<void> {
  const { system } = card;
  assert.notEqual(await readState(system), 'new');
  await openVolume(system, await findPlace(system), passphrase);
  assert.equal(await readState(system), 'recording');

  const config = JSON.parse((await card.read('/etc/encrocam/config.json')) ?? '');
  assert.equal(config.storage.password, 'drive-password');
  assert.deepEqual(config.owner.keys, ['owner-1.asc']);
  const key = await readCameraKey(system);
  for (const file of ['/etc/encrocam/camera.public.asc', `${paths.boot}/encrocam-camera.asc`]) {
    const [published] = await readPublicKeyFile(system.at(file));
    assert.equal(published?.getFingerprint().toUpperCase(), key.fingerprint, file);
  }
  assert.equal(await card.read('/etc/hostname'), 'front-door\n');
  assert.equal(await card.read('/home/maria/.ssh/authorized_keys'), `${sshKey}\n`);
  assert.match(
    (await card.read('/var/lib/encrocam/unlock/.ssh/authorized_keys')) ?? '',
    /^restrict,pty,command=/,
  );
  assert.equal(await system.readLink('/etc/localtime'), '/usr/share/zoneinfo/Europe/Berlin');
  for (const type of ['ed25519', 'ecdsa']) {
    assert.match((await card.read(`/etc/ssh/ssh_host_${type}_key`)) ?? '', /END OPENSSH PRIVATE KEY/);
  }

  // Secrets are on the config volume and nowhere else; the boot partition has none of the files that held them.
  for (const file of await filesBelow(card.root)) {
    if (file.startsWith(path.join(card.root, 'etc/encrocam/config.json'))) continue;
    const text = await readFile(file, 'latin1');
    for (const secret of secrets) assert.ok(!text.includes(secret), `${secret} is in ${file}`);
  }
  for (const name of ['encrocam.json', 'user-data', 'encrocam.refused.json', 'encrocam.reason.txt']) {
    assert.equal(await card.read(`${paths.boot}/${name}`), undefined, name);
  }
  assert.equal(await card.read(paths.readyMark), undefined);
}

test('an answers file sets a new camera up, and its secrets end on the config volume alone', async () => {
  const card = await freshCard();
  try {
    await start(card.system);
    await assertProvisioned(card);
    for (const call of card.calls) {
      for (const secret of secrets) assert.ok(!call.includes(secret), `${secret} is in an argument: ${call}`);
    }
    assert.ok(card.calls.includes('systemctl start encrocam.target'));
  } finally {
    await card.remove();
  }
});

test('the next start changes nothing and leaves the camera locked', async () => {
  const card = await freshCard();
  try {
    await start(card.system);
    const hostKey = await card.read('/etc/ssh/ssh_host_ed25519_key');
    await card.reboot();
    await start(card.system);
    assert.equal(await readState(card.system), 'locked');
    assert.equal(await card.read('/etc/ssh/ssh_host_ed25519_key'), hostKey);
    await assertProvisioned(card);
  } finally {
    await card.remove();
  }
});

for (const when of ['before', 'during'] as const) {
  test(`power that is cut ${when} any operation of the first boot costs nothing but another start`, async () => {
    let operation = 1;
    for (; ; operation++) {
      const card = await freshCard();
      try {
        const cut = card.cutAt(operation, when);
        // takeBootFiles goes on after a failure, so a cut there shows as such only in what is left.
        await start(cut.system).catch((error: unknown) => {
          if (!(error instanceof PowerCut)) throw error;
        });
        if (!cut.wasCut()) break;
        await card.reboot();
        await start(card.system);
        await assertProvisioned(card);
      } catch (error) {
        throw new Error(`cut ${when} operation ${operation}: ${card.calls.at(-1)}`, { cause: error });
      } finally {
        await card.remove();
      }
    }
    // Fewer would mean that the cuts did not reach the steps.
    assert.ok(operation > 60, `only ${operation} operations`);
  });
}

const ledger = {
  chainId: 31337,
  rpcUrls: ['http://127.0.0.1:1/access-key'],
  contracts: { ownership: `0x${'11'.repeat(20)}`, checkpoints: `0x${'22'.repeat(20)}` },
};

/** Sets a card up with answers that have a ledger; what was logged. */
async function startWithLedger(card: FakeCard): Promise<string[]> {
  const lines: string[] = [];
  const take = (message: string): void => void lines.push(message);
  const logger = { ...silentLogger, info: take, warn: take };
  await takeBootFiles(card.system, silentLogger);
  await provisionUnattended({ system: card.system, logger, lockName });
  await assertProvisioned(card);
  return lines;
}

test("with a ledger, the camera's key for the chain is made, and the log has its address", async () => {
  const card = await freshCard({ ...answers(), ledger });
  try {
    const lines = await startWithLedger(card);
    const config = JSON.parse((await card.read('/etc/encrocam/config.json')) ?? '');
    assert.deepEqual(config.ledger.rpcUrls, ledger.rpcUrls);
    assert.deepEqual(config.ledger.identity, { driver: 'file', key: 'ledger.key' });
    const key = await readKeyFile(card.system.at('/etc/encrocam/ledger.key'));
    assert.ok(key);
    assert.ok(lines.some((line) => line.includes(key.address)));
    // It is a secret, and lies on the config volume alone.
    for (const file of await filesBelow(card.root)) {
      const holdsKey = (await readFile(file, 'latin1')).includes(key.key.slice(2));
      assert.equal(holdsKey, file.endsWith('/etc/encrocam/ledger.key'), file);
    }
    assert.ok(lines.every((line) => !line.includes(key.key.slice(2))));
  } finally {
    await card.remove();
  }
});

test('an element that cannot be used is no reason not to record', async () => {
  const identity = { driver: 'pkcs11', module: '/nowhere/element.so', token: 'encrocam', pin: 'element-pin' };
  const card = await freshCard({ ...answers(), ledger: { ...ledger, identity } });
  try {
    const lines = await startWithLedger(card);
    const [warning, second] = lines.filter((line) => line.includes('no key for the chain'));
    assert.ok(warning?.includes('sudo encrocam identity'));
    assert.equal(second, undefined);
    assert.ok(lines.every((line) => !line.includes('element-pin')));
    assert.ok(card.calls.includes('systemctl start encrocam.target'));
  } finally {
    await card.remove();
  }
});
