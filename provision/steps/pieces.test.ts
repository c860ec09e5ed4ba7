import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import { test } from 'node:test';
import { createFakeCard } from '../../test/support/fake-card.ts';
import { findPlace, paths } from '../place.ts';
import { isMounted, readState } from '../state.ts';
import { parsePublicKeys, writeUnlockKeys } from './authorized-keys.ts';
import { chooseCipher, parseSpeed } from './cipher.ts';
import { ensureHostKeys } from './host-keys.ts';
import { withHostName } from './host-name.ts';
import { keyDerivationFor } from './luks.ts';
import { joinWifi, supplicantConfig, wpaKey } from './network.ts';
import { makeRecoveryKey, parseRecoveryKey } from './recovery-key.ts';

const meminfo = (totalMib: number, availableMib: number): string =>
  `MemTotal:  ${totalMib * 1024} kB\nMemFree: 1 kB\nMemAvailable:  ${availableMib * 1024} kB\n`;

test('Argon2 takes at most half of the free memory, and 64 MiB where they fit into that', () => {
  const memoryMib = (total: number, available: number): number =>
    keyDerivationFor(meminfo(total, available), 4).memoryKib / 1024;
  assert.equal(memoryMib(8192, 7000), 1024);
  assert.equal(Math.floor(memoryMib(1024, 800)), 341);
  assert.equal(memoryMib(512, 300), 150);
  assert.equal(memoryMib(256, 140), 70);
  assert.equal(memoryMib(180, 128), 64);
  assert.equal(memoryMib(128, 90), 45);
});

test('Argon2 uses at most four threads, and one where the count is unknown', () => {
  assert.equal(keyDerivationFor(meminfo(1024, 800), 16).threads, 4);
  assert.equal(keyDerivationFor(meminfo(1024, 800), 0).threads, 1);
});

test('the faster cipher is taken: Adiantum without AES instructions, AES with them', async () => {
  const card = await createFakeCard();
  try {
    const speeds = async (aes: string, adiantum: string): Promise<string> => {
      card.programs.set('cryptsetup', async (args) => {
        const line = args.includes('aes-xts-plain64') ? aes : adiantum;
        return line === '' ? { exitCode: 4, errors: 'not available' } : { output: line };
      });
      return (await chooseCipher(card.system)).name;
    };
    const slow = '# Algorithm | Key | Encryption | Decryption\n  aes-xts  512b  50.1 MiB/s  52.3 MiB/s\n';
    const fast = '  aes-xts  512b  1710.0 MiB/s  1820.0 MiB/s\n';
    const adiantum = ' xchacha20,aes-adiantum 256b  117.0 MiB/s 119.5 MiB/s\n';
    assert.equal(await speeds(slow, adiantum), 'xchacha20,aes-adiantum-plain64');
    assert.equal(await speeds(fast, adiantum), 'aes-xts-plain64');
    assert.equal(await speeds(fast, ''), 'aes-xts-plain64');
    assert.equal(await speeds('', ''), 'aes-xts-plain64');
  } finally {
    await card.remove();
  }
});

test('a cipher without a figure has no speed', () => {
  assert.equal(parseSpeed('aes-xts 512b  N/A  N/A\n'), undefined);
});

test('a recovery key has eight words for its 128 bits, and reads back however it is typed', () => {
  const key = makeRecoveryKey(() => Uint8Array.from({ length: 16 }, (_, index) => index * 17));
  assert.equal(key.split('-').length, 8);
  assert.equal(parseRecoveryKey(` ${key.replaceAll('-', '  ').toUpperCase()} `), key);
  assert.equal(parseRecoveryKey(key.replaceAll('-', '. ')), key);
  assert.equal(parseRecoveryKey(key.slice(6)), undefined);
  assert.equal(parseRecoveryKey('correct horse battery staple one two three four'), undefined);
  // The example of the proposal: 127.0.0.1.
  assert.equal(
    makeRecoveryKey(() => Uint8Array.of(127, 0, 0, 1, ...Buffer.alloc(12))).slice(0, 11),
    'lusab-babad',
  );
});

test('two recovery keys are never the same', () => {
  assert.equal(new Set(Array.from({ length: 1000 }, () => makeRecoveryKey())).size, 1000);
});

test('the Wi-Fi key is the one that the standard gives for its example', () => {
  // IEEE 802.11, annex J.4.2, first test case.
  assert.equal(
    wpaKey('IEEE', 'password'),
    'f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e',
  );
  assert.equal(wpaKey('x', 'A'.repeat(64)), 'a'.repeat(64));
});

test('no name of a network can break out of its configuration, and the passphrase is not in it', () => {
  const text = supplicantConfig({ ssid: '"}\nx', passphrase: 'long enough', country: 'DE', hidden: true });
  assert.match(text, /^ {2}ssid=227d0a78$/m);
  assert.match(text, /^ {2}scan_ssid=1$/m);
  assert.ok(!text.includes('long enough'));
  assert.match(supplicantConfig({ ssid: 'open', country: 'DE', hidden: false }), /key_mgmt=NONE/);
});

test('every radio is switched on, configured for root alone, and joined without waiting', async () => {
  const card = await createFakeCard();
  try {
    const wifi = { ssid: 'home', passphrase: 'long enough', country: 'DE', hidden: false };
    assert.equal(await joinWifi(card.system, wifi), 0);
    await card.put('/sys/class/net/wlan0/phy80211/name', 'phy0');
    await card.put('/sys/class/rfkill/rfkill0/type', 'wlan\n');
    await card.put('/sys/class/rfkill/rfkill1/type', 'bluetooth\n');
    assert.equal(await joinWifi(card.system, wifi), 1);
    const file = '/etc/wpa_supplicant/wpa_supplicant-wlan0.conf';
    assert.equal(await card.read(file), supplicantConfig(wifi));
    assert.equal((await stat(card.system.at(file))).mode & 0o777, 0o600);
    const switched = card.calls.filter((call) => call.startsWith('tee'));
    assert.deepEqual(switched, [`tee ${card.system.at('/sys/class/rfkill/rfkill0/soft')}`]);
    assert.ok(card.calls.includes('systemctl restart --no-block wpa_supplicant@wlan0.service'));
  } finally {
    await card.remove();
  }
});

test('the host name replaces the one before and leaves the other lines alone', () => {
  assert.equal(
    withHostName('127.0.0.1\tlocalhost\n127.0.1.1\told\n\n::1 ip6\n', 'new'),
    '127.0.0.1\tlocalhost\n::1 ip6\n127.0.1.1\tnew\n',
  );
});

const blob = 'A'.repeat(68);

test('keys are taken without the options that somebody put in front of them', () => {
  const text = [
    '# comment',
    `ssh-ed25519 ${blob} maria@laptop`,
    `command="/bin/sh",pty ssh-rsa ${blob}B evil"; rm -rf /\r`,
    `sk-ssh-ed25519@openssh.com ${blob}C`,
    'ssh-dss AAAA old',
    '\u0000\u0001binary',
  ].join('\n');
  assert.deepEqual(parsePublicKeys(text), [
    `ssh-ed25519 ${blob} maria@laptop`,
    `ssh-rsa ${blob}B evil rm -rf`,
    `sk-ssh-ed25519@openssh.com ${blob}C`,
  ]);
});

test('a key on the boot partition may unlock, and nothing else', async () => {
  const card = await createFakeCard();
  try {
    await card.put(`${paths.boot}/authorized_keys`, `ssh-ed25519 ${blob} a\nssh-ed25519 ${blob} again\n`);
    assert.equal(await writeUnlockKeys(card.system, paths.boot), 1);
    assert.equal(
      await card.read('/var/lib/encrocam/unlock/.ssh/authorized_keys'),
      `restrict,pty,command="/usr/bin/encrocam console ssh" ssh-ed25519 ${blob} again\n`,
    );
    // Taken away again, it opens no longer.
    await card.put(`${paths.boot}/authorized_keys`, '');
    assert.equal(await writeUnlockKeys(card.system, paths.boot), 0);
    assert.equal(await card.read('/var/lib/encrocam/unlock/.ssh/authorized_keys'), '');
  } finally {
    await card.remove();
  }
});

test('host keys that exist are kept, and one that a power cut emptied is made anew', async () => {
  const card = await createFakeCard();
  try {
    assert.equal(await ensureHostKeys(card.system), 2);
    const kept = await card.read('/etc/ssh/ssh_host_ed25519_key');
    await card.put('/etc/ssh/ssh_host_ecdsa_key', '');
    assert.equal(await ensureHostKeys(card.system), 1);
    assert.equal(await ensureHostKeys(card.system), 0);
    assert.equal(await card.read('/etc/ssh/ssh_host_ed25519_key'), kept);
  } finally {
    await card.remove();
  }
});

test('the config partition is looked up on the disk that the system runs from alone', async () => {
  const card = await createFakeCard();
  try {
    // Another disk comes first and has a partition of the same name.
    assert.deepEqual(await findPlace(card.system), {
      kind: 'card',
      volume: '/dev/vda3',
      bootDirectory: '/boot/firmware',
    });
    card.programs.set('findmnt', async () => ({ output: 'overlay\n' }));
    await assert.rejects(findPlace(card.system), { code: 'SYSTEM_UNSUITABLE' });
    await card.put(paths.installedMark, '{"volume":"/var/lib/encrocam/config.luks"}');
    assert.equal((await findPlace(card.system)).kind, 'installed');
    await card.put(paths.installedMark, '{}');
    await assert.rejects(findPlace(card.system), { code: 'SYSTEM_UNSUITABLE' });
  } finally {
    await card.remove();
  }
});

test('the state is what is on the disk', async () => {
  const card = await createFakeCard();
  try {
    assert.equal(await readState(card.system), 'new');
    await card.put(paths.doneMark, '');
    assert.equal(await readState(card.system), 'locked');
    await card.put('/dev/mapper/encrocam-config', '');
    assert.equal(await readState(card.system), 'locked');
    await card.put('/proc/self/mounts', '/dev/mapper/encrocam-config /etc/encrocam ext4 rw 0 0\n');
    assert.equal(await readState(card.system), 'recording');
    assert.equal(await isMounted(card.system, '/etc/encro'), false);
  } finally {
    await card.remove();
  }
});
