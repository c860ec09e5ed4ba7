/** The owner's side as a whole: the real command, real recordings, a real drive. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFile, chmod, copyFile, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { recordingAt } from '../../runtime/recordings/names.ts';
import { type FtpServer, startFtpServer } from '../ftp-servers/index.ts';
import { GpgHome } from '../support/gpg-home.ts';

interface Expected {
  camera: string;
  files: { file: string; from: string | null; plaintextBytes: number; plaintextSha256: string }[];
}

const root = path.join(import.meta.dirname, '../..');
const command = path.join(root, 'bin/encrocam');
const vectors = path.join(root, 'test/vectors/encrocrypt2');
const whole = path.join(vectors, 'whole.encrocam');
const expected = JSON.parse(await readFile(path.join(vectors, 'expected.json'), 'utf8')) as Expected;
const camera = ['--signed-by', path.join(vectors, 'camera.public.asc')];
const keyFile = ['--key', path.join(vectors, 'owner.secret.asc')];
const mine = [...camera, ...keyFile];

let directory: string;
let home: GpgHome;
before(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'viewer-'));
  home = await GpgHome.create();
  await home.gpg('--import', path.join(vectors, 'owner.secret.asc'), path.join(vectors, 'camera.public.asc'));
});
after(async () => {
  await home.remove();
  await rm(directory, { recursive: true });
});

interface Outcome {
  readonly code: number | null;
  readonly output: Buffer;
  readonly messages: string;
}

function start(args: readonly string[], environment: Record<string, string> = {}): ChildProcess {
  return spawn(command, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    // A session without a terminal: nobody can be asked.
    detached: true,
    env: { ...process.env, GNUPGHOME: home.directory, ...environment },
  });
}

async function encrocam(
  args: readonly string[],
  options: { input?: Buffer; environment?: Record<string, string> } = {},
): Promise<Outcome> {
  const child = start(args, options.environment);
  const { stdin, stdout, stderr } = child;
  assert.ok(stdin && stdout && stderr);
  stdin.on('error', () => undefined);
  stdin.end(options.input);
  const parts: Buffer[] = [];
  const [messages, code] = await Promise.all([
    text(stderr),
    new Promise<number | null>((resolve) => child.once('close', resolve)),
    (async () => {
      for await (const part of stdout) parts.push(part as Buffer);
    })(),
  ]);
  return { code, output: Buffer.concat(parts), messages };
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

describe('encrocam decrypt', () => {
  for (const { file, from, plaintextSha256 } of expected.files) {
    const code = file === 'whole.encrocam' ? 0 : 2;
    for (const [name, keyArguments] of [
      ['gpg', []],
      ['a key file', keyFile],
    ] as const) {
      test(`${file} from ${from ?? 'its beginning'} with ${name} gives the listed bytes and exit code ${code}`, async () => {
        const range = from === null ? [] : ['--from', from];
        const args = [
          'decrypt',
          path.join(vectors, file),
          '--signed-by',
          expected.camera,
          ...keyArguments,
          ...range,
        ];
        const outcome = await encrocam(args);
        assert.equal(sha256(outcome.output), plaintextSha256);
        assert.equal(outcome.code, code, outcome.messages);
        assert.equal(/skipped \d+ bytes at byte \d+: /.test(outcome.messages), code === 2);
      });
    }
  }

  test('another signer gives exit code 3 and not a byte, on standard output and in a file', async () => {
    const args = ['--signed-by', path.join(vectors, 'owner.public.asc'), ...keyFile];
    const { code, output, messages } = await encrocam(['decrypt', whole, ...args]);
    assert.deepEqual([code, output.length], [3, 0]);
    assert.match(messages, /\[NOT_AUTHENTIC\]/);
    const file = path.join(directory, 'forged.ts');
    assert.equal((await encrocam(['decrypt', whole, file, ...args])).code, 3);
    await assert.rejects(stat(file), { code: 'ENOENT' });
  });

  test('another secret key gives exit code 1 and says that the key is the wrong one', async () => {
    const args = [...camera, '--key', path.join(vectors, 'camera.secret.asc')];
    const { code, output, messages } = await encrocam(['decrypt', whole, ...args]);
    assert.deepEqual([code, output.length], [1, 0]);
    assert.match(messages, /\[DECRYPTION_FAILED\]/);
  });

  test('standard input is read as it comes: video leaves before it has ended', async () => {
    const child = start(['decrypt', '-', ...mine]);
    const { stdin, stdout } = child;
    assert.ok(stdin && stdout);
    const bytes = await readFile(whole);
    stdin.write(bytes.subarray(0, 20_000));
    const first = await new Promise<Buffer>((resolve) => stdout.once('data', resolve));
    assert.deepEqual(first, (await readFile(path.join(vectors, 'whole.ts'))).subarray(0, first.length));
    child.kill('SIGKILL');
  });

  test('a file is made for the owner alone, and not overwritten without --force', async () => {
    const file = path.join(directory, 'whole.ts');
    assert.equal((await encrocam(['decrypt', whole, file, ...mine])).code, 0);
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    await writeFile(file, 'mine');
    const refused = await encrocam(['decrypt', whole, file, ...mine]);
    assert.equal(refused.code, 1);
    assert.match(refused.messages, /\[USAGE\]/);
    assert.equal(await readFile(file, 'utf8'), 'mine');
    assert.equal((await encrocam(['decrypt', whole, file, '--force', ...mine])).code, 0);
    assert.deepEqual(await readFile(file), await readFile(path.join(vectors, 'whole.ts')));
  });

  test('times before now are understood, with and without an equals sign', async () => {
    for (const from of [['--from', '-10m'], ['--from=-10m']]) {
      const { code, output, messages } = await encrocam(['decrypt', whole, ...mine, ...from]);
      assert.deepEqual([code, output.length], [0, 0], messages);
    }
  });

  for (const [args, errorCode] of [
    [['decrypt'], 'USAGE'],
    [['decrypt', whole], 'USAGE'],
    [['decrypt', whole, ...mine, '--from', 'yesterday'], 'USAGE'],
    [['decrypt', 'ftps://user:sesame@127.0.0.1/x', ...mine], 'USAGE'],
    [['decrypt', 'gopher://x/y', ...mine], 'USAGE'],
    [['decrypt', '/nonexistent', ...mine], 'INPUT_UNREADABLE'],
    [['decrypt', whole, '/nonexistent/x.ts', ...mine], 'INPUT_UNREADABLE'],
    [['decrypt', whole, '--signed-by', '0'.repeat(40)], 'SIGNER_UNKNOWN'],
    [['decrypt', whole, '--signed-by', '/nonexistent'], 'KEY_UNREADABLE'],
    [['decrypt', whole, ...camera, '--key', '/nonexistent'], 'KEY_UNREADABLE'],
  ] as const) {
    test(`encrocam ${args.join(' ').replaceAll(vectors, '…').slice(0, 70)} is refused with ${errorCode}`, async () => {
      const { code, output, messages } = await encrocam(args);
      assert.deepEqual([code, output.length], [1, 0]);
      assert.ok(messages.includes(`[${errorCode}]`), messages);
      assert.ok(!messages.includes('sesame'));
    });
  }
});

describe('a directory of recordings', () => {
  const hourMs = 3_600_000;
  const startMs = Date.UTC(2026, 0, 1);
  let recordings: string;

  before(async () => {
    recordings = path.join(directory, 'front-door');
    await mkdir(recordings);
    for (const hour of [0, 1, 3]) {
      await copyFile(whole, path.join(recordings, recordingAt(startMs + hour * hourMs, hourMs).fileName));
    }
    await writeFile(path.join(recordings, 'note\u001b[31m.txt'), 'no recording');
  });

  test('is decrypted in order, and a missing recording counts as damage', async () => {
    const video = await readFile(path.join(vectors, 'whole.ts'));
    const two = await encrocam(['decrypt', recordings, ...mine, '--to', '2026-01-01T02:00Z']);
    assert.deepEqual([two.code, two.output.equals(Buffer.concat([video, video]))], [0, true]);
    const all = await encrocam(['decrypt', recordings, ...mine]);
    assert.deepEqual([all.code, all.output.length], [2, 3 * video.length]);
    assert.match(all.messages, /no recording from .* to /);
  });

  test('without a recording of that time is an error, not an empty file', async () => {
    const { code, messages } = await encrocam([
      'decrypt',
      recordings,
      ...mine,
      '--from',
      '2027-01-01T00:00Z',
    ]);
    assert.equal(code, 1);
    assert.match(messages, /\[INPUT_UNREADABLE\]/);
  });

  test('is listed with gaps in local time, and without control characters', async () => {
    const { code, output } = await encrocam(['list', recordings], { environment: { TZ: 'Europe/Berlin' } });
    assert.equal(code, 0);
    assert.match(output.toString(), /2026-01-01 01:00:00 \+01:00 {2}2026-01-01 02:00:00 \+01:00 +734\.3 kB/);
    assert.match(output.toString(), /03:00:00 \+01:00 .*04:00:00 \+01:00.* gap of 1 h/);
    assert.ok(!output.includes('\u001b'));
  });

  test('is listed as JSON for programs', async () => {
    const { output } = await encrocam(['list', recordings, '--json']);
    const { cameras } = JSON.parse(output.toString()) as {
      cameras: { recordings: unknown[]; gaps: unknown[]; otherFiles: number }[];
    };
    assert.equal(cameras[0]?.recordings.length, 3);
    assert.deepEqual(cameras[0]?.gaps, [
      { from: '2026-01-01T02:00:00.000Z', to: '2026-01-01T03:00:00.000Z' },
    ]);
    assert.equal(cameras[0]?.otherFiles, 1);
  });
});

describe('encrocam play', () => {
  let programs: string;

  /** A player that writes what it is given to a file. */
  before(async () => {
    programs = path.join(directory, 'programs');
    await mkdir(programs);
    await writeFile(
      path.join(programs, 'mpv'),
      '#!/bin/sh\nprintf "%s\\n" "$@" > "$SHOWN.args"\nexec cat > "$SHOWN"\n',
    );
    await writeFile(path.join(programs, 'ffplay'), '#!/bin/sh\nexec head -c 1000 > "$SHOWN"\n');
    await chmod(path.join(programs, 'mpv'), 0o755);
    await chmod(path.join(programs, 'ffplay'), 0o755);
  });
  const withPrograms = (shown: string): Record<string, string> => ({
    PATH: `${programs}:${process.env.PATH}`,
    SHOWN: path.join(directory, shown),
  });

  test('gives the player the whole video and waits for it', async () => {
    const { code, messages } = await encrocam(['play', whole, ...mine], { environment: withPrograms('all') });
    assert.equal(code, 0, messages);
    assert.deepEqual(
      await readFile(path.join(directory, 'all')),
      await readFile(path.join(vectors, 'whole.ts')),
    );
  });

  test('a player that is closed early ends it in order', async () => {
    const args = ['play', whole, '--player', 'ffplay', ...mine];
    const { code, messages } = await encrocam(args, { environment: withPrograms('early') });
    assert.equal(code, 0, messages);
    assert.equal((await stat(path.join(directory, 'early'))).size, 1000);
  });

  test('without a player it says how to get one', async () => {
    const environment = { PATH: directory };
    const child = spawn(process.execPath, [path.join(root, 'runtime/cli.ts'), 'play', whole, ...mine], {
      env: { ...process.env, ...environment },
    });
    const [messages, code] = await Promise.all([
      text(child.stderr),
      new Promise((resolve) => child.once('close', resolve)),
    ]);
    assert.equal(code, 1);
    assert.match(messages, /\[PROGRAM_MISSING\][\s\S]*apt install mpv/);
  });

  test('--follow shows what is appended, goes on to the next recording, and ends with the player', async () => {
    const live = path.join(directory, 'live');
    await mkdir(live);
    const bytes = await readFile(whole);
    const hourMs = 3_600_000;
    const startMs = Date.UTC(2026, 0, 1);
    const first = path.join(live, recordingAt(startMs, hourMs).fileName);
    const shown = path.join(directory, 'followed');
    await writeFile(first, bytes.subarray(0, 300_000));
    const args = ['play', live, '--follow', '--from', '2026-01-01T00:00Z', '--player', 'mpv', ...mine];
    const child = start(args, withPrograms('followed'));
    const ended = new Promise((resolve) => child.once('close', resolve));
    const { stdout, stderr } = child;
    assert.ok(stdout && stderr);
    stdout.resume();
    stderr.resume();
    const video = await readFile(path.join(vectors, 'whole.ts'));
    const holds = async (size: number): Promise<boolean> => {
      try {
        return (await stat(shown)).size >= size;
      } catch {
        return false;
      }
    };
    const until = async (size: number): Promise<void> => {
      for (const end = Date.now() + 20_000; !(await holds(size)); ) {
        assert.ok(Date.now() < end, 'the video did not arrive');
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    await until(250_000);
    await appendFile(first, bytes.subarray(300_000));
    await until(video.length);
    await writeFile(path.join(live, recordingAt(startMs + hourMs, hourMs).fileName), bytes);
    await until(2 * video.length);
    assert.deepEqual(await readFile(shown), Buffer.concat([video, video]));
    assert.ok(child.pid);
    process.kill(-child.pid, 'SIGTERM');
    await ended;
  });
});

describe('recordings on an FTP drive', () => {
  let server: FtpServer;
  let address: string;
  const fileName = recordingAt(Date.UTC(2026, 0, 1), 3_600_000).fileName;

  before(async () => {
    server = await startFtpServer({ software: 'vsftpd' });
    address = `ftps://${server.user}@${server.host}:${server.port}/cam`;
    await mkdir(path.join(server.rootDirectory, 'cam'), { recursive: true });
    await copyFile(whole, path.join(server.rootDirectory, 'cam', fileName));
    await chmod(path.join(server.rootDirectory, 'cam'), 0o755);
    await chmod(path.join(server.rootDirectory, 'cam', fileName), 0o644);
  });
  after(() => server.stop());

  const password = (): Record<string, string> => ({ ENCROCAM_FTP_PASSWORD: server.password });

  test('are decrypted from their beginning and from a minute, one by name and all in a directory', async () => {
    for (const { from, plaintextSha256 } of expected.files.slice(0, 2)) {
      for (const place of [`${address}/${fileName}`, address]) {
        const range = from === null ? [] : ['--from', from];
        const args = ['decrypt', place, '--ca', server.caFile, ...mine, ...range];
        const { code, output, messages } = await encrocam(args, { environment: password() });
        assert.equal(code, 0, messages);
        assert.equal(sha256(output), plaintextSha256);
      }
    }
  });

  test('are listed', async () => {
    const args = ['list', address, '--tls-fingerprint', server.fingerprint];
    const { code, output, messages } = await encrocam(args, { environment: password() });
    assert.equal(code, 0, messages);
    assert.match(output.toString(), /734\.3 kB/);
  });

  test('a certificate that nobody vouches for is refused', async () => {
    const { code, messages } = await encrocam(['decrypt', address, ...mine], { environment: password() });
    assert.equal(code, 1);
    assert.match(messages, /\[STORAGE_UNTRUSTED\]/);
  });

  test('without a password and a terminal it says how to give one', async () => {
    const { code, messages } = await encrocam(['decrypt', address, '--ca', server.caFile, ...mine]);
    assert.equal(code, 1);
    assert.match(messages, /ENCROCAM_FTP_PASSWORD/);
  });

  test('the configuration gives password and certificate, and lists disk and drive side by side', async () => {
    const disk = path.join(directory, 'recordings');
    await mkdir(path.join(disk, 'cam'), { recursive: true });
    await writeFile(path.join(disk, 'cam', fileName), (await readFile(whole)).subarray(0, 500_000));
    const config = path.join(directory, 'config.json');
    await writeFile(
      config,
      JSON.stringify({
        owner: { keys: ['owner.asc'] },
        signing: { key: 'camera.asc' },
        recordings: { directory: disk },
        cameras: [{ name: 'cam', input: { device: '/dev/video0' } }],
        storage: {
          driver: 'ftp',
          host: server.host,
          port: server.port,
          user: server.user,
          password: server.password,
          tls: { certificateAuthority: server.caFile },
        },
      }),
    );
    const decrypted = await encrocam(['decrypt', address, '--config', config, ...mine]);
    assert.equal(decrypted.code, 0, decrypted.messages);
    const listed = await encrocam(['list', '--config', config]);
    assert.equal(listed.code, 0, listed.messages);
    assert.match(listed.output.toString(), /500\.0 kB +734\.3 kB +the disk has 234\.3 kB less/);
  });
});
