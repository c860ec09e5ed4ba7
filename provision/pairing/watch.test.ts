import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EncroCamError } from '../../runtime/errors.ts';
import { createLogger, silentLogger } from '../../runtime/log.ts';
import type { DetectedCamera } from '../wizard/machine.ts';
import type { GrayPicture } from './reader.ts';
import { RefusalLog } from './refusals.ts';
import { type Turn, type WatchOptions, watchForCodes } from './watch.ts';

const camera = (device: string): DetectedCamera => ({ device, name: 'webcam', modes: [] });
/** A picture that is read as this text. */
const picture = (text: string): GrayPicture => ({ width: 1, height: 1, pixels: Buffer.from(text) });
const unavailable = (): EncroCamError => new EncroCamError('CAMERA_UNAVAILABLE', 'It is busy.', { hint: '' });

function options(changes: Partial<WatchOptions>): WatchOptions {
  return {
    cameras: async () => [camera('/dev/video0')],
    pictures: async function* () {},
    read: async ({ pixels }) => [Buffer.from(pixels).toString()].filter(Boolean),
    take: async (text) => text === 'mine',
    turn: async () => 'watch',
    logger: silentLogger,
    signal: AbortSignal.timeout(10_000),
    pollMs: 5,
    pauseMs: 5,
    ...changes,
  };
}

test('the first camera that gives pictures is watched, until a code is taken', async () => {
  const opened: string[] = [];
  const outcome = await watchForCodes(
    options({
      cameras: async () => [camera('/dev/video0'), camera('/dev/video2')],
      async *pictures({ device }) {
        opened.push(device);
        if (device === '/dev/video0') throw unavailable();
        for (const text of ['', 'theirs', 'mine', 'mine']) yield picture(text);
      },
    }),
  );
  assert.equal(outcome, 'taken');
  assert.deepEqual(opened, ['/dev/video0', '/dev/video2']);
});

test('no camera, one that is busy, and one that dies, are tried again; each is told of once', async () => {
  let round = 0;
  const lines: string[] = [];
  const outcome = await watchForCodes(
    options({
      logger: createLogger({ level: 'info', format: 'text', write: (line) => void lines.push(line) }),
      cameras: async () => (++round <= 3 ? [] : [camera('/dev/video0')]),
      async *pictures() {
        if (round < 7) throw unavailable();
        yield picture('');
        if (round < 9) throw unavailable();
        yield picture('mine');
      },
    }),
  );
  assert.equal(outcome, 'taken');
  assert.equal(lines.filter((line) => line.includes('there is no camera')).length, 1);
  assert.equal(lines.filter((line) => line.includes('It is busy')).length, 1);
});

test('whoever sets the camera up at the console gets it, and it is watched again afterwards', async () => {
  const turns: Turn[] = ['wait', 'watch', 'watch', 'wait', 'wait', 'watch'];
  let isOpen = false;
  let opened = 0;
  const outcome = await watchForCodes(
    options({
      turn: async () => {
        const turn = turns.shift() ?? 'watch';
        return turn;
      },
      async *pictures(_, signal) {
        assert.ok(!isOpen);
        isOpen = true;
        opened++;
        try {
          while (!signal.aborted) {
            yield picture(opened > 1 ? 'mine' : '');
            await new Promise((resolve) => setTimeout(resolve, 1));
          }
        } finally {
          isOpen = false;
        }
      },
    }),
  );
  assert.equal(outcome, 'taken');
  assert.equal(opened, 2);
  assert.ok(!isOpen);
});

test('a camera that has an owner is not looked at', async () => {
  const outcome = await watchForCodes(
    options({ turn: async () => 'end', cameras: async () => assert.fail('it looked for cameras') }),
  );
  assert.equal(outcome, 'ended');
});

test('a defect ends it; only cameras are tried again', async () => {
  const broken = options({ read: async () => Promise.reject(new TypeError('a defect')) });
  await assert.rejects(
    watchForCodes({
      ...broken,
      async *pictures() {
        yield picture('');
      },
    }),
    TypeError,
  );
});

test('codes that are refused are told once a second at most, and the same once a minute', () => {
  const lines: string[] = [];
  let nowMs = 0;
  const logger = createLogger({ level: 'info', format: 'text', write: (line) => void lines.push(line) });
  const refusals = new RefusalLog(logger, () => nowMs);
  for (; nowMs < 1000; nowMs += 100) refusals.refused(`reason ${nowMs}`);
  assert.equal(lines.length, 1);
  nowMs = 1500;
  refusals.refused('it is no pairing code');
  assert.equal(lines.length, 2);
  assert.match(lines[1] ?? '', /untold=9/);
  for (; nowMs < 60_000; nowMs += 500) refusals.refused('it is no pairing code');
  assert.equal(lines.length, 2);
  nowMs = 61_600;
  refusals.refused('it is no pairing code');
  assert.equal(lines.length, 3);
});

test('whose turn it is cannot be told: the camera is closed, and the watching ends with the reason', async () => {
  let asked = 0;
  let isOpen = false;
  const watching = watchForCodes(
    options({
      turn: async () => {
        if (++asked > 1) throw new Error('the disk is gone');
        return 'watch';
      },
      async *pictures(_, signal) {
        isOpen = true;
        while (!signal.aborted) {
          await new Promise((resolve) => setTimeout(resolve, 5));
          yield picture('');
        }
        isOpen = false;
      },
    }),
  );
  await assert.rejects(watching, /the disk is gone/);
  assert.equal(isOpen, false);
});
