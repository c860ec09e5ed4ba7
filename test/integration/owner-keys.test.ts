/**
 * An owner without OpenPGP, from the recorder over a real FTP server to their screen: `record`, `sync`, `rotate-key`, `decrypt`,
 * `export`, and live video with the live key alone.
 */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, copyFile, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { readOwnerFile, writeOwnerFile } from '../../ledger/owner/key-file.ts';
import { kekOf, newCamera, type Owner } from '../../ledger/owner/owner.ts';
import { walletFromEntropy } from '../../ledger/owner/wallet.ts';
import { pairedKeys, readCameraKeys, writeCameraKeys } from '../../runtime/video-keys/camera-keys.ts';
import { fromHex } from '../../runtime/video-keys/hex.ts';
import { wrapVideoKey } from '../../runtime/video-keys/keys.ts';
import { ftpSoftware, startFtpServer } from '../ftp-servers/index.ts';
import { startAppendOnlyDrive } from '../support/append-only-drive.ts';
import { driveSettings } from '../support/drive.ts';
import { type CameraSettings, cameraKey, encrocam, Place, testPicture } from './recorder-harness.ts';
import { Run } from './syncer-harness.ts';

const run = promisify(execFile);
const passphrase = 'a passphrase for tests';
const environment = { ...process.env, ENCROCAM_OWNER_PASSPHRASE: passphrase };
const cameraPublic = path.join(import.meta.dirname, '../vectors/encrocrypt2/camera.public.asc');
const signedBy = ['--signed-by', cameraPublic];
const front: CameraSettings = {
  ...{ name: 'front', input: testPicture },
  encoder: { name: 'libx264', preset: 'ultrafast', keyFrameIntervalSeconds: 1 },
};

/** A camera that was paired, and its owner's key file. */
async function pairedPlace(context: TestContext, storage: object) {
  const owner = { symmetricKeys: 'owner-keys.json' };
  const place = await Place.make(context, [front], { owner, signing: { key: cameraKey }, storage });
  const at = (name: string): string => path.join(place.directory, name);
  const house = newCamera('house', Date.now());
  const mine: Owner = { entropy: Buffer.alloc(32, 7), cameras: [house] };
  await writeOwnerFile(at('encrocam-owner.json'), passphrase, mine);
  const kek = kekOf(mine, house);
  const [recordings, live] = house.keys.map((key) => wrapVideoKey(kek, key));
  assert.ok(recordings && live);
  const address = fromHex(walletFromEntropy(mine.entropy).address, 20);
  assert.ok(address);
  const parties = { camera: Buffer.alloc(20, 0xca), owner: address, kek };
  await writeCameraKeys(at('owner-keys.json'), pairedKeys(parties, { recordings, live }));
  const sync = (): Run => {
    const syncer = new Run('sync', ['--config', at('config.json')]);
    context.after(() => syncer.kill());
    return syncer;
  };
  return { place, at, sync };
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 40_000; Date.now() < deadline; await pause(100))
    if (await isSo()) return;
  assert.fail(`waited in vain for ${what}`);
}

const sizeOf = (file: string): Promise<number> =>
  stat(file).then(
    ({ size }) => size,
    () => 0,
  );

/** `encrocam` with an exit code instead of a failure. */
async function tryIt(...args: string[]): Promise<{ code: number; stderr: string; stdout: string }> {
  return run(encrocam, args, { env: environment, maxBuffer: 1e8 }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
  );
}

async function secondsIn(file: string): Promise<number> {
  const { stdout } = await run('ffprobe', [
    '-v',
    'error',
    '-count_packets',
    '-show_entries',
    'stream=nb_read_packets',
    '-of',
    'csv=p=0',
    file,
  ]);
  return Number.parseInt(stdout, 10) / 15;
}

for (const software of ftpSoftware) {
  test(`${software}: a new key over the drive; old recordings stay readable, and the old key opens nothing new`, async (context) => {
    const server = await startFtpServer({ software });
    context.after(() => server.stop());
    const { place, at, sync } = await pairedPlace(context, driveSettings(server));
    const onDrive = (name: string): string => path.join(server.rootDirectory, 'front', name);
    const recorder = place.start(['--locked', at('public.json')]);
    await recorder.line('while it is locked this camera records nothing');
    await recorder.line('video is coming');
    let syncer = sync();
    await syncer.said('the drive is up to date');
    await until('live video on the drive', async () => (await sizeOf(onDrive('live.json'))) > 0);
    assert.deepEqual(
      (await readdir(path.dirname(onDrive('')))).filter((name) => name.includes('.part')),
      [],
    );
    await syncer.terminate();

    const mine = at('encrocam-owner.json');
    await copyFile(mine, at('old.json'));
    const drive = `ftps://${server.user}@${server.host}:${server.port}/front`;
    const toDrive = ['--tls-fingerprint', server.fingerprint];
    const rotate = async (purpose: string): Promise<void> => {
      const args = ['rotate-key', '--owner', mine, '--camera', 'house', '--to', drive, '--purpose', purpose];
      const env = { ...environment, ENCROCAM_FTP_PASSWORD: server.password };
      await run(encrocam, [...args, ...toDrive], { env });
    };
    await rotate('recordings');
    await rotate('live');
    // Put there by somebody who owns the drive, under numbers that come next.
    const copied = await readFile(onDrive('command-00000002.json'));
    await writeFile(onDrive('command-00000004.json'), copied);
    await writeFile(onDrive('command-00000005.json'), 'garbage');
    await writeFile(onDrive('command-00000006.json'), 'x'.repeat(100_000));

    syncer = sync();
    await recorder.line('the owner gave a new key', { purpose: 'recordings', counter: 2 });
    await recorder.line('the owner gave a new key', { purpose: 'live', counter: 3 });
    await recorder.line('a command on the drive is refused', { file: 'command-00000004.json' });
    await recorder.line('a command on the drive is refused', { file: 'command-00000005.json' });
    const kept = await readCameraKeys(at('owner-keys.json'));
    assert.deepEqual([kept.keys.recordings.counter, kept.keys.live.counter], [2, 3]);
    await pause(4000);
    await syncer.terminate();
    // A syncer that starts again finds nothing new.
    syncer = sync();
    await syncer.said('the drive is up to date');
    await pause(3000);
    await recorder.stop();
    await syncer.terminate();
    assert.equal(recorder.lines.filter(({ message }) => message.includes('is refused')).length, 2);
    assert.equal(recorder.lines.filter(({ message }) => message.includes('gave a new key')).length, 2);

    const recordings = path.join(place.recordings, 'front');
    const decrypt = async (key: string, out: string): ReturnType<typeof tryIt> => {
      const given = ['--owner', at(key), ...signedBy];
      return tryIt('decrypt', recordings, at(out), ...given);
    };
    const whole = await decrypt('encrocam-owner.json', 'whole.mp4');
    assert.equal(whole.code, 0, whole.stderr);
    const part = await decrypt('old.json', 'part.mp4');
    assert.equal(part.code, 2, part.stderr);
    assert.match(part.stderr, /no secret key for this recording/);
    const [all, before] = [await secondsIn(at('whole.mp4')), await secondsIn(at('part.mp4'))];
    assert.ok(before > 1 && all > before + 3, `${before} s of ${all} s`);
    const verified = await place.verify('front');
    assert.equal(verified.exitCode, 0, JSON.stringify(verified));

    const range = ['--from', '-1h', '--to', '-0s'];
    const exported = await tryIt(
      'export',
      recordings,
      '--out',
      at('evidence'),
      ...range,
      '--owner',
      mine,
      ...signedBy,
    );
    assert.equal(exported.code, 0, exported.stderr);
    const link = await tryIt('share', recordings, '--link', ...range, '--owner', mine, ...signedBy);
    assert.equal(link.code, 0, link.stderr);
    const wrong = await run(encrocam, ['decrypt', recordings, '--owner', mine, ...signedBy], {
      env: { ...environment, ENCROCAM_OWNER_PASSPHRASE: 'wrong' },
    }).catch(({ stderr }) => stderr);
    assert.match(wrong, /KEY_LOCKED/);
  });
}

test('the live key alone shows what is recorded now, from a drive; a new one locks it out', async (context) => {
  const server = await startFtpServer({ software: 'proftpd' });
  context.after(() => server.stop());
  const { place, at, sync } = await pairedPlace(context, driveSettings(server));
  const recorder = place.start();
  await recorder.line('video is coming');
  const syncer = sync();
  const live = path.join(server.rootDirectory, 'front/live.json');
  await until('live video on the drive', async () => (await sizeOf(live)) > 0);
  const owned = ['--owner', at('encrocam-owner.json'), '--camera', 'house'];
  const key = (await run(encrocam, ['live-key', ...owned], { env: environment })).stdout.trim();
  assert.match(key, /^[0-9a-f]{64}$/);

  const player = at('mpv');
  await writeFile(player, '#!/bin/sh\nexec cat > "$SHOWN"\n');
  await chmod(player, 0o755);
  const drive = `ftps://${server.user}@${server.host}:${server.port}/front`;
  const play = (shown: string, ...how: string[]) => {
    const args = [
      'play',
      drive,
      ...how,
      '--player',
      'mpv',
      ...signedBy,
      '--tls-fingerprint',
      server.fingerprint,
    ];
    const child = spawn(encrocam, args, {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: {
        ...{ ...environment, ENCROCAM_FTP_PASSWORD: server.password, SHOWN: at(shown) },
        PATH: `${place.directory}:${process.env.PATH}`,
      },
    });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, stderr }));
    context.after(() => void child.kill('SIGKILL'));
    return { child, ended, said: () => stderr };
  };
  const friend = play('friend.mp4', '--live-key', key);
  const owner = play('owner.mp4', '--live', '--owner', at('encrocam-owner.json'));
  for (const file of ['friend.mp4', 'owner.mp4']) {
    await until(`live video in ${file}`, async () => {
      if (friend.child.exitCode !== null || owner.child.exitCode !== null)
        assert.fail(friend.said() + owner.said());
      return (await sizeOf(at(file))) > 100_000;
    });
  }
  owner.child.kill('SIGKILL');

  const directory = path.join(server.rootDirectory, 'front');
  await run(encrocam, ['rotate-key', ...owned, '--purpose', 'live', '--to', directory], { env: environment });
  // It looks at the start, and else every few minutes.
  await syncer.terminate();
  const again = sync();
  await recorder.line('the owner gave a new key', { purpose: 'live' });
  const { code, stderr } = await friend.ended;
  assert.equal(code, 1, stderr);
  assert.match(stderr, /another live key/);
  assert.ok((await secondsIn(at('friend.mp4'))) > 1);
  const late = await play('late.mp4', '--live-key', key).ended;
  assert.match(late.stderr, /another live key/);
  assert.equal(await sizeOf(at('late.mp4')), 0);
  const { cameras } = await readOwnerFile(at('encrocam-owner.json'), passphrase);
  assert.deepEqual(
    cameras[0]?.keys.map(({ counter }) => counter),
    [1, 1, 2],
  );
  await recorder.stop();
  await again.terminate();
});

test('an append-only drive takes recordings and brings commands; that it has no live video is told once', async (context) => {
  const { server, directory } = await startAppendOnlyDrive(context, 'proftpd', 'front');
  const { place, at, sync } = await pairedPlace(context, driveSettings(server));
  const recorder = place.start();
  await recorder.line('video is coming');
  const rotate = ['rotate-key', '--owner', at('encrocam-owner.json'), '--camera', 'house', '--to', directory];
  await run(encrocam, rotate, { env: environment });
  const syncer = sync();
  await syncer.said('live video cannot be opened there');
  await recorder.line('the owner gave a new key', { purpose: 'recordings' });
  await recorder.stop();
  await syncer.said('the drive is up to date');
  await syncer.terminate();
  await rm(path.join(place.recordings, '.state'), { recursive: true });
  const names = (await readdir(directory)).filter((name) => name.startsWith('rec-'));
  assert.equal(names.length, 1);
});

test('a key that does not get to the drive is in the key file all the same, and the next one has another number', async (context) => {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'encrocam-drive-'));
  context.after(() => rm(directory, { recursive: true, force: true }));
  const { at } = await pairedPlace(context, { driver: 'directory', directory });
  const to = (place: string) =>
    tryIt('rotate-key', '--owner', at('encrocam-owner.json'), '--camera', 'house', '--to', place);
  const lost = await to(at('nowhere'));
  assert.equal(lost.code, 1, lost.stderr);
  const sent = await to(directory);
  assert.equal(sent.code, 0, sent.stderr);
  assert.deepEqual(await readdir(directory), ['command-00000003.json']);
  const { cameras } = await readOwnerFile(at('encrocam-owner.json'), passphrase);
  assert.deepEqual(
    cameras[0]?.keys.map(({ purpose, counter }) => `${purpose} ${counter}`),
    ['recordings 1', 'live 1', 'recordings 2', 'recordings 3'],
  );
  const unknown = await tryIt(
    'rotate-key',
    '--owner',
    at('encrocam-owner.json'),
    '--camera',
    'shed',
    '--to',
    directory,
  );
  assert.match(unknown.stderr, /Cameras in it: house/);
});

test('whoever has only the drive has no key: a recording for an owner without OpenPGP says what it needs', async (context) => {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'encrocam-drive-'));
  context.after(() => rm(directory, { recursive: true, force: true }));
  const { place } = await pairedPlace(context, { driver: 'directory', directory });
  const recorder = place.start();
  await recorder.line('video is coming');
  await pause(1500);
  await recorder.stop();
  const stranger = ['--key', path.join(import.meta.dirname, '../vectors/encrocrypt2/owner.secret.asc')];
  const { code, stderr } = await tryIt(
    'decrypt',
    path.join(place.recordings, 'front'),
    ...stranger,
    ...signedBy,
  );
  assert.equal(code, 1, stderr);
  assert.match(stderr, /--owner/);
});
