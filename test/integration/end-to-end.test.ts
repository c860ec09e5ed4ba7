/**
 * The whole way from a camera to its owner's screen, with everything going wrong on it: 30 s of test video over a real
 * FTP server, the network cut for 10 s in the middle, recorder and syncer killed at random. In the end the drive holds
 * what the disk holds, and every frame that comes out is in order, apart from the gaps that were caused or reported.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { ftpSoftware, startFtpServer } from '../ftp-servers/index.ts';
import { readBurntInTimes } from '../support/burnt-in-time.ts';
import { startFlakyNetwork } from '../support/flaky-network.ts';
import { makeOwnerKey } from '../support/owner-key.ts';

const run = promisify(execFile);
const encrocam = path.join(import.meta.dirname, '../../bin/encrocam');
const size = { width: 320, height: 180 };
const frameRate = 10;
const recordedMs = 30_000;
const cutAtMs = 10_000;
const cutForMs = 10_000;
const kills = 3;
/** The clock in the picture has whole seconds; between two frames of one recording they differ by one at most. */
const ordinaryStepMs = 1000;
/** From the kill of a recorder to its successor's first frame; the machine may be busy. */
const patienceMs = 60_000;

/** A pseudo-random sequence, so that a failure can be repeated: the seed is printed. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** A service that is started again whenever it was killed, as systemd would. */
class Supervised {
  readonly #args: readonly string[];
  #child: ChildProcess | undefined;
  log = '';

  constructor(args: readonly string[]) {
    this.#args = args;
  }

  start(): void {
    const child = spawn(encrocam, this.#args, { stdio: ['ignore', 'ignore', 'pipe'] });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.log += text;
    });
    this.#child = child;
  }

  /** Kill -9, and a new start. */
  async killAndRestart(): Promise<void> {
    await this.end('SIGKILL');
    this.start();
  }

  async end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    const ended = once(child, 'exit');
    child.kill(signal);
    const [code] = (await ended) as [number | null];
    return code;
  }
}

interface LogLine {
  readonly message: string;
  readonly [field: string]: unknown;
}

function linesOf(log: string): LogLine[] {
  return log
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as LogLine);
}

for (const software of ftpSoftware) {
  test(`30 s over ${software}, cut off and killed at random, arrive whole and in order`, async (context) => {
    const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
    context.diagnostic(`SEED=${seed}`);
    const random = randomFrom(seed);
    const directory = await mkdtemp(path.join(os.tmpdir(), 'encrocam-e2e-'));
    const leave: (() => Promise<unknown>)[] = [() => rm(directory, { recursive: true, force: true })];
    // The last to come goes first, and a hook that fails would keep Node from running the next.
    context.after(async () => {
      for (const step of leave.reverse()) await step();
    });
    const server = await startFtpServer({ software });
    leave.push(() => server.stop());
    const network = await startFlakyNetwork(server);
    leave.push(() => network.stop());

    const at = (name: string): string => path.join(directory, name);
    await makeOwnerKey(at('owner.public.asc'), at('owner.secret.asc'));
    await run(encrocam, ['keygen', '--out', at('camera')]);
    await writeFile(
      at('config.json'),
      JSON.stringify({
        owner: { keys: ['owner.public.asc'] },
        signing: { key: 'camera.secret.asc' },
        cameras: [
          {
            name: 'yard',
            input: {
              format: 'lavfi',
              device: `testsrc2=size=${size.width}x${size.height}:rate=${frameRate}`,
            },
            encoder: { name: 'libx264', preset: 'ultrafast', keyFrameIntervalSeconds: 1 },
          },
        ],
        recordings: { directory: 'disk' },
        storage: {
          driver: 'ftp',
          host: network.host,
          port: server.port,
          user: server.user,
          password: server.password,
          timeoutSeconds: 5,
          tls: { fingerprint: server.fingerprint },
        },
        log: { level: 'info', format: 'json' },
      }),
    );
    const config = ['--config', at('config.json')];
    const recorder = new Supervised(['record', ...config]);
    const syncer = new Supervised(['sync', ...config]);
    leave.push(() => Promise.all([recorder.end('SIGKILL'), syncer.end('SIGKILL')]));

    const beganMs = Date.now();
    recorder.start();
    syncer.start();
    const disk = at('disk/yard');
    const drive = path.join(server.rootDirectory, 'yard');
    const events: { atMs: number; act: () => Promise<void> | void }[] = [
      { atMs: cutAtMs, act: () => network.cut({ silently: random() < 0.5 }) },
      { atMs: cutAtMs + cutForMs, act: () => network.heal() },
      ...Array.from({ length: kills }, (_, index) => ({
        // Spread over the time, and never so late that nothing is recorded after it.
        atMs: 4000 + ((index + random()) * (recordedMs - 8000)) / kills,
        act: () => recorder.killAndRestart(),
      })),
      ...Array.from({ length: kills }, () => ({
        atMs: 3000 + random() * (recordedMs - 5000),
        act: () => syncer.killAndRestart(),
      })),
    ];
    // The clock starts when video does: on a busy machine, getting there takes its time.
    const filmedFromMs = await until(async () => ((await bytesIn(disk)) > 5000 ? Date.now() : undefined));
    for (const { atMs, act } of events.sort((a, b) => a.atMs - b.atMs)) {
      await pause(Math.max(0, filmedFromMs + atMs - Date.now()));
      await act();
    }
    await pause(Math.max(0, filmedFromMs + recordedMs - Date.now()));
    // On a busy machine the recorder may still be starting after it was killed last: then there is nothing to stop.
    const before = await bytesIn(disk);
    await until(async () => ((await bytesIn(disk)) > before + 5000 ? true : undefined));
    assert.equal(await recorder.end('SIGTERM'), 0, recorder.log);
    const endedMs = Date.now();

    // What the drive lacks still comes, without another byte being recorded.
    await until(async () => ((await bytesIn(drive)) >= (await bytesIn(disk)) ? true : undefined));
    assert.equal(await syncer.end('SIGTERM'), 0, syncer.log);
    const names = (await readdir(disk)).sort();
    assert.deepEqual((await readdir(drive)).sort(), names);
    for (const name of names) {
      const [onDisk, onDrive] = [
        await readFile(path.join(disk, name)),
        await readFile(path.join(drive, name)),
      ];
      assert.ok(
        onDisk.equals(onDrive),
        `${name} differs: ${onDisk.length} bytes on disk, ${onDrive.length} on the drive`,
      );
    }
    assert.ok(
      linesOf(syncer.log).every(({ message }) => !/conflict/.test(message)),
      'nothing had to go under another name',
    );

    // The owner's view of it, from the drive, through the network.
    const location = `ftps://${server.user}@${network.host}:${server.port}/yard`;
    const watched = at('watched.mp4');
    const decrypt = await run(
      encrocam,
      // biome-ignore format: a command line
      ['decrypt', location, watched, '--from', '-60m', '--signed-by', at('camera.public.asc'), '--key', at('owner.secret.asc'), '--tls-fingerprint', server.fingerprint],
      { env: { ...process.env, ENCROCAM_FTP_PASSWORD: server.password } },
    ).catch((error: { code: number; stderr: string }) => error);
    const code = 'code' in decrypt ? decrypt.code : 0;
    // A recorder that was killed leaves half a packet: that is told, and is no more than that.
    assert.ok(code === 0 || code === 2, `decrypt ended with ${code}: ${decrypt.stderr}`);

    const probe = await run('ffprobe', [
      '-v',
      'error',
      '-select_streams',
      'v:0',
      '-show_entries',
      'stream=codec_name,width,height',
      '-of',
      'csv=p=0',
      watched,
    ]);
    assert.match(probe.stdout, /^h264,320,180/m);

    const times = await readBurntInTimes(watched, size.width, size.height);
    const log = linesOf(recorder.log);
    const gaps = judge(
      times.map(({ timeMs }) => timeMs),
      beganMs,
      endedMs,
    );
    // Every gap in the picture is one that the recorder told of, with its length.
    const told = log.filter((line) => /^gap of /.test(line.message)).map((line) => Number(line.lengthMs));
    for (const gap of gaps) {
      assert.ok(
        told.some((lengthMs) => lengthMs >= gap - ordinaryStepMs),
        `a gap of ${gap} ms was not told of; told: ${told.join(', ')} ms`,
      );
    }
    assert.ok(gaps.length <= told.length, `${gaps.length} gaps, ${told.length} told`);
    const missingMs = gaps.reduce((sum, gap) => sum + gap, 0);
    const filmedMs = endedMs - filmedFromMs;
    const expectedFrames = ((filmedMs - missingMs - (kills + 1) * 2 * ordinaryStepMs) / 1000) * frameRate;
    context.diagnostic(`${times.length} frames, ${gaps.length} gaps of ${missingMs} ms together`);
    assert.ok(
      times.length >= expectedFrames,
      `${times.length} frames in ${filmedMs} ms with ${missingMs} ms of gaps`,
    );
  });
}

/** Checks that times are real, lie within the test and never go back; gives the gaps between them, in ms. */
function judge(times: readonly number[], beganMs: number, endedMs: number): number[] {
  const gaps: number[] = [];
  for (const [index, timeMs] of times.entries()) {
    assert.ok(
      timeMs >= beganMs - 1000 && timeMs <= endedMs,
      `frame ${index} is of ${new Date(timeMs).toISOString()}`,
    );
    const stepMs = timeMs - (times[index - 1] ?? timeMs);
    assert.ok(stepMs >= 0, `frame ${index} goes back by ${-stepMs} ms`);
    if (stepMs > ordinaryStepMs) gaps.push(stepMs - ordinaryStepMs);
  }
  return gaps;
}

async function bytesIn(directory: string): Promise<number> {
  const names = await readdir(directory).catch(() => []);
  const files = await Promise.all(
    names.map((name) => readFile(path.join(directory, name)).catch(() => Buffer.alloc(0))),
  );
  return files.reduce((sum, file) => sum + file.length, 0);
}

/** Asks again and again until there is an answer. */
async function until<T>(ask: () => Promise<T | undefined>): Promise<T> {
  const deadlineMs = Date.now() + patienceMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > deadlineMs) throw new Error('it did not happen in time');
    await pause(50);
  }
}
