/** An owner who pairs: a wallet, signed messages, their codes as texts and as pictures. */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { prepareZXingModule, writeBarcode } from 'zxing-wasm/writer';
import { newWallet, type Wallet } from '../../ledger/owner/wallet.ts';
import { encodeCodes } from '../../ledger/pairing/codes.ts';
import { encodeMessage, type JsonObject, type PairingContent } from '../../ledger/pairing/message.ts';
import type { GrayPicture } from '../../provision/pairing/reader.ts';
import type { VideoKey } from '../../runtime/video-keys/keys.ts';

export interface PairingOwner {
  readonly wallet: Wallet;
  readonly content: PairingContent;
}

export function pairingOwner(changes: Partial<PairingContent> = {}): PairingOwner {
  const wallet = newWallet();
  const first = (purpose: VideoKey['purpose']): VideoKey => ({ purpose, counter: 1, key: randomBytes(32) });
  return {
    wallet,
    content: {
      owner: wallet.address,
      createdMs: Date.now(),
      nonce: randomBytes(16),
      salt: randomBytes(16),
      kek: randomBytes(32),
      recordings: first('recordings'),
      live: first('live'),
      ...changes,
    },
  };
}

export function pairingMessage({ wallet, content }: PairingOwner): Promise<Buffer> {
  return encodeMessage(content, (text) => wallet.signText(text));
}

export async function pairingCodes(owner: PairingOwner, partBytes?: number): Promise<string[]> {
  return encodeCodes(await pairingMessage(owner), partBytes);
}

export function answersOf(answers: Readonly<Record<string, unknown>>): { answers: JsonObject } {
  return { answers: answers as JsonObject };
}

let writerReady: Promise<unknown> | undefined;

/** A picture with a code on something like a wall, or on plain gray: as large as it fits with whole pixels. */
export async function pictureOfCode(
  text: string,
  { width, height, isQuiet = false }: { width: number; height: number; isQuiet?: boolean },
): Promise<GrayPicture> {
  writerReady ??= prepareWriter();
  await writerReady;
  const { symbol } = await writeBarcode(text, { format: 'QRCode', ecLevel: 'L' });
  const quietModules = 4;
  const modules = symbol.width + 2 * quietModules;
  const pixelsEach = Math.floor(Math.min(width, height) / modules);
  if (pixelsEach < 1)
    throw new RangeError(`a code of ${symbol.width} modules does not fit ${width}x${height}`);
  const left = Math.floor((width - modules * pixelsEach) / 2);
  const top = Math.floor((height - modules * pixelsEach) / 2);
  const picture = isQuiet
    ? { width, height, pixels: new Uint8Array(width * height).fill(128) }
    : wall(width, height);
  for (let y = 0; y < modules * pixelsEach; y++) {
    for (let x = 0; x < modules * pixelsEach; x++) {
      const column = Math.floor(x / pixelsEach) - quietModules;
      const row = Math.floor(y / pixelsEach) - quietModules;
      const isInside = column >= 0 && row >= 0 && column < symbol.width && row < symbol.height;
      const isLight = !isInside || symbol.data[row * symbol.width + column] !== 0;
      const at = (top + y) * width + left + x;
      picture.pixels[at] = (isLight ? 190 : 30) + (picture.pixels[at] ?? 0) / 8;
    }
  }
  return picture;
}

/** Light and shade, and a sensor's noise; no code. */
export function wall(width: number, height: number): GrayPicture {
  const pixels = new Uint8Array(randomBytes(width * height));
  for (let at = 0; at < pixels.length; at++) {
    pixels[at] = 110 + 70 * Math.sin(at / 9000) + (pixels[at] ?? 0) / 16;
  }
  return { width, height, pixels };
}

async function prepareWriter(): Promise<void> {
  const bytes = await readFile(fileURLToPath(import.meta.resolve('zxing-wasm/writer/zxing_writer.wasm')));
  const wasmBinary = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
  await prepareZXingModule({ overrides: { wasmBinary }, fireImmediately: true });
}
