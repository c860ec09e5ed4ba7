/** Who knows how `verify --sample` looks fills its places with what is genuine somewhere else: copies of files, and of seconds. */
import assert from 'node:assert/strict';
import { copyFile, writeFile } from 'node:fs/promises';
import test from 'node:test';
import { cameraFile } from '../support/camera-recordings.ts';
import { verify } from '../support/verify-command.ts';
import { exitCode, indexOfCheckpoint, scene } from './scene.ts';

const options = {
  run: () => ({ packetsPerSecond: 1, video: (index: number) => Buffer.alloc(20_000, index) }),
};

async function sampled(place: string): Promise<string> {
  const {
    exitCode: found,
    output,
    errors,
  } = await verify([place, '--signed-by', cameraFile, '--sample', '60']);
  assert.equal(found, exitCode.unsound, output + errors);
  assert.doesNotMatch(output, /confidence/);
  return output;
}

test('one recording, copied over the others, is told', async (context) => {
  const { place, recordings } = await scene(context, 4, options);
  const [first, ...others] = recordings;
  for (const { file } of others) await copyFile(first.file, file);
  const output = await sampled(place);
  assert.match(output, /080300Z.*its name is another recording's; the camera recorded it as .*080000Z/);
  assert.match(output, /080300Z.* holds a run that is in .*080000Z.* as well/);
});

test('seconds that are repeated in the place of others are told, though each copy is signed', async (context) => {
  const { place, recordings } = await scene(context, 1, options);
  const [{ file, run }] = recordings;
  const header = run.packets.slice(0, indexOfCheckpoint(10) + 1);
  // From the checkpoint on that its first one names, so that only seams of a checkpoint's size do not fit.
  const seconds = run.packets.slice(indexOfCheckpoint(10), indexOfCheckpoint(15) + 1);
  const rest = run.packets.slice(indexOfCheckpoint(50));
  await writeFile(file, Buffer.concat([...header, ...Array(30).fill(seconds).flat(), ...rest]));
  assert.match(await sampled(place), /out of its order, or there more than once/);
});

test('a long part that is there twice, in the place of another one, is told', async (context) => {
  const { place, recordings } = await scene(context, 1, options);
  const [{ file, run }] = recordings;
  const part = run.packets.slice(indexOfCheckpoint(5), indexOfCheckpoint(30) + 1);
  const [before, behind] = [
    run.packets.slice(0, indexOfCheckpoint(30) + 1),
    run.packets.slice(indexOfCheckpoint(55)),
  ];
  await writeFile(file, Buffer.concat([...before, ...part, ...behind]));
  assert.match(await sampled(place), /out of its order, or there more than once/);
});
