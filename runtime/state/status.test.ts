import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RecorderCameraState, RecorderState, SyncerCameraState, SyncerState } from './state.ts';
import { notRespondingMs, type StatusInput, staleUploadMs, staleWriteMs, statusOf } from './status.ts';
import { duration, size, statusText, when } from './status-text.ts';

const nowMs = Date.UTC(2026, 10, 22, 13, 30);

function recorder(
  camera: Partial<RecorderCameraState> = {},
  more: Partial<RecorderState> = {},
): RecorderState {
  return {
    service: 'record',
    bootId: 'this-boot',
    pid: 10,
    startedMs: nowMs - 3600_000,
    updatedMs: nowMs - 1000,
    cameras: [
      {
        name: 'a',
        activity: 'recording',
        lastWriteMs: nowMs - 500,
        bytesWritten: 5_000_000,
        restarts: 0,
        gapMs: 0,
        ...camera,
      },
    ],
    ...more,
  };
}

function syncer(camera: Partial<SyncerCameraState> = {}, more: Partial<SyncerState> = {}): SyncerState {
  return {
    service: 'sync',
    pid: 11,
    startedMs: nowMs - 3600_000,
    updatedMs: nowMs - 1000,
    location: 'ftps://camera@drive.example:21/',
    nextRetentionMs: nowMs + 600_000,
    cameras: [
      {
        name: 'a',
        activity: 'following',
        lastUploadMs: nowMs - 5000,
        backlogBytes: 1000,
        backlogFiles: 1,
        bytesUploaded: 4_000_000,
        confirmedBytes: { x: 1 },
        ...camera,
      },
    ],
    ...more,
  };
}

const input = (changes: Partial<StatusInput> = {}): StatusInput => ({
  nowMs,
  cameras: ['a'],
  hasDrive: true,
  recorder: recorder(),
  syncer: syncer(),
  isAlive: () => true,
  ...changes,
});

test('two services that run and progress are healthy', () => {
  const status = statusOf(input());
  assert.equal(status.healthy, true, status.problems.join());
  assert.equal(status.recorder.activity, 'running');
  assert.equal(status.syncer.activity, 'running');
});

for (const [what, changes, activity] of [
  ['has no state was never started', { syncer: undefined }, 'never-started'],
  ['said so was stopped', { syncer: syncer({}, { stoppedMs: nowMs }) }, 'stopped'],
  ['is gone without a word was killed', { isAlive: (pid: number) => pid !== 11 }, 'killed'],
  [
    'lives with an old state does not respond',
    { syncer: syncer({}, { updatedMs: nowMs - notRespondingMs - 1 }) },
    'not-responding',
  ],
] as const) {
  test(`a service that ${what}, which is not healthy`, () => {
    const status = statusOf(input(changes));
    assert.equal(status.syncer.activity, activity);
    assert.equal(status.healthy, false);
    assert.equal(status.problems.length, 1);
  });
}

for (const [what, changes] of [
  ['a gap in the video', { recorder: recorder({ activity: 'gap' }) }],
  ['a disk that nothing is written to', { recorder: recorder({ lastWriteMs: nowMs - staleWriteMs - 1 }) }],
  ['a camera that is not recorded', { recorder: recorder({ name: 'b' }) }],
  ['a drive that is waited for', { syncer: syncer({ activity: 'waiting' }) }],
  ['an upload that confirms nothing', { syncer: syncer({ lastUploadMs: nowMs - staleUploadMs - 1 }) }],
  ['other bytes on the drive', { syncer: syncer({ lastProblem: 'x differs. [STORAGE_MISMATCH]' }) }],
] as const satisfies [string, Partial<StatusInput>][]) {
  test(`${what} is not healthy`, () => {
    const status = statusOf(input(changes));
    assert.equal(status.healthy, false);
    assert.equal(status.problems.length, 1, status.problems.join());
  });
}

test('without a backlog it does not matter when the last upload was', () => {
  const idle = syncer({ lastUploadMs: 0, backlogBytes: 0, backlogFiles: 0 });
  assert.equal(statusOf(input({ syncer: idle })).healthy, true);
});

test('the JSON form leaves the sizes of single recordings out', () => {
  const text = JSON.stringify(statusOf(input()));
  assert.equal(text.includes('confirmedBytes'), false);
});

test('the text has every part, aligned, with relative and local time', () => {
  const text = statusText(statusOf(input({ recorder: recorder({ restarts: 2, gapMs: 65_000 }) })));
  const lines = text.split('\n').slice(0, 4);
  assert.ok(
    lines.every((line) => /^(?=\S).{14} {2}\S/.test(line)),
    text,
  );
  for (const part of [
    ', started 60 min ago (',
    'in 10 min (',
    'backlog',
    '1.0 kB in 1 recording',
    '2, 65 s without video',
  ]) {
    assert.ok(text.includes(part), `${part} is missing in\n${text}`);
  }
  assert.ok(text.endsWith('All is well.\n'));
});

test('control characters in a problem do not reach the terminal', () => {
  const text = statusText(statusOf(input({ syncer: syncer({ lastProblem: 'bad\u001b[31m' }) })));
  assert.equal(text.includes('\u001b'), false);
});

test('durations and sizes are told in the unit that says most', () => {
  assert.deepEqual([0, 119_000, 121_000, 7100_000, 7300_000, 172_799_000, 200_000_000].map(duration), [
    '0 s',
    '119 s',
    '2 min',
    '118 min',
    '2 h',
    '48 h',
    '2 days',
  ]);
  assert.deepEqual([0, 999, 1000, 1_234_567, 5e9, 3e15].map(size), [
    '0 bytes',
    '999 bytes',
    '1.0 kB',
    '1.2 MB',
    '5.0 GB',
    '3000.0 TB',
  ]);
  assert.match(when(nowMs + 60_000, nowMs), /^in 60 s \(2026-11-2[123] \d\d:\d\d:\d\d [+-]\d\d:\d\d\)$/);
});
