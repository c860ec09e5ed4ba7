import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { syntheticRun } from '../../test/support/synthetic-run.ts';
import type { Skip } from '../encrocrypt/index.ts';
import { VideoEncrypter } from '../encrocrypt/index.ts';
import { EncroCamError } from '../errors.ts';
import { LineEditor } from '../pgp/ask-secret.ts';
import { lastPacketEnd } from './align.ts';
import { listAsText } from './list-text.ts';
import { createScreen, progressText } from './progress.ts';
import { openSink, withoutFirst } from './sink.ts';
import { SkipReport, SkipTally } from './skips.ts';
import { buildTimeline, difference, durationText, sizeText } from './timeline.ts';

const skip = (offset: number, length = 10, reason: Skip['reason'] = 'garbage'): Skip => ({
  kind: 'skip',
  offset,
  length,
  reason,
});

describe('the report of what was skipped', () => {
  const report = (skips: Skip[]): string[] => {
    const lines: string[] = [];
    const writer = new SkipReport((line) => lines.push(line));
    for (const one of skips) writer.add(one);
    writer.end();
    return lines;
  };

  test('joins neighbours that have one reason', () => {
    const lines = report([skip(0), skip(10), skip(20, 5, 'cut'), skip(100)]);
    assert.equal(lines.length, 3);
    assert.match(lines[0] ?? '', /^skipped 20 bytes at byte 0: .*\(garbage\)$/);
  });

  test('is short, however much was skipped, and its last line has the sum', () => {
    const lines = report(Array.from({ length: 1000 }, (_, index) => skip(index * 100)));
    assert.equal(lines.length, 21);
    assert.match(lines.at(-1) ?? '', /9800 more bytes in 980 further places/);
  });

  test('is collected in bounded memory without losing a byte', () => {
    const tally = new SkipTally();
    for (let index = 0; index < 10_000; index++)
      tally.add(skip(index * 100, 7, index % 2 ? 'cut' : 'garbage'));
    assert.ok(tally.skips.length <= 25);
    assert.equal(
      tally.skips.reduce((sum, one) => sum + one.length, 0),
      70_000,
    );
  });
});

describe('the screen', () => {
  test('shows progress on a terminal only, and takes it away before a line', () => {
    for (const isTerminal of [true, false]) {
      let output = '';
      let nowMs = 0;
      const screen = createScreen({ write: (text) => (output += text), isTerminal, now: () => nowMs });
      nowMs = 1000;
      screen.progress({ bytesRead: 5_000_000, bytesTotal: 10_000_000, timeMs: undefined });
      screen.line('damage\u001b[31m');
      assert.equal(output.includes('5.0 of 10.0 MB, 5.0 MB/s'), isTerminal);
      assert.ok(output.endsWith('encrocam: damage\ufffd[31m\n'));
      assert.equal(output.includes('\r\u001b[K'), isTerminal);
    }
  });

  test('tells what is not known by leaving it out', () => {
    assert.equal(
      progressText({ bytesRead: 1e6, bytesTotal: undefined, timeMs: undefined }, 0),
      '1.0 MB, 1000.0 MB/s',
    );
  });
});

describe('the output', () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'sink-'));
  });
  after(() => rm(directory, { recursive: true }));

  test('takes more buffers than the system does in one call', async () => {
    const file = path.join(directory, 'many');
    const sink = await openSink(file, { force: false });
    const buffers = Array.from({ length: 5000 }, (_, index) => Buffer.from(`${index},`));
    await sink.write(buffers);
    await sink.close();
    assert.deepEqual(await readFile(file), Buffer.concat(buffers));
  });

  test('leaves no empty file behind', async () => {
    const file = path.join(directory, 'empty');
    await (await openSink(file, { force: false })).close();
    await assert.rejects(stat(file), { code: 'ENOENT' });
  });

  test('does not overwrite, and writes to devices', async () => {
    const file = path.join(directory, 'mine');
    await writeFile(file, 'mine');
    const isUsage = (error: unknown): boolean => error instanceof EncroCamError && error.code === 'USAGE';
    await assert.rejects(openSink(file, { force: false }), isUsage);
    const device = await openSink('/dev/null', { force: false });
    await device.write([Buffer.from('gone')]);
    await device.close();
    assert.equal(device.bytesWritten, 4);
  });

  test('goes on behind what was written of several buffers', () => {
    const buffers = ['abc', '', 'de', 'f'].map((text) => Buffer.from(text));
    for (let bytes = 0; bytes <= 6; bytes++) {
      assert.equal(Buffer.concat(withoutFirst(buffers, bytes)).toString(), 'abcdef'.slice(bytes));
    }
    assert.deepEqual(withoutFirst(buffers, 6), []);
  });
});

describe('pieces of a file', () => {
  test('are cut where the last whole packet ends', () => {
    const packet = new VideoEncrypter(Buffer.alloc(16)).encrypt(Buffer.alloc(100), 0);
    const two = Buffer.concat([packet, packet]);
    for (let extra = 0; extra < packet.length; extra++) {
      const piece = Buffer.concat([two, packet.subarray(0, extra)]);
      assert.equal(lastPacketEnd(piece), two.length);
    }
    assert.equal(lastPacketEnd(Buffer.alloc(500)), 500);
  });

  test('are cut there in EncroCrypt3, too', () => {
    const { packets } = syntheticRun({ seconds: 1 });
    const [header, first, second] = packets;
    assert.ok(header && first && second);
    const two = Buffer.concat([header, first]);
    for (let extra = 0; extra < second.length; extra++) {
      assert.equal(lastPacketEnd(Buffer.concat([two, second.subarray(0, extra)])), two.length);
    }
    const damaged = Buffer.concat([two, Buffer.alloc(500)]);
    assert.equal(lastPacketEnd(damaged), damaged.length);
  });
});

describe('the list', () => {
  const hour = (number: number): string =>
    `rec-20260101T${String(number).padStart(2, '0')}0000Z-3600s.encrocam`;

  test('has gaps between recordings of either side, and counts what is no recording', () => {
    const timeline = buildTimeline(
      new Map([
        [hour(0), 5],
        [hour(4), 5],
        ['x', 1],
      ]),
      new Map([
        [hour(1), 5],
        [hour(4).replace('.enc', '.conflict-1.enc'), 6],
      ]),
    );
    assert.equal(timeline.entries.length, 4);
    assert.equal(timeline.otherFiles, 1);
    assert.deepEqual(timeline.gaps, [{ fromMs: Date.UTC(2026, 0, 1, 2), toMs: Date.UTC(2026, 0, 1, 4) }]);
  });

  test('says what differs between the sides only if both were asked', () => {
    const [entry] = buildTimeline(new Map([[hour(0), 5000]]), new Map([[hour(0), 2000]])).entries;
    assert.ok(entry);
    assert.equal(difference(entry, { disk: true, drive: true }), 'the drive is 3.0 kB behind');
    assert.equal(difference(entry, { disk: true, drive: false }), undefined);
    assert.equal(
      difference({ ...entry, driveBytes: undefined }, { disk: true, drive: true }),
      'not on the drive',
    );
    assert.equal(
      difference({ ...entry, diskBytes: undefined }, { disk: true, drive: true }),
      'on the drive only',
    );
    assert.equal(difference({ ...entry, diskBytes: 2000 }, { disk: true, drive: true }), undefined);
  });

  test('shows sizes and durations in units that fit', () => {
    assert.deepEqual([0, 999, 1000, 999_949, 999_950, 5e13].map(sizeText), [
      ...['0 B', '999 B', '1.0 kB', '999.9 kB', '1.0 MB', '50.0 TB'],
    ]);
    assert.deepEqual([0, 90_000, 7_200_000, 183_600_000].map(durationText), [
      '0 s',
      '1 min 30 s',
      '2 h',
      '2 d 3 h',
    ]);
  });

  test('of nothing says so', () => {
    const timeline = buildTimeline(new Map(), undefined);
    const text = listAsText([{ name: 'a\u001b[2J', sides: { disk: true, drive: false }, timeline }]);
    assert.equal(text, 'a\ufffd[2J\n  no recordings\n');
  });
});

test('a secret can be corrected and cancelled while it is typed', () => {
  const typed = (text: string): [string, string] => {
    const line = new LineEditor();
    return [line.type(text), line.text];
  };
  assert.deepEqual(typed('sesame\r'), ['done', 'sesame']);
  assert.deepEqual(typed('sesx\u007fame\n'), ['done', 'sesame']);
  assert.deepEqual(typed('wrong\u0015right\r'), ['done', 'right']);
  assert.deepEqual(typed('abc\u0003')[0], 'cancelled');
  assert.deepEqual(typed('abc'), ['more', 'abc']);
  assert.equal(typed('x'.repeat(5000))[1].length, 1024);
});
