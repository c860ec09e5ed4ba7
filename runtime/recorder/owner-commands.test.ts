import assert from 'node:assert/strict';
import { mkdir, rmdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { type FoundCommand, readDoneCommands, writeFoundCommands } from '../state/commands.ts';
import { stateDirectory } from '../state/state.ts';
import { readCameraKeys, writeCameraKeys } from '../video-keys/camera-keys.ts';
import { commandFileName, encodeCommand } from '../video-keys/command-file.ts';
import { type Purpose, wrapVideoKey } from '../video-keys/keys.ts';
import { commandText, pairedCamera, pairedPlace, videoKey, wrapped } from './fake-owner.ts';
import { FakeClock, LogBook } from './fakes.ts';
import { OwnerCommands } from './owner-commands.ts';
import { OwnerKeyRing } from './owner-key-ring.ts';

const found = (purpose: Purpose, counter: number, text = commandText(purpose, counter)): FoundCommand => ({
  id: `front/${commandFileName(counter)} ${text.length}`,
  name: commandFileName(counter),
  text,
});

async function setUp(context: TestContext) {
  const place = await pairedPlace(context);
  const logger = new LogBook();
  const taken: Purpose[] = [];
  const commandsWith = (ring: OwnerKeyRing) =>
    new OwnerCommands({
      ...{ recordingsDirectory: place.directory, ring, clock: new FakeClock(0), logger },
      onTaken: (purpose) => taken.push(purpose),
    });
  const commands = commandsWith(place.ring);
  const look = async (...given: FoundCommand[]): Promise<void> => {
    await writeFoundCommands(place.directory, given);
    await commands.look();
  };
  const refusals = (): unknown[] =>
    logger.lines.filter(({ message }) => message.includes('refused')).map(({ fields }) => fields?.reason);
  return { ...place, logger, taken, commandsWith, look, refusals };
}

test('a new key is kept before it counts, and taken once', async (context) => {
  const { file, ring, taken, look, refusals } = await setUp(context);
  const command = found('recordings', 2);
  await look(command);
  assert.deepEqual(taken, ['recordings']);
  assert.deepEqual(ring.keys.recordings, videoKey('recordings', 2));
  assert.deepEqual((await readCameraKeys(file)).keys, ring.keys);
  await look(command);
  assert.deepEqual(taken, ['recordings']);
  assert.deepEqual(refusals(), []);
});

test('several are taken in the order that they were made', async (context) => {
  const { ring, taken, look, directory } = await setUp(context);
  await look(found('recordings', 4), found('live', 3), found('recordings', 2));
  assert.deepEqual(taken, ['recordings', 'live', 'recordings']);
  assert.equal(ring.keys.recordings.counter, 4);
  assert.equal((await readDoneCommands(directory)).floor, 3);
});

test('what is replayed, older, changed, foreign or garbage is refused once, and changes nothing', async (context) => {
  const { ring, taken, look, refusals } = await setUp(context);
  await look(found('recordings', 5));
  const before = ring.keys;
  const changed = Buffer.from(wrapped('recordings', 6));
  changed[20] = (changed[20] ?? 0) ^ 1;
  const stranger = wrapVideoKey(Buffer.alloc(32, 1), videoKey('recordings', 6));
  const bad = [
    // Under a name that was never there.
    { ...found('recordings', 5, commandText('recordings', 5)), id: 'x', name: commandFileName(7) },
    found('recordings', 4),
    found('recordings', 6, encodeCommand({ wrapped: changed })),
    found('recordings', 6, encodeCommand({ wrapped: stranger })),
    found('recordings', 6, commandText('recordings', 6, Buffer.alloc(20, 9))),
    found('recordings', 6, 'garbage'),
    found('recordings', 6, ''),
    { ...found('live', 6), name: 'command-00000001.json', id: 'y' },
    { ...found('live', 6), name: '../../etc/passwd', id: 'z' },
  ].map((command, index) => ({ ...command, id: `${index}` }));
  await look(...bad);
  await look(...bad);
  assert.deepEqual(ring.keys, before);
  assert.deepEqual(taken, ['recordings']);
  assert.equal(refusals().length, bad.length);
});

test('a camera that did not know its address at the pairing goes by the key alone', async (context) => {
  const { file, directory, commandsWith, refusals } = await setUp(context);
  await writeCameraKeys(file, { ...pairedCamera(), camera: Buffer.alloc(20) });
  const ring = await OwnerKeyRing.open(file);
  await writeFoundCommands(directory, [
    {
      ...found('recordings', 2),
      text: encodeCommand({ wrapped: wrapVideoKey(Buffer.alloc(32), videoKey('recordings', 2)) }),
      id: 'x',
    },
    found('recordings', 2),
  ]);
  await commandsWith(ring).look();
  assert.equal(ring.keys.recordings.counter, 2);
  assert.equal(refusals().length, 1);
});

test("a key for another purpose than the last one's has a counter of its own to beat", async (context) => {
  const { ring, look, refusals } = await setUp(context);
  await look(found('recordings', 9));
  await look(found('live', 2));
  assert.deepEqual([ring.keys.recordings.counter, ring.keys.live.counter], [9, 2]);
  await look({ ...found('live', 1), id: 'again' });
  assert.equal(ring.keys.live.counter, 2);
  assert.equal(refusals().length, 1);
});

test('a power cut between keeping a key and noting that is no replay', async (context) => {
  const { file, directory, logger, taken, commandsWith, look, refusals } = await setUp(context);
  const command = found('recordings', 2);
  await look(command);
  // The note is lost, and the process with it.
  await writeFile(path.join(stateDirectory(directory), 'commands-done.json'), '{"ids":["fr');
  await commandsWith(await OwnerKeyRing.open(file)).look();
  assert.deepEqual(taken, ['recordings']);
  assert.deepEqual(refusals(), []);
  assert.deepEqual((await readDoneCommands(directory)).ids, [command.id]);
  assert.equal(logger.lines.filter(({ level }) => level === 'error').length, 0);
});

test('a key that cannot be kept does not count, and its command is carried out later', async (context) => {
  const { file, ring, directory, logger, taken, commandsWith, look } = await setUp(context);
  await mkdir(`${file}.tmp`);
  const command = found('recordings', 2);
  await look(command);
  await commandsWith(ring).look();
  assert.equal(ring.keys.recordings.counter, 1);
  assert.deepEqual(taken, []);
  assert.equal(logger.lines.filter(({ level }) => level === 'error').length > 0, true);
  assert.deepEqual((await readDoneCommands(directory)).ids, []);
  await rmdir(`${file}.tmp`);
  await commandsWith(await OwnerKeyRing.open(file)).look();
  assert.deepEqual(taken, ['recordings']);
});

test('what half a state file or a hostile one says does no harm', async (context) => {
  const { directory, ring, look } = await setUp(context);
  await look(found('recordings', 2));
  for (const text of ['', '[', '{}', 'null', '[1,null,{"id":1}]', `[${'"x",'.repeat(200_000)}"x"]`]) {
    await writeFile(path.join(stateDirectory(directory), 'commands.json'), text);
    await look(found('recordings', 2));
  }
  assert.equal(ring.keys.recordings.counter, 2);
});
