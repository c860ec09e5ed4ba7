/** A camera with an owner without OpenPGP beside one with, locked and unlocked. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import test from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { PacketReader, readHeader } from '../../runtime/encrocrypt/v3/index.ts';
import { commandText, pairedPlace } from '../../runtime/recorder/fake-owner.ts';
import { writeFoundCommands } from '../../runtime/state/commands.ts';
import { readCameraKeys } from '../../runtime/video-keys/camera-keys.ts';
import { lockedPlace } from './locked-place.ts';
import { ownerKey, type Place } from './recorder-harness.ts';

/** Of each run, for whom it is. */
async function recipientsIn(place: Place): Promise<string[]> {
  const found = new Map<string, string>();
  for (const file of await place.files('front')) {
    if (!file.endsWith('.encrocam')) continue;
    const reader = new PacketReader();
    reader.push(await readFile(file));
    for (let item = reader.next(); item; item = reader.next()) {
      const header = item.kind === 'header' ? readHeader(item.body) : undefined;
      if (!header) continue;
      const { recipients } = header.statement;
      found.set(header.hash.toString('hex'), recipients.map(({ type }) => type).join(' and '));
    }
  }
  return [...found.values()];
}

test('locked, it records for OpenPGP alone and takes no command; unlocked, for both, and takes it', async (context) => {
  const paired = await pairedPlace(context);
  const owner = { keys: [ownerKey], symmetricKeys: paired.file };
  const { place, start, unlock } = await lockedPlace(context, { owner });
  const running = start();
  await running.line('recorder started; the camera is locked');
  await running.line('video is coming');
  const text = commandText('recordings', 2);
  await writeFoundCommands(place.recordings, [{ id: 'a', name: 'command-00000002.json', text }]);
  await pause(4000);
  assert.equal((await readCameraKeys(paired.file)).keys.recordings.counter, 1);
  await unlock();
  await running.line('the owner gave a new key', { purpose: 'recordings', counter: 2 });
  await running.line('what was recorded while locked is certified');
  await pause(4000);
  assert.equal(await running.stop(), 0);
  assert.equal((await readCameraKeys(paired.file)).keys.recordings.counter, 2);
  const told = await recipientsIn(place);
  // The one before it was locked, the one while it was, and one or two since: the key may come before the next key frame, or after it.
  const both = 'openpgp and symmetric';
  assert.deepEqual([told[0], told[1], told.at(-1)], [both, 'openpgp', both]);
  assert.ok(told.slice(2).every((one) => one === both));
});
