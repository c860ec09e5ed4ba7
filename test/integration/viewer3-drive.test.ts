/** EncroCrypt3 on a real FTP drive, and in a player: what a seek costs there, and that the right video comes. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import {
  appendFile,
  chmod,
  copyFile,
  mkdir,
  mkdtemp,
  open,
  readFile,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { recordingAt } from '../../runtime/recordings/names.ts';
import { drivePath, type Storage } from '../../runtime/storage/storage.ts';
import { driveSource } from '../../runtime/viewer/source.ts';
import { watch } from '../../runtime/viewer/watch.ts';
import { type FtpServer, startFtpServer } from '../ftp-servers/index.ts';
import { driveOf } from '../support/drive.ts';
import { VirtualRecording } from '../support/virtual-recording.ts';

const root = path.join(import.meta.dirname, '../..');
const whole = path.join(root, 'test/vectors/encrocrypt3/whole.encrocam');
const second = path.join(root, 'test/vectors/encrocrypt2');
const mine = [
  ...['--signed-by', path.join(second, 'camera.public.asc')],
  ...['--key', path.join(second, 'owner.secret.asc')],
];
const hourMs = 3_600_000;
/** Over: when a recording ends is known by its slot. */
const startMs = Date.UTC(2026, 0, 15);
/** Of the vector's run: 30 s. */
const video = (await readFile(path.join(second, 'whole.ts'))).subarray(0, 24_000);

let directory: string;
before(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'viewer3-drive-'));
});
after(() => rm(directory, { recursive: true }));

describe('EncroCrypt3 on an FTP drive', () => {
  let server: FtpServer;
  before(async () => {
    server = await startFtpServer({ software: 'vsftpd' });
  });
  after(() => server.stop());

  test('any time of a steady day of 200 MB is shown after 4 transfers, each of three commands', async () => {
    const sizeOf = (packet: number): number => 4000 + ((packet * 2654435761) % 997);
    const day = new VirtualRecording({ startMs, durationMs: 24 * hourMs, packetMs: 2000, sizeOf });
    const name = recordingAt(startMs, 24 * hourMs);
    const file = path.join(server.rootDirectory, name.fileName);
    const handle = await open(file, 'w', 0o644);
    const pieceBytes = 2 ** 24;
    for (let offset = 0; offset < day.sizeBytes; offset += pieceBytes) {
      await handle.write(day.bytes(offset, pieceBytes));
    }
    await handle.close();
    const storage = driveOf(server);
    await storage.connect();
    try {
      for (const hour of [7.5, 13.37, 24 - 1 / 60]) {
        const fromMs = startMs + Math.round(hour * hourMs);
        const commandsBefore = await commandsOf(server);
        let reads = 0;
        let readsToVideo: number | undefined;
        let first: number | undefined;
        const read: Storage['read'] = (...args) => {
          reads += 1;
          return storage.read(...args);
        };
        // What else is asked for stays on the driver.
        const counting: Storage = Object.assign(Object.create(storage), { read });
        const code = await watch({
          inputs: [
            {
              recording: name,
              open: async () => driveSource(counting, drivePath(name.fileName), day.sizeBytes),
            },
          ],
          range: { fromMs, toMs: fromMs + 10_000 },
          keys: {
            opener: { open: () => assert.fail('there is no key packet') },
            runs: { keysOf: async (header) => day.keysOf(header) },
            trust: { reachOf: async () => ({ packets: Number.POSITIVE_INFINITY, isUnsigned: false }) },
          },
          sink: {
            bytesWritten: 0,
            async write([piece]) {
              first ??= piece?.readUInt32BE();
              readsToVideo ??= reads;
            },
            next: async () => undefined,
            close: async () => undefined,
          },
          screen: { line: assert.fail, progress: () => undefined, end: () => undefined },
        });
        assert.equal(code, 0);
        const wanted = Math.ceil((fromMs - startMs) / 2000);
        assert.ok(first !== undefined && first <= wanted && first >= wanted - 1, `${first} for ${wanted}`);
        assert.ok((readsToVideo ?? 9) <= 4, `${readsToVideo} reads`);
        // Each read is one transfer (from the file's end on, none), and no session is lost on the way: a new one takes eleven more.
        const commands = (await commandsOf(server)).slice(commandsBefore.length);
        const transfers = commands.filter((command) => command === 'RETR').length;
        assert.ok(transfers >= (readsToVideo ?? 9) && transfers <= reads, commands.join(' '));
        assert.ok(commands.length <= 3 * reads + 1, commands.join(' '));
      }
    } finally {
      await storage.close();
    }
  });

  test('is decrypted whole and from a time on, by name and in a directory', async () => {
    const place = path.join(server.rootDirectory, 'cam');
    await mkdir(place, { recursive: true });
    const name = recordingAt(Date.UTC(2027, 0, 15, 8), hourMs).fileName;
    await copyFile(whole, path.join(place, name));
    await chmod(place, 0o755);
    await chmod(path.join(place, name), 0o644);
    const address = `ftps://${server.user}@${server.host}:${server.port}/cam`;
    const environment = { ENCROCAM_FTP_PASSWORD: server.password };
    for (const input of [address, `${address}/${name}`]) {
      const args = ['decrypt', input, '--ca', server.caFile, ...mine];
      const all = await encrocam(args, environment);
      assert.deepEqual([all.code, all.output.equals(video)], [0, true], all.messages);
      const part = await encrocam([...args, '--from', '2027-01-15T08:00:20Z'], environment);
      assert.deepEqual([part.code, part.output.equals(video.subarray(16_000))], [0, true], part.messages);
    }
  });
});

/** Those that clients have sent so far, without what they were about. */
async function commandsOf(server: FtpServer): Promise<string[]> {
  return [...(await server.logs()).matchAll(/FTP command: Client "[^"]*", "([A-Z]+)/g)].map(
    ([, command]) => command ?? '',
  );
}

test('a run that cannot be opened is told of in one line, however many checkpoints it has', async () => {
  const other = ['--signed-by', path.join(second, 'owner.public.asc'), '--key', mine[3] ?? ''];
  const { code, messages } = await encrocam(['decrypt', whole, ...other], {});
  assert.equal(code, 3, messages);
  assert.equal(messages.match(/\(no-key\)/g)?.length, 1, messages);
});

describe('EncroCrypt3 in a player', () => {
  const shown = (): string => path.join(directory, 'shown');
  const environment = (): Record<string, string> => ({
    PATH: `${directory}:${process.env.PATH}`,
    SHOWN: shown(),
  });
  before(async () => {
    const player = path.join(directory, 'mpv');
    await writeFile(player, '#!/bin/sh\nexec cat > "$SHOWN"\n');
    await chmod(player, 0o755);
  });

  test('play gives it the whole video, and from a time on', async () => {
    for (const [range, from] of [
      [[], 0],
      [['--from', '2027-01-15T08:00:20Z'], 16_000],
    ] as const) {
      const { code, messages } = await encrocam(['play', whole, ...mine, ...range], environment());
      assert.equal(code, 0, messages);
      assert.ok((await readFile(shown())).equals(video.subarray(from)));
    }
  });

  test('--follow shows what is appended, and goes on to the next recording', async () => {
    const live = path.join(directory, 'live');
    await mkdir(live);
    const bytes = await readFile(whole);
    const liveMs = Date.UTC(2027, 0, 15, 8);
    const first = path.join(live, recordingAt(liveMs, hourMs).fileName);
    await writeFile(first, bytes.subarray(0, 10_000));
    await rm(shown(), { force: true });
    const args = ['play', live, '--follow', '--from', '2027-01-15T08:00Z', '--player', 'mpv', ...mine];
    const child = start(args, environment());
    const messages = text(child.stderr);
    child.stdout.resume();
    const ended = new Promise((resolve) => child.once('close', resolve));
    try {
      await until(shown(), 5000);
      await appendFile(first, bytes.subarray(10_000));
      await until(shown(), video.length);
      await writeFile(path.join(live, recordingAt(liveMs + hourMs, hourMs).fileName), bytes);
      await until(shown(), 2 * video.length);
      assert.ok((await readFile(shown())).equals(Buffer.concat([video, video])));
    } finally {
      assert.ok(child.pid);
      process.kill(-child.pid, 'SIGTERM');
      await ended;
    }
    assert.equal(await messages.then((all) => all.includes('skipped')), false);
  });
});

async function until(file: string, sizeBytes: number): Promise<void> {
  const holds = (): Promise<boolean> =>
    stat(file).then(
      ({ size }) => size >= sizeBytes,
      () => false,
    );
  for (const end = Date.now() + 30_000; !(await holds()); ) {
    assert.ok(Date.now() < end, `there are no ${sizeBytes} bytes of video`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function start(args: readonly string[], environment: Record<string, string>) {
  const child = spawn(path.join(root, 'bin/encrocam'), args, {
    detached: true,
    env: { ...process.env, ...environment },
  });
  child.stdin.end();
  return child;
}

async function encrocam(
  args: readonly string[],
  environment: Record<string, string>,
): Promise<{ code: unknown; output: Buffer; messages: string }> {
  const child = start(args, environment);
  const [output, messages, code] = await Promise.all([
    buffer(child.stdout),
    text(child.stderr),
    new Promise((resolve) => child.once('close', resolve)),
  ]);
  return { code, output, messages };
}
