import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { newest, Scene } from '../../test/support/camera-scene.ts';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { MemoryDrive } from '../../test/support/memory-storage.ts';
import { createLogger } from '../log.ts';
import { readFoundCommands, writeDoneCommands } from '../state/commands.ts';
import { commandFileName } from '../video-keys/command-file.ts';
import { CommandMailbox } from './command-mailbox.ts';
import { commandsIntervalMs, Errands } from './errands.ts';

async function setUp(context: TestContext) {
  const directory = await mkdtemp(path.join(tmpdir(), 'errands-'));
  context.after(() => rm(directory, { recursive: true }));
  const [drive, clock, log] = [new MemoryDrive(), new FakeClock(1_000_000), [] as string[]];
  const logger = createLogger({ level: 'info', format: 'journal', write: (line) => void log.push(line) });
  const storage = drive.session();
  await storage.connect();
  const errands = new Errands({
    ...{ storage, driveDirectory: 'front', localDirectory: directory, clock, logger },
    mailbox: new CommandMailbox(directory, logger),
  });
  const put = (name: string, text: string): void => void drive.files.set(`/front/${name}`, Buffer.from(text));
  const look = async (): Promise<void> => {
    clock.advance(commandsIntervalMs);
    await errands.run();
  };
  const waiting = async (): Promise<string[]> =>
    (await readFoundCommands(directory)).map(({ name, text }) => `${name}: ${text}`);
  /** What the recorder does. */
  const judge = async (): Promise<void> => {
    const found = await readFoundCommands(directory);
    await writeDoneCommands(directory, { ids: found.map(({ id }) => id), floor: 0 });
  };
  const reads = (): string[] => drive.operations.filter((one) => one.startsWith('read '));
  return { directory, drive, clock, log, errands, put, look, waiting, judge, reads };
}

test('a command is found at the start and then every few minutes, and read once', async (context) => {
  const { clock, errands, put, look, waiting, judge, reads } = await setUp(context);
  put(commandFileName(2), 'two');
  put('rec-20270115T080000Z-3600s.encrocam', 'video');
  put('command-2.json', 'another');
  assert.equal(await errands.areDue(), true);
  await errands.run();
  assert.deepEqual(await waiting(), ['command-00000002.json: two']);
  assert.equal(await errands.areDue(), false);
  put(commandFileName(3), 'three');
  clock.advance(commandsIntervalMs - 1);
  assert.equal(await errands.areDue(), false);
  await look();
  assert.deepEqual(await waiting(), ['command-00000002.json: two', 'command-00000003.json: three']);
  await judge();
  await look();
  await look();
  assert.equal(reads().length, 2);
});

test('a command that was half there is taken again when it is whole', async (context) => {
  const { put, look, waiting, judge } = await setUp(context);
  put(commandFileName(2), '');
  await look();
  assert.deepEqual(await waiting(), []);
  put(commandFileName(2), 'ha');
  await look();
  await judge();
  put(commandFileName(2), 'half and whole');
  await look();
  assert.deepEqual(await waiting(), ['command-00000002.json: half and whole']);
});

test('a huge command is not read, and told of once', async (context) => {
  const { put, look, waiting, reads, log } = await setUp(context);
  put(commandFileName(2), 'x'.repeat(5000));
  put(commandFileName(3), 'y'.repeat(4096));
  await look();
  await look();
  assert.deepEqual(
    (await waiting()).map((one) => one.slice(0, 22)),
    ['command-00000003.json:'],
  );
  assert.equal(reads().length, 1);
  assert.equal(log.filter((line) => line.includes('too large')).length, 1);
});

test('ten thousand commands cost no more than a few at a time, and the smallest counters go first', async (context) => {
  const { put, look, waiting, judge, reads, log } = await setUp(context);
  for (let counter = 10_001; counter > 1; counter--) put(commandFileName(counter), `${counter}`);
  await look();
  assert.equal(reads().length, 16);
  assert.equal((await waiting())[0], 'command-00000002.json: 2');
  // The recorder does not run.
  await look();
  assert.equal((await waiting()).length, 16);
  await judge();
  await look();
  assert.equal((await waiting())[0], 'command-00000018.json: 18');
  assert.equal(log.filter((line) => line.includes('more commands than anybody')).length, 1);
});

test('what the owner took back by a larger counter is not asked for', async (context) => {
  const { directory, put, look, waiting } = await setUp(context);
  for (const counter of [2, 3, 4]) put(commandFileName(counter), `${counter}`);
  await writeDoneCommands(directory, { ids: [], floor: 3 });
  await look();
  assert.deepEqual(await waiting(), ['command-00000004.json: 4']);
});

test('a drive that lets nothing be read is told of once, and nothing fails', async (context) => {
  const { drive, put, look, waiting, log } = await setUp(context);
  drive.fault = (operation) =>
    operation === 'read' ? { kind: 'refuse', code: 'STORAGE_REFUSED' } : undefined;
  put(commandFileName(2), 'two');
  put(commandFileName(3), 'three');
  await look();
  await look();
  assert.deepEqual(await waiting(), []);
  assert.equal(log.filter((line) => line.includes('does not let the camera read')).length, 1);
});

test('a thousand commands that may not be read cost no more than a few at a time', async (context) => {
  const { drive, put, look } = await setUp(context);
  for (let counter = 1; counter <= 1000; counter++) put(commandFileName(counter), 'x');
  let asked = 0;
  drive.fault = (operation) => {
    if (operation !== 'read') return undefined;
    asked += 1;
    return { kind: 'refuse', code: 'STORAGE_REFUSED' };
  };
  await look();
  assert.equal(asked, 16);
});

test('a state directory that takes no file loses no command', async (context) => {
  const { directory, put, look, waiting, log } = await setUp(context);
  await writeFile(path.join(directory, '.state'), 'in the way');
  put(commandFileName(2), 'two');
  await look();
  assert.deepEqual(await waiting().catch(() => []), []);
  await rm(path.join(directory, '.state'));
  await look();
  assert.deepEqual(await waiting(), ['command-00000002.json: two']);
  assert.equal(log.filter((line) => line.includes('found on the drive')).length, 1);
});

test('live.json is replaced on the drive whenever the camera writes it anew', async (context) => {
  const { directory, drive, errands } = await setUp(context);
  await errands.run();
  for (const text of ['first', 'second, longer', 'third']) {
    await writeFile(path.join(directory, 'live.json'), text);
    assert.equal(await errands.areDue(), true);
    await errands.run();
    assert.equal(drive.read('/front/live.json').toString(), text);
    assert.deepEqual([...drive.files.keys()], ['/front/live.json']);
    assert.equal(await errands.areDue(), false);
  }
});

test('what a broken line left of a live file is in nobody’s way', async (context) => {
  const { directory, drive, errands } = await setUp(context);
  await errands.run();
  drive.files.set('/front/live.json.part', Buffer.from('half of an ol'));
  await writeFile(path.join(directory, 'live.json'), 'new');
  await errands.run();
  assert.equal(drive.read('/front/live.json').toString(), 'new');
});

for (const refused of ['append', 'remove', 'rename'] as const) {
  test(`a drive that refuses to ${refused} has no live video, which is told once`, async (context) => {
    const { directory, drive, errands, log } = await setUp(context);
    drive.files.set('/front/live.json', Buffer.from('old'));
    drive.fault = (operation) =>
      operation === refused ? { kind: 'refuse', code: 'STORAGE_REFUSED' } : undefined;
    for (const text of ['first', 'second']) {
      await writeFile(path.join(directory, 'live.json'), text);
      await errands.run();
    }
    assert.equal(log.filter((line) => line.includes('live video cannot be opened there')).length, 1);
    assert.equal(await errands.areDue(), false);
  });
}

test('errands wait for no upload to end that they could disturb, and recordings arrive whole beside them', async (context) => {
  const directory = await mkdtemp(path.join(tmpdir(), 'errands-'));
  context.after(() => rm(directory, { recursive: true }));
  const scene = await Scene.make(context, { errandsFor: directory });
  scene.drive.files.set(`/camera/${commandFileName(2)}`, Buffer.from('two'));
  void scene.run();
  for (let round = 0; round < 20; round++) {
    scene.write(newest, randomBytes(1000));
    await writeFile(path.join(scene.directory, 'live.json'), `${round}`);
    await scene.until('live', () => scene.drive.read('/camera/live.json').toString() === `${round}`);
  }
  await scene.until('all bytes', () => scene.confirmed(newest) === 20_000);
  assert.equal((await readFoundCommands(directory)).length, 1);
});
