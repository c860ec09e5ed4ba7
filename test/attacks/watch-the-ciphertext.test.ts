/** Whoever keeps the recordings, or carries them, looks at what he has. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { decrypt, readMessage } from 'openpgp';
import { packetOverheadBytes } from '../../runtime/encrocrypt/index.ts';
import { dataOverheadBytes } from '../../runtime/encrocrypt/v3/index.ts';
import { recordVersion2 } from '../support/version-2.ts';
import { isData, scene, strangersKeys } from './scene.ts';

/** A picture that hardly changes is small. */
const secret = (second: number): Buffer =>
  Buffer.from('somebody is at the door '.repeat(second === 30 ? 100 : 1));

test('he cannot watch: nothing of the video is readable, and its key is for the owners alone', async (context) => {
  const { recordings } = await scene(context, 1, { run: () => ({ video: secret }) });
  const { bytes, header } = recordings[0].run;
  assert.equal(bytes.indexOf('somebody'), -1);
  const { signer } = await strangersKeys(context);
  const message = await readMessage({ binaryMessage: header.sealed.openpgp ?? Buffer.of() });
  await assert.rejects(decrypt({ message, decryptionKeys: signer, format: 'binary' }));
});

test('he sees from the sizes when something moved: that is not prevented', async (context) => {
  const { recordings } = await scene(context, 1, { run: () => ({ video: secret }) });
  const sizes = recordings[0].run.packets.filter(isData).map(({ length }) => length - dataOverheadBytes);
  assert.deepEqual(
    sizes,
    Array.from({ length: 60 }, (_, second) => secret(second).length),
  );
});

test('nor is it in EncroCrypt2', async () => {
  const { packets } = await recordVersion2('front', 2);
  assert.deepEqual(
    packets.map(({ length }) => length - packetOverheadBytes),
    ['front 0 '.length, 'front 1 '.length],
  );
});
