/**
 * Reads QR codes in gray pictures, with zxing-cpp as WebAssembly. Node.js must run without `--lite-mode`, which has
 * none; the program's own launcher knows which commands need it. The module lies beside the code and is never fetched.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

/** One byte a pixel, rows from the top. */
export interface GrayPicture {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

/** The texts of the codes in a picture, none where there is none that can be read. */
export type ReadCodes = (picture: GrayPicture) => Promise<string[]>;

const moduleFile = 'zxing_reader.wasm';
/** An owner shows one at a time; a wall of codes shall not keep the camera busy. */
const maxCodes = 4;

/** Loads the decoder: some 20 MiB of memory. */
export async function createCodeReader(): Promise<ReadCodes> {
  if (!('WebAssembly' in globalThis)) {
    throw new Error('this Node.js has no WebAssembly: it was started with --lite-mode');
  }
  const { prepareZXingModule, readBarcodes } = await import('zxing-wasm/reader');
  const bytes = await readFile(moduleLocation());
  const wasmBinary = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
  await prepareZXingModule({ overrides: { wasmBinary }, fireImmediately: true });
  let colored = new Uint32Array(0);
  return async ({ width, height, pixels }) => {
    if (colored.length !== width * height) colored = new Uint32Array(width * height);
    for (let at = 0; at < colored.length; at++) colored[at] = 0xff000000 | ((pixels[at] ?? 0) * 0x010101);
    const data = new Uint8ClampedArray(colored.buffer);
    const found = await readBarcodes(
      { data, width, height, colorSpace: 'srgb' },
      { formats: ['QRCode'], maxNumberOfSymbols: maxCodes },
    );
    return found.filter(({ isValid }) => isValid).map(({ text }) => text);
  };
}

/** Beside the code in a bundle, in its package in a checkout. */
function moduleLocation(): URL {
  const beside = new URL(moduleFile, import.meta.url);
  return existsSync(beside) ? beside : new URL(import.meta.resolve(`zxing-wasm/reader/${moduleFile}`));
}
