/** Codes as a camera sees them: ffmpeg makes pictures of them, small, turned and unsharp, and zxing reads those. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { CodeCollector, encodeCodes } from '../../ledger/pairing/codes.ts';
import { codeModules, codePng } from '../../ledger/pairing/picture.ts';
import { drawScreen } from '../../ledger/pairing/screen.ts';
import { readCode } from '../support/read-code.ts';

const codes = encodeCodes(randomBytes(500));
const [first = ''] = codes;

test('every PNG is read, and the message comes out', async () => {
  const message = randomBytes(1500);
  const collector = new CodeCollector();
  let seen: ReturnType<CodeCollector['take']> | undefined;
  for (const code of encodeCodes(message)) seen = collector.take((await readCode(codePng(code))) ?? '');
  assert.ok(seen?.outcome === 'message' && seen.message.equals(message));
});

test('codes of usual parts have 41 modules a side', () => {
  for (const code of codes) assert.equal(codeModules(code, 0).length, 41);
});

interface View {
  readonly width: number;
  readonly height: number;
  /** Pixels a module. */
  readonly modulePixels: number;
  readonly degrees: number;
  /** Standard deviation of the blur, in pixels. */
  readonly blur: number;
}

/** What a camera makes of a code on a white screen before a grey wall: flat, uneven, noisy, as H.264. */
function seen(code: string, { width, height, modulePixels, degrees, blur }: View): Uint8Array {
  const side = 2 * Math.round(modulePixels * codeModules(code).length);
  const filter = [
    `[0:v]format=rgba,scale=${side}:${side}:flags=area,pad=iw*1.3:ih*1.3:(ow-iw)/2:(oh-ih)/2:white`,
    `rotate=${degrees}*PI/180:ow=rotw(${degrees}*PI/180):oh=roth(${degrees}*PI/180):c=0x707060[code]`,
    `;color=c=0x707060:s=${2 * width}x${2 * height}[wall];[wall][code]overlay=(W-w)/2+3:(H-h)/2+1:shortest=1`,
    `scale=${width}:${height}:flags=area,format=yuv420p,gblur=sigma=${blur}`,
    'eq=contrast=0.7,vignette=PI/6,noise=alls=12',
  ]
    .join(',')
    .replace(',;', ';');
  const video = ffmpeg(
    ['-i', '-', '-filter_complex', filter, '-frames:v', '1', '-c:v', 'libx264', '-f', 'h264', '-'],
    codePng(code, 4),
  );
  const raw = ['-frames:v', '1', '-pix_fmt', 'gray', '-f', 'rawvideo', '-'];
  return ffmpeg(['-f', 'h264', '-i', '-', ...raw], video);
}

function ffmpeg(args: string[], input: Uint8Array): Buffer {
  const { stdout, stderr, status } = spawnSync('ffmpeg', ['-v', 'error', ...args], {
    input,
    maxBuffer: 1 << 28,
    timeout: 60_000,
  });
  assert.equal(status, 0, String(stderr));
  return stdout;
}

for (const [width, height, modulePixels] of [
  [640, 480, 3],
  [640, 480, 6],
  [320, 240, 3],
] as const) {
  test(`a camera of ${width}x${height} reads codes with ${modulePixels} pixels a module, straight and turned`, async () => {
    for (const degrees of [0, 7, 20]) {
      const pixels = seen(first, { width, height, modulePixels, degrees, blur: 0.7 });
      assert.equal(await readCode({ width, height, pixels }), first, `${degrees} degrees`);
    }
  });
}

test('what stands on a terminal is read: half blocks, as pixels', async () => {
  const [columns, rows] = [80, 24];
  const lines = stripVTControlCharacters(drawScreen(first, 'below', { columns, rows })).split('\r\n');
  assert.equal(lines.length, rows);
  assert.deepEqual(new Set(lines.slice(0, -1).map((line) => line.length)), new Set([columns]));
  const [width, height] = [columns * 8, rows * 16];
  const pixels = new Uint8Array(width * height).fill(255);
  for (const [row, line] of lines.slice(0, -1).entries()) {
    for (const [column, character] of [...line].entries()) {
      const [upper, lower] = ['▀█'.includes(character), '▄█'.includes(character)];
      for (let y = 0; y < 16; y++) {
        if (!(y < 8 ? upper : lower)) continue;
        const start = (row * 16 + y) * width + column * 8;
        pixels.fill(0, start, start + 8);
      }
    }
  }
  assert.equal(await readCode({ width, height, pixels }), first);
});
