/** The manifest for Raspberry Pi Imager, against the schema that Imager publishes. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { imagerManifest } from '../../image/build/imager.ts';
import { loadBase, loadImage } from '../../image/description.ts';
import { createAjv } from '../../runtime/config/ajv.ts';

const schema = JSON.parse(
  await readFile(path.join(import.meta.dirname, 'imager-os-list.schema.json'), 'utf8'),
) as object;
const isOsList = createAjv().compile(schema);
const { title, summary, bases } = await loadImage();

async function manifestOf(base: string, changes: object = {}): Promise<object> {
  return imagerManifest({
    title,
    summary,
    url: 'file:///build/encrocam.img.xz',
    releaseDate: '2026-11-22',
    extractBytes: 2_693_791_744,
    extractSha256: 'a'.repeat(64),
    downloadBytes: 274_776_480,
    downloadSha256: 'b'.repeat(64),
    boards: (await loadBase(base)).boards,
    ...changes,
  });
}

for (const base of bases) {
  test(`the manifest of ${base} is what Imager's schema demands`, async () => {
    assert.ok(isOsList(await manifestOf(base)), JSON.stringify(isOsList.errors));
  });
}

test('the schema notices a manifest that Imager refuses', async () => {
  assert.equal(isOsList(await manifestOf('debian-13', { extractSha256: 'A1' })), false);
  assert.equal(isOsList(await manifestOf('debian-13', { extractBytes: '2693791744' })), false);
});

test('Imager offers its customisation, and only the boards that the base boots', async () => {
  const [debian] = ((await manifestOf('debian-13')) as { os_list: Record<string, unknown>[] }).os_list;
  assert.equal(debian?.init_format, 'cloudinit');
  // Debian 13's kernel lacks the driver of the Pi 5's SD card.
  assert.deepEqual(debian?.devices, ['pi4-64bit']);
});
