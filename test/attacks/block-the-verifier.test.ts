/** Somebody puts an entry that cannot be read into a directory, under a recording's name: the check shall end there, or never. */
import { execFile } from 'node:child_process';
import { mkdir, symlink } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { promisify } from 'node:util';
import { recordingAt } from '../../runtime/recordings/names.ts';
import { firstMs, minuteMs } from '../support/camera-recordings.ts';
import { assertTold, exitCode, scene } from './scene.ts';

const timeout = 60_000;

/** Between the two that are genuine, and read before the second one. */
const { fileName } = recordingAt(firstMs, minuteMs / 2);
const entries: readonly (readonly [what: string, make: (file: string) => Promise<unknown>])[] = [
  ['a directory', (file) => mkdir(file)],
  ['a link to itself', (file) => symlink(fileName, file)],
  ['a pipe that nobody writes to', (file) => promisify(execFile)('mkfifo', [file])],
];
for (const [what, make] of entries) {
  test(`${what} is told as what it is, and the rest is checked`, { timeout }, async (context) => {
    const { place } = await scene(context, 2);
    await make(path.join(place, fileName));
    await assertTold(
      place,
      exitCode.unsound,
      /08:00:00 to 08:02:00 +2 min {2}intact\n/,
      new RegExp(`! .*${fileName}`),
    );
  });
}
