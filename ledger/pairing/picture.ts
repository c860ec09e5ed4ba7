/** Codes as pictures: modules, PNG and SVG. */
import { crc32, deflateSync } from 'node:zlib';
import { encode, renderSVG } from 'uqr';

/** `true` is dark. */
export type Modules = readonly (readonly boolean[])[];

/** Light modules around a code: what ISO/IEC 18004 asks for. */
export const quietZone = 4;
/**
 * The least correction, and so the largest modules: on a screen nothing is torn or dirty, and what a camera cannot tell apart
 * is lost by smallness.
 */
const correction = 'L';

export function codeModules(text: string, border = quietZone): Modules {
  return encode(text, { ecc: correction, border }).data;
}

export function codeSvg(text: string): string {
  return renderSVG(text, { ecc: correction, border: quietZone });
}

/** A PNG (ISO/IEC 15948) of one bit a pixel, `scale` pixels a module. */
export function codePng(text: string, scale = 10): Buffer {
  const modules = codeModules(text);
  const side = modules.length * scale;
  const rows = modules.map((row) => {
    // Filter type 0, then 8 pixels a byte, the leftmost in the highest bit; 1 is white.
    const line = Buffer.alloc(1 + Math.ceil(side / 8));
    for (let x = 0; x < side; x++) {
      const at = 1 + (x >> 3);
      if (!row[Math.floor(x / scale)]) line[at] = (line[at] ?? 0) | (0x80 >> (x & 7));
    }
    return Buffer.concat(Array.from({ length: scale }, () => line));
  });
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  // Bit depth 1, greyscale; compression, filter and interlace methods 0.
  header.writeUInt8(1, 8);
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.concat(rows))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(type: string, data: Buffer): Buffer {
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  const content = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(content));
  return Buffer.concat([length, content, sum]);
}
