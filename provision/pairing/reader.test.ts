import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { maxPartBytes } from '../../ledger/pairing/codes.ts';
import { pairingCodes, pairingOwner, pictureOfCode, wall } from '../../test/support/pairing.ts';
import { createCodeReader, type ReadCodes } from './reader.ts';

let read: ReadCodes;
before(async () => {
  read = await createCodeReader();
});

const size = { width: 640, height: 480 };

test('a wall has no code', async () => {
  assert.deepEqual(await read(wall(640, 480)), []);
});

test('every code of a message is read, of the usual size and of the largest, one after the other', async () => {
  const owner = pairingOwner({ answers: { hostName: 'garden', timeZone: 'Europe/Berlin' } });
  for (const partBytes of [undefined, maxPartBytes]) {
    for (const text of await pairingCodes(owner, partBytes)) {
      assert.deepEqual(await read(await pictureOfCode(text, size)), [text]);
      assert.deepEqual(await read(wall(640, 480)), []);
    }
  }
});

test('pictures of another size are read as well', async () => {
  const [text = ''] = await pairingCodes(pairingOwner());
  for (const other of [
    { width: 1280, height: 720 },
    { width: 480, height: 640 },
  ]) {
    assert.deepEqual(await read(await pictureOfCode(text, other)), [text]);
  }
});

test('a code that is upside down, or mirrored, is read', async () => {
  const [text = ''] = await pairingCodes(pairingOwner());
  const picture = await pictureOfCode(text, size);
  assert.deepEqual(await read({ ...picture, pixels: picture.pixels.slice().reverse() }), [text]);
  const mirrored = picture.pixels.slice();
  for (let row = 0; row < size.height; row++) {
    mirrored.subarray(row * size.width, (row + 1) * size.width).reverse();
  }
  assert.deepEqual(await read({ ...picture, pixels: mirrored }), [text]);
});
