import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import {
  cameraKeys,
  firstMs,
  minuteMs,
  type Recordings,
  recordMinutes,
} from '../../test/support/camera-recordings.ts';
import { parseRecordingName } from '../recordings/names.ts';
import { ReadingProgress } from '../verifier/progress.ts';
import type { Input } from '../viewer/inputs.ts';
import { createScreen } from '../viewer/progress.ts';
import { openFileSource } from '../viewer/source.ts';
import { findRuns } from './find-runs.ts';

let directory: string;
let recordings: Recordings[4];
before(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'encrocam-find-runs-'));
  recordings = await recordMinutes(directory, 4);
});
after(() => rm(directory, { recursive: true, force: true }));

/** Which of the four were opened, and what was shown on a terminal meanwhile. */
async function find(fromMs: number, toMs: number, kept: readonly number[] = [0, 1, 2, 3]) {
  const opened: number[] = [];
  let [shown, nowMs] = ['', 0];
  const inputs = kept.map((number): Input => {
    const { file = '', fileName = '' } = recordings[number] ?? {};
    const open = () => {
      opened.push(number);
      return openFileSource(file);
    };
    return { recording: parseRecordingName(fileName), open };
  });
  const screen = createScreen({
    ...{ write: (text) => (shown += text), isTerminal: true, now: () => (nowMs += 1000) },
  });
  const { runs, around } = await findRuns('here', inputs, {
    range: { fromMs: firstMs + fromMs, toMs: firstMs + toMs },
    ...{ trusted: (await cameraKeys()).signer.toPublic(), withUnsigned: false, isDirectory: true },
    progress: new ReadingProgress(screen),
  });
  return { opened, shown, runs, around };
}

test('how far reading has come is shown on a terminal', async () => {
  const { shown } = await find(0, 2 * minuteMs);
  assert.match(shown, /\d\.\d MB, .* at 2027-01-15 /);
});

test('what lies beside the range is read only where the range reaches beyond what is here', async () => {
  assert.deepEqual((await find(minuteMs, 2 * minuteMs)).opened, [1]);
  const beyond = await find(minuteMs, 3 * minuteMs, [0, 1, 3]);
  assert.deepEqual(beyond.opened, [1, 3]);
  assert.equal(beyond.around.isComplete, false);
  assert.deepEqual(
    beyond.around.holes.map(({ state, fromMs, toMs }) => [state, fromMs - firstMs, toMs - firstMs]),
    [['missing', 2 * minuteMs, 3 * minuteMs]],
  );
  assert.equal(beyond.runs.length, 1);
});

test('of a recording beside the range nothing is given away, though it ends as the range begins', async () => {
  const { runs, opened } = await find(minuteMs, 3 * minuteMs, [0, 2]);
  assert.deepEqual(opened, [2, 0]);
  assert.deepEqual(
    runs.map(({ header }) => header.statement.startMs - firstMs),
    [2 * minuteMs],
  );
});
