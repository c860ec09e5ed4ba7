/** Cameras that join a recorder that runs, as they do when a locked camera is unlocked. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type TestContext } from 'node:test';
import { resolveConfig } from '../config/load.ts';
import { validateConfig } from '../config/validate.ts';
import { EncroCrypt3Format } from './encrocrypt3-format.ts';
import { keyFrame, MemoryLastRuns } from './fake-runs.ts';
import { FakeClock, FakeDisk, FakeSource, fakeSealRun, LogBook, settle } from './fakes.ts';
import { type PreparedCamera, Recorder } from './recorder.ts';

async function setUp(context: TestContext) {
  const directory = await mkdtemp(path.join(tmpdir(), 'encrocam-recorder-'));
  context.after(() => rm(directory, { recursive: true, maxRetries: 5 }));
  const input = { format: 'lavfi', device: 'testsrc2' };
  const value = {
    owner: { keys: ['owner.asc'] },
    signing: { key: 'camera.secret.asc' },
    cameras: [
      { name: 'front', input },
      { name: 'back', input },
    ],
    recordings: { directory: 'recordings', container: 'mpegts' },
  };
  const config = resolveConfig(validateConfig(value, 'a test'), path.join(directory, 'config.json'));
  const [clock, disk, logger] = [new FakeClock(), new FakeDisk(), new LogBook()];
  const sources: FakeSource[] = [];
  const prepared = config.cameras.map(
    (camera): PreparedCamera => ({
      camera,
      encoder: { name: 'libx264', arguments: [], filters: [] } as never,
      fontFile: undefined,
      needsPacing: true,
    }),
  );
  const [front, back] = prepared;
  assert.ok(front && back);
  const recorder = new Recorder({
    ...{ config, clock, logger, fileSystem: disk, bootId: 'this' },
    cameras: [front],
    formatFor: () =>
      new EncroCrypt3Format({
        ...{ container: 'video/mp2t', lastRuns: new MemoryLastRuns(), clock, logger },
        authority: {
          isLocked: false,
          sealRun: fakeSealRun,
          prepare: async () => ({ camera: '', ownerKeyBytes: [] }),
          certify: async () => undefined,
        },
        clockState: async () => 'synchronised',
        newestBlock: async () => undefined,
      }),
    startSource: () => {
      const source = new FakeSource();
      sources.push(source);
      return source;
    },
  });
  /** What the real disk has to do with it takes its time. */
  const started = async (count: number): Promise<void> => {
    while (sources.length < count) await new Promise((resolve) => setTimeout(resolve, 5));
    await settle();
  };
  const directories = (): string[] =>
    [...disk.files.keys()].map((file) => path.basename(path.dirname(file))).sort();
  return { recorder, sources, started, back, clock, disk, directories };
}

test('a camera that joins is recorded beside the others, and ends with them', {
  timeout: 20_000,
}, async (context) => {
  const { recorder, sources, started, back, clock, disk, directories } = await setUp(context);
  const done = recorder.run();
  await started(1);
  recorder.add([back]);
  await started(2);
  for (const source of sources) source.deliver(keyFrame('a'));
  await clock.pass(500);
  assert.deepEqual(directories(), ['back', 'front']);
  recorder.stop();
  await done;
  assert.equal(disk.openFiles, 0);
  assert.deepEqual(
    sources.map(({ signals }) => signals),
    [['SIGTERM'], ['SIGTERM']],
  );
});

test('a camera that joins before the others have begun begins once', { timeout: 20_000 }, async (context) => {
  const { recorder, sources, started, back } = await setUp(context);
  recorder.add([back]);
  const done = recorder.run();
  await started(2);
  await settle();
  recorder.stop();
  await done;
  assert.equal(sources.length, 2);
});

test('no camera joins a recorder that is to end', { timeout: 20_000 }, async (context) => {
  const { recorder, sources, started, back } = await setUp(context);
  const done = recorder.run();
  await started(1);
  recorder.stop();
  recorder.add([back]);
  await done;
  await settle();
  assert.equal(sources.length, 1);
});
