/** The wizard's trials for real: FTP servers, a directory, a monitor, ffmpeg. */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { validatePartialAnswers } from '../../provision/answers/validate.ts';
import type { Work } from '../../provision/wizard/dialogue/dialogue.ts';
import { testCamera } from '../../provision/wizard/trials/camera.ts';
import { tryMonitor } from '../../provision/wizard/trials/monitor.ts';
import { tryStorage } from '../../provision/wizard/trials/storage.ts';
import type { StorageConfig } from '../../runtime/config/types.ts';
import { type ErrorCode, isEncroCamError } from '../../runtime/errors.ts';
import { type FtpServer, type FtpServerOptions, startFtpServer } from '../ftp-servers/index.ts';
import { startAppendOnlyDrive } from '../support/append-only-drive.ts';

/** Work that notes its steps; `abortAt` gives it up at that step. */
function work(abortAt?: string): Work & { steps: string[] } {
  const controller = new AbortController();
  const steps: string[] = [];
  return {
    steps,
    signal: controller.signal,
    progress(text) {
      steps.push(text);
      if (text === abortAt) controller.abort();
    },
  };
}

function configOf(server: FtpServer, change: Record<string, unknown> = {}): StorageConfig {
  const { host, port, user, password, caFile } = server;
  const { storage } = validatePartialAnswers({
    storage: { driver: 'ftp', host, port, user, password, tls: { certificateAuthority: caFile }, ...change },
  });
  assert.ok(storage);
  return storage;
}

async function serve(context: TestContext, options: Partial<FtpServerOptions> = {}): Promise<FtpServer> {
  const server = await startFtpServer({ software: 'proftpd', ...options });
  context.after(() => server.stop());
  return server;
}

const fails = (code: ErrorCode) => (error: unknown) => isEncroCamError(error, code);

for (const software of ['vsftpd', 'proftpd', 'pure-ftpd'] as const) {
  test(`${software} is tried with everything that the syncer does, and nothing is left on it`, async (context) => {
    const server = await serve(context, { software });
    const trial = work();
    const result = await tryStorage(configOf(server, { directory: '/cameras' }), trial);
    assert.deepEqual(trial.steps, ['logging in', 'writing', 'appending', 'reading back', 'deleting']);
    assert.ok(result.location.includes(server.host));
    assert.ok(!result.location.includes(server.password));
    assert.deepEqual(await readdir(path.join(server.rootDirectory, 'cameras')), []);
  });
}

for (const software of ['vsftpd', 'proftpd', 'pure-ftpd'] as const) {
  test(`${software}: an account that may only append is taken, and what stays is named`, async (context) => {
    const { server } = await startAppendOnlyDrive(context, software, 'front-door');
    const { leftBehind } = await tryStorage(configOf(server), work());
    assert.ok(leftBehind);
    assert.deepEqual(
      (await readdir(server.rootDirectory)).sort(),
      [leftBehind.slice(1), 'front-door'].sort(),
    );
  });
}

test('a wrong password is refused', async (context) => {
  const server = await serve(context);
  await assert.rejects(tryStorage(configOf(server, { password: 'wrong' }), work()), fails('STORAGE_REFUSED'));
});

test('an unknown certificate is not trusted, and what it is stands where the wizard looks for it', async (context) => {
  const server = await serve(context);
  await assert.rejects(tryStorage(configOf(server, { tls: {} }), work()), (error) => {
    assert.ok(isEncroCamError(error, 'STORAGE_UNTRUSTED'));
    return error.hint?.includes(server.fingerprint) ?? false;
  });
  await tryStorage(configOf(server, { tls: { fingerprint: server.fingerprint } }), work());
});

test('a drive that cannot be written is refused', async (context) => {
  const server = await serve(context, { readOnly: true });
  await assert.rejects(tryStorage(configOf(server), work()), fails('STORAGE_REFUSED'));
});

test('a drive without room for the test is full, and nothing is left on it', async (context) => {
  const server = await serve(context, { quotaBytes: 1024 * 1024 });
  await assert.rejects(tryStorage(configOf(server), work()), fails('STORAGE_FULL'));
  assert.deepEqual(
    (await readdir(server.rootDirectory)).filter((name) => name.startsWith('encrocam-test-')),
    [],
  );
});

test('a drive that is not there cannot be reached', async (context) => {
  const server = await serve(context);
  await server.kill();
  await assert.rejects(tryStorage(configOf(server), work()), fails('STORAGE_UNREACHABLE'));
});

test('a trial can be given up in the middle', async (context) => {
  const server = await serve(context);
  await assert.rejects(tryStorage(configOf(server), work('appending')));
});

test('a directory is tried as well, and has to exist', async (context) => {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'encrocam-trial-'));
  context.after(() => rm(directory, { recursive: true, force: true }));
  await tryStorage({ driver: 'directory', directory, retentionDays: 90, retention: 'camera' }, work());
  assert.deepEqual(await readdir(directory), []);
  await assert.rejects(
    tryStorage(
      {
        driver: 'directory',
        directory: path.join(directory, 'missing'),
        retention: 'camera',
        retentionDays: 90,
      },
      work(),
    ),
    (error) => isEncroCamError(error),
  );
});

async function monitor(
  context: TestContext,
  status: number | undefined,
): Promise<{ url: string; calls: string[] }> {
  const calls: string[] = [];
  const server = http.createServer((request, response) => {
    calls.push(request.url ?? '');
    if (status !== undefined) response.writeHead(status).end('OK');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/secret`, calls };
}

const patience = new AbortController().signal;

test('a monitor that answers is called once', async (context) => {
  const { url, calls } = await monitor(context, 200);
  await tryMonitor(url, 5000, patience);
  assert.deepEqual(calls, ['/secret']);
});

for (const [what, status, timeoutMs] of [
  ['does not know the address', 404, 5000],
  ['does not answer', undefined, 100],
] as const) {
  test(`a monitor that ${what} is refused, and its address is not told`, async (context) => {
    const { url } = await monitor(context, status);
    await assert.rejects(tryMonitor(url, timeoutMs, patience), (error) => {
      assert.ok(isEncroCamError(error, 'INPUT_UNREADABLE'));
      return !`${error.message} ${error.hint}`.includes('secret');
    });
  });
}

test('a monitor that is not there is refused', async () => {
  await assert.rejects(tryMonitor('http://127.0.0.1:1/secret', 5000, patience), fails('INPUT_UNREADABLE'));
});

function cameraOf(input: Record<string, unknown>) {
  const { cameras } = validatePartialAnswers({ cameras: [{ name: 'a', input }] });
  assert.ok(cameras);
  return cameras[0];
}

const room = { columns: 60, rows: 16 };

test('a camera is recorded, measured, and its last picture comes along', async () => {
  const camera = cameraOf({ format: 'lavfi', device: 'testsrc2=size=320x180:rate=10' });
  const recording = await testCamera(camera, room, work());
  assert.deepEqual([recording.width, recording.height], [320, 180]);
  assert.ok(recording.frames >= 30 && recording.frames <= 50, String(recording.frames));
  assert.ok(recording.bytes > 10_000);
  assert.ok(recording.seconds >= 2 && recording.seconds <= 6, String(recording.seconds));
  const { width, height, rgb } = recording.picture;
  assert.equal(rgb.length, 3 * width * height);
  assert.ok(width <= room.columns && height <= 2 * room.rows);
  // A test picture has every colour: no plane is empty.
  assert.ok([0, 1, 2].every((plane) => rgb.some((value, index) => index % 3 === plane && value > 200)));
});

test('a camera that is not there is unavailable', async () => {
  await assert.rejects(
    testCamera(cameraOf({ device: '/dev/video99' }), room, work()),
    fails('CAMERA_UNAVAILABLE'),
  );
});

test('a password in the address of a camera is in no message', async () => {
  const camera = cameraOf({ format: 'rtsp', device: 'rtsp://maria:hunter2@127.0.0.1:1/stream' });
  await assert.rejects(testCamera(camera, room, work()), (error) => {
    assert.ok(isEncroCamError(error, 'CAMERA_UNAVAILABLE'));
    return !`${error.message} ${error.hint}`.includes('hunter2');
  });
});

test('a test recording can be given up, and ffmpeg ends with it', async () => {
  const camera = cameraOf({ format: 'lavfi', device: 'testsrc2=size=320x180:rate=10' });
  const trial = work('recording');
  // It rejects once ffmpeg has ended.
  await assert.rejects(testCamera(camera, room, trial));
  assert.ok(!trial.steps.includes('looking at the pictures'));
});
