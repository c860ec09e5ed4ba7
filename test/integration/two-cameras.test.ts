/**
 * Two cameras and three owners on one machine, through the commands that people run: what one camera records is on
 * disk and drive in its own directories, every owner can watch it, and no secret is in a log or the process list.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { decrypt, encryptKey, generateKey, readMessage } from 'openpgp';
import { PacketReader, readHeader, rootOf, segmentKey } from '../../runtime/encrocrypt/v3/index.ts';
import type { Status } from '../../runtime/state/status.ts';
import { startFtpServer } from '../ftp-servers/index.ts';
import { GpgHome, keyParameters } from '../support/gpg-home.ts';
import { Run } from './syncer-harness.ts';

const run = promisify(execFile);
const patienceMs = 60_000;
const passphrase = 'a passphrase of the third owner';
const monitorPath = '/0b1c9b5e-secret-of-the-monitor';
const cameras = [
  { name: 'yard', width: 320, disk: 'yard', drive: 'yard' },
  { name: 'door', width: 192, disk: 'disk-of-the-door', drive: 'drive-of-the-door' },
] as const;

/** A monitor, as its service would run it: says when it is called. */
async function startMonitor(context: TestContext): Promise<{ url: string; called(): Promise<void> }> {
  const calls = new EventEmitter();
  const server = createServer((_, response) => {
    response.end();
    calls.emit('call');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${monitorPath}`;
  return {
    url,
    called: async () => void (await once(calls, 'call', { signal: AbortSignal.timeout(patienceMs) })),
  };
}

async function commandLines(): Promise<string> {
  const lines: string[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) continue;
    // A process that ended meanwhile has none.
    lines.push(await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => ''));
  }
  return lines.join('\n');
}

test('two cameras and three owners keep to themselves, and no secret is in a log or the process list', async (context) => {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'encrocam-two-'));
  context.after(() => rm(directory, { recursive: true, force: true }));
  const at = (name: string): string => path.join(directory, name);
  const server = await startFtpServer({ software: 'proftpd' });
  context.after(() => server.stop());
  const monitor = await startMonitor(context);

  const home = await GpgHome.create();
  context.after(() => home.remove());
  const rsa = await home.makeKey('owner rsa', keyParameters.rsa);
  const nist = await home.makeKey('owner nist', keyParameters.nistP256);
  const curve = await generateKey({
    ...{ type: 'ecc', curve: 'ed25519Legacy', format: 'object' },
    userIDs: [{ name: 'owner curve' }],
  });
  await writeFile(at('curve.public.asc'), curve.publicKey.armor());
  const locked = await encryptKey({ privateKey: curve.privateKey, passphrase });
  await writeFile(at('curve.secret.asc'), locked.armor(), { mode: 0o600 });

  const logs: string[] = [];
  const encrocam = async (args: string[], environment: Record<string, string> = {}): Promise<Run> => {
    const [command = '', ...rest] = args;
    const ended = new Run(command, rest, environment);
    assert.equal(await ended.exitCode(), 0, `${command}: ${ended.stderr}`);
    logs.push(ended.stdout, ended.stderr);
    return ended;
  };
  await encrocam(['keygen', '--out', at('camera')]);
  await writeFile(
    at('config.json'),
    JSON.stringify({
      owner: {
        keys: [await home.exportKey(rsa), await home.exportKey(nist), 'curve.public.asc'],
      },
      signing: { key: 'camera.secret.asc' },
      cameras: cameras.map(({ name, width, disk, drive }) => ({
        ...{
          name,
          directory: disk,
          driveDirectory: drive,
          encoder: { name: 'libx264', preset: 'ultrafast' },
        },
        input: { format: 'lavfi', device: `testsrc2=size=${width}x108:rate=10` },
      })),
      recordings: { directory: 'disk' },
      storage: {
        ...{ driver: 'ftp', host: server.host, port: server.port, user: server.user },
        ...{ password: server.password, tls: { certificateAuthority: server.caFile } },
      },
      monitor: { url: monitor.url, intervalSeconds: 5 },
      log: { level: 'debug', format: 'json' },
    }),
  );
  const config = ['--config', at('config.json')];

  const firstCall = monitor.called();
  const recorder = new Run('record', config);
  const syncer = new Run('sync', config);
  context.after(() => Promise.all([recorder.kill(), syncer.kill()]));
  // The monitor is called only once both cameras record and both uploads progress.
  await firstCall;
  const secondCall = monitor.called();
  const whileRunning = await commandLines();
  assert.ok(whileRunning.includes(at('config.json')), 'the services are in the process list');
  const { stdout } = await encrocam(['status', '--json', ...config]);
  const status = JSON.parse(stdout) as Status;
  assert.deepEqual(
    [status.healthy, status.problems, status.cameras.map(({ name }) => name)],
    [true, [], ['yard', 'door']],
  );
  await encrocam(['status', ...config]);
  await encrocam(['list', ...config]);
  await encrocam(['config', ...config]);
  await secondCall;
  assert.equal(await recorder.terminate(), 0, recorder.stderr);
  assert.equal(await syncer.terminate(), 0, syncer.stderr);
  await encrocam(['sync', '--once', ...config]);

  assert.deepEqual((await readdir(server.rootDirectory)).sort(), cameras.map(({ drive }) => drive).sort());
  const keys: Buffer[] = [];
  const owners = [
    { options: [], environment: { GNUPGHOME: home.directory } },
    { options: ['--key', await home.exportKey(nist, 'secret')], environment: {} },
    { options: ['--key', at('curve.secret.asc')], environment: { ENCROCAM_PASSPHRASE: passphrase } },
  ];
  for (const { name, width, disk, drive } of cameras) {
    const recordings = (await readdir(at(`disk/${disk}`))).sort();
    assert.ok(recordings.length > 0);
    assert.deepEqual((await readdir(path.join(server.rootDirectory, drive))).sort(), recordings);
    for (const recording of recordings) {
      const bytes = await readFile(at(`disk/${disk}/${recording}`));
      assert.ok(bytes.equals(await readFile(path.join(server.rootDirectory, drive, recording))), recording);
      keys.push(...(await keysOf(bytes, curve.privateKey)));
    }
    const videos: Buffer[] = [];
    for (const [number, { options, environment }] of owners.entries()) {
      const video = at(`${name}-${number}.mp4`);
      const location = `ftps://${server.user}@${server.host}:${server.port}/${drive}`;
      await encrocam(
        // biome-ignore format: a command line
        ['decrypt', location, video, '--signed-by', at('camera.public.asc'), '--ca', server.caFile, ...options],
        { ENCROCAM_FTP_PASSWORD: server.password, ...environment },
      );
      videos.push(await readFile(video));
    }
    assert.ok(videos.every((video) => video.equals(videos[0] ?? assert.fail('no video'))));
    // biome-ignore format: a command line
    const probe = await run('ffprobe', ['-v', 'error', '-show_entries', 'stream=codec_name,width', '-of', 'csv=p=0', at(`${name}-0.mp4`)]);
    assert.match(probe.stdout, new RegExp(`^h264,${width}`));
  }

  assert.ok(keys.length >= 2 * cameras.length);
  const said = [...logs, recorder.stderr, recorder.stdout, syncer.stderr, syncer.stdout].join('\n');
  assert.match(said, /"level":"debug"/);
  const secrets: Record<string, string> = {
    'the password of the drive': server.password,
    'the address of the monitor': monitorPath,
    'the passphrase of an owner': passphrase,
    'the secret key of the camera': secretLine(await readFile(at('camera.secret.asc'), 'utf8')),
    'the secret key of an owner': secretLine(await readFile(at('curve.secret.asc'), 'utf8')),
  };
  for (const [number, key] of keys.entries()) {
    for (const text of [key.toString('hex'), key.toString('base64').slice(0, 22), [...key].join(',')]) {
      secrets[`key ${number} of the video as ${text.length} characters`] = text;
    }
  }
  for (const [what, text] of Object.entries(secrets)) {
    assert.ok(!said.includes(text), `${what} was logged`);
    assert.ok(!whileRunning.includes(text), `${what} was in the process list`);
  }
});

/** The secrets of a recording's runs, and the keys of their first minutes. */
async function keysOf(
  recording: Buffer,
  decryptionKeys: Parameters<typeof decrypt>[0]['decryptionKeys'],
): Promise<Buffer[]> {
  const reader = new PacketReader();
  reader.push(recording);
  reader.end();
  const keys: Buffer[] = [];
  for (let item = reader.next(); item; item = reader.next()) {
    const header = item.kind === 'header' ? readHeader(Buffer.from(item.body)) : undefined;
    if (!header?.sealed.openpgp) continue;
    const message = await readMessage({ binaryMessage: header.sealed.openpgp });
    const { data } = await decrypt({ message, decryptionKeys: decryptionKeys ?? [], format: 'binary' });
    const secret = Buffer.from(data as Uint8Array);
    keys.push(secret, segmentKey(rootOf(secret, header.statement.runId), 0));
  }
  return keys;
}

/** A line from the middle of an armoured secret key. */
function secretLine(armoured: string): string {
  const lines = armoured.split('\n').filter((line) => /^[A-Za-z0-9+/]{40,}$/.test(line));
  return lines[Math.floor(lines.length / 2)] ?? assert.fail('no armoured key');
}
