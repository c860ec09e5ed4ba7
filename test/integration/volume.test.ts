/**
 * The config volume with the real cryptsetup, on files: format, open, recovery key, damage. What needs the kernel's
 * device mapper (the mapping itself) is scripted here and proven in QEMU.
 */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { defaultVolumeFile, mapperDevice, type Place, paths } from '../../provision/place.ts';
import { runProgram } from '../../provision/run-program.ts';
import { formatVolume, opensWith, setRecoverySlot, volumeUuid } from '../../provision/steps/luks.ts';
import { makeRecoveryKey } from '../../provision/steps/recovery-key.ts';
import { addRecoveryKey, isVolumeMade, makeVolume, openVolume } from '../../provision/steps/volume.ts';
import { createSystem, type Runner, type System } from '../../provision/system.ts';

const passphrase = 'korrekt häst battery staple "$(true)"';
const place: Place = { kind: 'installed', volume: defaultVolumeFile };

let root: string;
let system: System;
/** What programs were started with; a secret must never be in it. */
const calls: string[] = [];

/** cryptsetup for real but for the mapping; as little memory as is allowed, so that the test is quick. */
const run: Runner = async (program, wantedArgs, options) => {
  // A derivation of two seconds, dozens of times, would only make the test slow.
  const args = wantedArgs.map((arg, index) => (wantedArgs[index - 1] === '--iter-time' ? '50' : arg));
  calls.push([program, ...args].join(' '));
  const mapper = path.join(root, mapperDevice);
  const mounts = path.join(root, 'proc/self/mounts');
  const done = { exitCode: 0, output: '', errors: '' };
  switch (program) {
    case 'mount':
      await writeFile(mounts, `${mapperDevice} ${paths.config} ext4 rw 0 0\n`);
      return done;
    case 'umount':
      await writeFile(mounts, '');
      return done;
    case 'mkfs.ext4':
    case 'e2fsck':
    case 'sync':
      return done;
    case 'cryptsetup': {
      if (args[0] === 'close') {
        await rm(mapper);
        return done;
      }
      if (args[0] !== 'open' || args.includes('--test-passphrase')) return runProgram(program, args, options);
      const result = await runProgram(program, [...args.slice(0, -1), '--test-passphrase'], options);
      if (result.exitCode === 0) await writeFile(mapper, '');
      return result;
    }
    default:
      return runProgram(program, args, options);
  }
};

before(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'encrocam-volume-'));
  for (const directory of ['dev/mapper', 'proc/self', 'var/lib/encrocam']) {
    await mkdir(path.join(root, directory), { recursive: true });
  }
  await writeFile(path.join(root, 'proc/self/mounts'), '');
  await writeFile(path.join(root, 'proc/meminfo'), 'MemTotal: 131072 kB\nMemAvailable: 131072 kB\n');
  system = createSystem({ root, run });
});
after(() => rm(root, { recursive: true }));

async function damage(offset: number, bytes: number): Promise<void> {
  const handle = await open(system.at(place.volume), 'r+');
  await handle.write(Buffer.alloc(bytes, 0x5a), 0, bytes, offset);
  await handle.close();
}

async function reboot(): Promise<void> {
  await writeFile(path.join(root, 'proc/self/mounts'), '');
  await rm(path.join(root, mapperDevice), { force: true });
}

test('the volume is made, and opens with its passphrase to the byte and with no other', async () => {
  assert.equal(await isVolumeMade(system, place), false);
  await makeVolume(system, place, passphrase);
  assert.equal(await isVolumeMade(system, place), true);
  await reboot();
  await assert.rejects(openVolume(system, place, 'wrong'), { code: 'PASSPHRASE_WRONG' });
  await assert.rejects(openVolume(system, place, `${passphrase}\n`), { code: 'PASSPHRASE_WRONG' });
  await openVolume(system, place, passphrase);
});

test('Argon2id is used, with no more than half of the memory and no less than 64 MiB', async () => {
  const { output } = await runProgram('cryptsetup', [
    'luksDump',
    '--dump-json-metadata',
    system.at(place.volume),
  ]);
  const { kdf } = JSON.parse(output).keyslots['0'];
  assert.deepEqual([kdf.type, kdf.memory], ['argon2id', 64 * 1024]);
});

test('the recovery key opens it, however it is typed, and a new one replaces it', async () => {
  const first = makeRecoveryKey();
  const second = makeRecoveryKey();
  await assert.rejects(addRecoveryKey(system, place, 'wrong', first), { code: 'PASSPHRASE_WRONG' });
  await addRecoveryKey(system, place, passphrase, first);
  await reboot();
  await openVolume(system, place, first.toUpperCase().replaceAll('-', ' '));
  await addRecoveryKey(system, place, passphrase, second);
  await reboot();
  await assert.rejects(openVolume(system, place, first), { code: 'PASSPHRASE_WRONG' });
  await openVolume(system, place, second);
  await reboot();
  await openVolume(system, place, passphrase);
});

test('what opens it was never an argument of a program', () => {
  assert.ok(calls.length > 10);
  for (const call of calls) assert.ok(!call.includes('häst'), call);
});

test('a header that was damaged in its first copy is still good: LUKS2 has two', async () => {
  await damage(0, 4096);
  assert.equal(await isVolumeMade(system, place), true);
  await reboot();
  await openVolume(system, place, passphrase);
});

test('a header that was only half written is no volume, and it is made anew', async () => {
  await damage(0, 64 * 1024);
  assert.equal(await volumeUuid(system, system.at(place.volume)), undefined);
  assert.equal(await isVolumeMade(system, place), false);
  await reboot();
  await assert.rejects(openVolume(system, place, passphrase), { code: 'VOLUME_UNUSABLE' });
  await makeVolume(system, place, 'another passphrase');
  assert.equal(await isVolumeMade(system, place), true);
});

test('a volume that was formatted but never finished does not count as made', async () => {
  const mark = await readFile(system.at(paths.volumeMark), 'utf8');
  await formatVolume(system, system.at(place.volume), passphrase);
  assert.equal(await system.readText(paths.volumeMark), mark);
  assert.equal(await isVolumeMade(system, place), false);
});

test('a recovery key can be added to a volume that has none, and only with the passphrase', async () => {
  const volume = system.at(place.volume);
  const key = makeRecoveryKey();
  await setRecoverySlot(system, volume, passphrase, key);
  assert.equal(await opensWith(system, volume, key), true);
  assert.equal(await opensWith(system, volume, `${key} `), false);
});
