import assert from 'node:assert/strict';
import { test } from 'node:test';
import { proofFileName } from '../recordings/companions.ts';
import { conflictName, recordingAt } from '../recordings/names.ts';
import {
  type DiskFile,
  type DiskRetention,
  dayMs,
  earliestPlausibleMs,
  isExpired,
  judgeClock,
  planDiskCleanUp,
  planDriveCleanUp,
} from './retention.ts';

const hourMs = 3600_000;
const nowMs = Date.UTC(2026, 10, 22, 13, 30);
const ago = (days: number) => recordingAt(nowMs - days * dayMs, hourMs);
/** A recording for every hour from `from` to `to` days ago. */
const everyHour = (from: number, to: number) =>
  Array.from({ length: Math.round((from - to) * 24) + 1 }, (_, hour) => ago(from - hour / 24));

test('a recording is past retention when its end is, and never with a retention of 0', () => {
  const name = recordingAt(nowMs - 10 * dayMs, hourMs);
  const endMs = name.startMs + name.lengthMs;
  assert.equal(isExpired(name, endMs + dayMs, dayMs), false);
  assert.equal(isExpired(name, endMs + dayMs + 1, dayMs), true);
  assert.equal(isExpired(name, nowMs, 0), false);
});

test('a clock that goes on from the newest recording is trusted', () => {
  assert.deepEqual(judgeClock(nowMs, false, everyHour(20, 0)), { plausible: true });
  assert.deepEqual(judgeClock(nowMs, false, []), { plausible: true });
});

test('a clock that was never set is not trusted, whatever the system says', () => {
  assert.equal(judgeClock(earliestPlausibleMs - 1, true, []).plausible, false);
});

test('a clock far ahead of the newest recording is not trusted unless a time server set it', () => {
  const names = everyHour(20, 3);
  assert.equal(judgeClock(nowMs, false, names).plausible, false);
  assert.equal(judgeClock(nowMs, true, names).plausible, true);
});

test('recordings made under a clock that just jumped ahead do not vouch for it', () => {
  const jumped = nowMs + 3650 * dayMs;
  const after = recordingAt(jumped, hourMs);
  assert.equal(judgeClock(jumped, false, [...everyHour(20, 0), after]).plausible, false);
});

test('a camera that was off for weeks is cleaned up after a day of steady time', () => {
  const before = everyHour(60, 40);
  assert.equal(judgeClock(nowMs, false, [...before, ...everyHour(0.9, 0)]).plausible, false);
  assert.equal(judgeClock(nowMs, false, [...before, ...everyHour(1.1, 0)]).plausible, true);
});

test('a name from the future, which anybody can put on a drive, holds nothing up', () => {
  const future = recordingAt(Date.UTC(2099, 0, 1), hourMs);
  assert.deepEqual(judgeClock(nowMs, false, [...everyHour(20, 0), future]), { plausible: true });
});

const disk: DiskRetention = { nowMs, retentionMs: 14 * dayMs, drive: undefined, removeUnrecognised: false };
const file = (name: string, extra: Partial<DiskFile> = {}): DiskFile => ({
  name,
  bytes: 10,
  modifiedMs: nowMs - 100 * dayMs,
  regular: true,
  ...extra,
});
const [old, older, young] = [ago(15).fileName, ago(16).fileName, ago(13).fileName];

test('without a drive, recordings past retention go and the others stay', () => {
  assert.deepEqual(planDiskCleanUp([file(old), file(older), file(young)], disk), {
    remove: [old, older],
    heldBack: [],
  });
});

test('the newest recording stays whatever its age', () => {
  assert.deepEqual(planDiskCleanUp([file(old), file(older)], disk).remove, [older]);
});

test('what the drive does not hold completely is kept past retention', () => {
  const drive = { retentionMs: 90 * dayMs, confirmedBytes: { [old]: 9, [older]: 10 } };
  assert.deepEqual(planDiskCleanUp([file(old), file(older), file(young)], { ...disk, drive }), {
    remove: [older],
    heldBack: [old],
  });
});

test('what the drive would not keep either is not waited for', () => {
  const drive = { retentionMs: 7 * dayMs, confirmedBytes: {} };
  assert.deepEqual(planDiskCleanUp([file(old), file(young)], { ...disk, drive }).remove, [old]);
});

test('unrecognised files stay unless asked for, and then only old plain ones go', () => {
  const files = [
    file('notes.txt'),
    file('today.txt', { modifiedMs: nowMs - hourMs }),
    file('directory', { regular: false }),
    file(`${old}.part`),
    file(young),
  ];
  assert.deepEqual(planDiskCleanUp(files, disk).remove, []);
  assert.deepEqual(planDiskCleanUp(files, { ...disk, removeUnrecognised: true }).remove, [
    'notes.txt',
    `${old}.part`,
  ]);
});

test('a file of today is not removed even with a retention of minutes', () => {
  const options = { ...disk, retentionMs: 60_000, removeUnrecognised: true };
  assert.deepEqual(planDiskCleanUp([file('x', { modifiedMs: nowMs - hourMs })], options).remove, []);
});

test('something that is no plain file is not removed though it is called like an old recording', () => {
  assert.deepEqual(planDiskCleanUp([file(old, { regular: false }), file(young)], disk).remove, []);
});

const onDrive = (name: string, modifiedMs?: number) => ({ name, sizeBytes: 1, modifiedMs });

test('on the drive, recordings and their conflict copies go by the time in their name', () => {
  const conflict = conflictName(ago(15), 2).fileName;
  const listing = [
    onDrive(old),
    onDrive(conflict),
    onDrive(young),
    onDrive('../rec'),
    onDrive('notes.txt', 0),
  ];
  const options = { nowMs, retentionMs: 14 * dayMs, removeUnrecognised: false };
  assert.deepEqual(planDriveCleanUp(listing, options), [old, conflict]);
  assert.deepEqual(planDriveCleanUp(listing, { ...options, retentionMs: 0 }), []);
});

test('on the drive, unrecognised files go only if asked for and only where their age is told', () => {
  const listing = [onDrive('old.txt', 0), onDrive('unknown.txt'), onDrive('new.txt', nowMs - dayMs)];
  const options = { nowMs, retentionMs: 14 * dayMs, removeUnrecognised: true };
  assert.deepEqual(planDriveCleanUp(listing, options), ['old.txt']);
  assert.deepEqual(planDriveCleanUp(listing, { ...options, retentionMs: 0 }), []);
});

test('proofs go with their recordings: on the drive by age, on the disk once the drive has them', () => {
  const [old, past, fresh] = [ago(90), ago(20), ago(1)];
  const proof = (name: { fileName: string }, number?: number): string => proofFileName(name.fileName, number);
  const tree = 'tree-20260115T080000Z-0123456789abcdef.json';
  const names = [old, past, fresh].flatMap((name) => [name.fileName, proof(name)]);
  const drive = [...names, proof(old, 2), tree].map((name) => ({ name, sizeBytes: 10, modifiedMs: 0 }));
  assert.deepEqual(planDriveCleanUp(drive, { nowMs, retentionMs: 30 * dayMs, removeUnrecognised: true }), [
    ...[old.fileName, proof(old), proof(old, 2)],
  ]);
  const files: DiskFile[] = [...names, tree].map((name) => ({
    name,
    bytes: 10,
    modifiedMs: 0,
    regular: true,
  }));
  const options = { nowMs, retentionMs: 10 * dayMs, removeUnrecognised: true };
  const confirmed = (...some: string[]) => Object.fromEntries(some.map((name) => [name, 10]));
  const on = (confirmedBytes: Record<string, number>, some = files) =>
    planDiskCleanUp(some, { ...options, drive: { retentionMs: 30 * dayMs, confirmedBytes } }).remove;
  assert.deepEqual(on(confirmed(past.fileName)), [old.fileName, past.fileName, proof(old)]);
  assert.deepEqual(on(confirmed(past.fileName, proof(past))), [
    old.fileName,
    past.fileName,
    proof(old),
    proof(past),
  ]);
  assert.deepEqual(on(confirmed(proof(past))), [old.fileName, proof(old)]);
  // One that came after its recording was removed, also for a full disk.
  const alone = files.filter(({ name }) => name !== fresh.fileName && name !== past.fileName);
  assert.deepEqual(on(confirmed(proof(fresh)), alone).includes(proof(fresh)), true);
  assert.deepEqual(on({}, alone).includes(proof(fresh)), false);
  assert.deepEqual(
    planDiskCleanUp(alone, { ...options, drive: undefined }).remove.includes(proof(fresh)),
    true,
  );
});
