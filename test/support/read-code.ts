/** Reads QR codes out of pictures, as a camera does. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { prepareZXingModule, readBarcodes } from 'zxing-wasm/reader';

const wasm = await readFile(fileURLToPath(import.meta.resolve('zxing-wasm/reader/zxing_reader.wasm')));
// From here, not from the network.
prepareZXingModule({ overrides: { wasmBinary: new Uint8Array(wasm).buffer } });

export interface GreyPicture {
  readonly width: number;
  readonly height: number;
  /** One byte a pixel. */
  readonly pixels: Uint8Array;
}

/** `picture` is that, or a PNG. */
export async function readCode(picture: Uint8Array | GreyPicture): Promise<string | undefined> {
  const input = picture instanceof Uint8Array ? picture : colours(picture);
  // The types ask for the DOM's ImageData, of which this is all that is used.
  const [found] = await readBarcodes(input as Uint8Array, {
    formats: ['QRCode'],
    tryHarder: true,
    maxNumberOfSymbols: 1,
  });
  return found?.text;
}

function colours({ width, height, pixels }: GreyPicture): unknown {
  const data = new Uint8ClampedArray(4 * pixels.length);
  for (const [index, value] of pixels.entries()) data.set([value, value, value, 255], 4 * index);
  return { data, width, height, colorSpace: 'srgb' };
}
