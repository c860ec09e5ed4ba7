/** Writes a {@link Status} for people: aligned, with how long ago and the local time. */
import { localTime, printable } from '../log.ts';
import type { CameraStatus, ServiceStatus, Status } from './status.ts';

export function statusText(status: Status): string {
  const { nowMs } = status;
  const lines: [name: string, value: string][] = [
    ['recorder', serviceText(status.recorder, nowMs)],
    ['syncer', serviceText(status.syncer, nowMs)],
  ];
  const { location, nextRetentionMs, lastMonitorMs } = status.syncer;
  if (location !== undefined) lines.push(['drive', location]);
  if (lastMonitorMs !== undefined) lines.push(['monitor called', when(lastMonitorMs, nowMs)]);
  if (nextRetentionMs !== undefined && status.syncer.activity === 'running') {
    lines.push(['next retention', when(nextRetentionMs, nowMs)]);
  }
  const ledger = status.ledger ? [ledgerText(status.ledger, nowMs)] : [];
  const blocks = [aligned(lines), ...ledger, ...status.cameras.map((camera) => cameraText(camera, nowMs))];
  blocks.push(
    status.healthy
      ? 'All is well.\n'
      : status.problems.map((problem) => `! ${printable(problem)}\n`).join(''),
  );
  return blocks.join('\n');
}

function serviceText(
  { activity, pid, startedMs, updatedMs, stoppedMs }: ServiceStatus,
  nowMs: number,
): string {
  switch (activity) {
    case 'never-started':
      return 'never started';
    case 'stopped':
      return `stopped ${when(stoppedMs ?? nowMs, nowMs)}`;
    case 'killed':
      return `gone without saying so; last heard of ${when(updatedMs ?? nowMs, nowMs)}`;
    case 'not-responding':
      return `not responding (process ${pid}); last heard of ${when(updatedMs ?? nowMs, nowMs)}`;
    case 'running':
      return `running (process ${pid}), started ${when(startedMs ?? nowMs, nowMs)}`;
  }
}

function ledgerText(ledger: NonNullable<Status['ledger']>, nowMs: number): string {
  const lines: [name: string, value: string][] = [['service', serviceText(ledger, nowMs)]];
  const { address, chainId, balance, owner, treesCommitted, treesWaiting, oldestWaitingMs, newestBlock } =
    ledger;
  if (address !== undefined) lines.push(['address', `${address} on chain ${chainId}`]);
  if (balance !== undefined)
    lines.push(['balance', `${balance} coins${ledger.isBalanceLow === true ? ', low' : ''}`]);
  if (owner) {
    const claimed = { true: 'claimed', false: 'not claimed yet', undefined: 'not known whether claimed' };
    lines.push(['owner', `${owner.address}, ${claimed[`${owner.isClaimed}`]}`]);
  }
  if (treesCommitted !== undefined) lines.push(['trees', `${treesCommitted} on the chain`]);
  if (treesWaiting !== undefined && treesWaiting > 0) {
    const oldest = oldestWaitingMs === undefined ? '' : `, the oldest since ${when(oldestWaitingMs, nowMs)}`;
    lines.push(['waiting', `${treesWaiting}${ledger.sending === true ? ', being sent' : ''}${oldest}`]);
  }
  if (newestBlock)
    lines.push(['newest block', `${newestBlock.height}, of ${when(newestBlock.timeMs, nowMs)}`]);
  if (ledger.problem) lines.push(['problem', ledger.problem.text]);
  return `ledger\n${aligned(lines.map(([label, value]) => [`  ${label}`, value]))}`;
}

function cameraText({ name, recorder, syncer }: CameraStatus, nowMs: number): string {
  const lines: [name: string, value: string][] = [];
  if (recorder) {
    const encoder = recorder.encoder === undefined ? '' : ` with ${recorder.encoder}`;
    lines.push([
      'recording',
      `${recorder.activity}${encoder}, ${size(recorder.bytesWritten)} since the start`,
    ]);
    if (recorder.lastWriteMs !== undefined) lines.push(['last write', when(recorder.lastWriteMs, nowMs)]);
    if (recorder.restarts > 0) {
      lines.push(['interruptions', `${recorder.restarts}, ${duration(recorder.gapMs)} without video`]);
    }
    if (recorder.lastProblem !== undefined) lines.push(['last problem', recorder.lastProblem]);
  }
  if (syncer) {
    lines.push(['upload', `${syncer.activity}, ${size(syncer.bytesUploaded)} since the start`]);
    if (syncer.lastUploadMs !== undefined) lines.push(['last upload', when(syncer.lastUploadMs, nowMs)]);
    const { backlogBytes, backlogFiles } = syncer;
    const files = `${backlogFiles} ${backlogFiles === 1 ? 'recording' : 'recordings'}`;
    lines.push(['backlog', backlogFiles === 0 ? 'none' : `${size(backlogBytes)} in ${files}`]);
    if (syncer.removalsRefused !== undefined) {
      const past = `${syncer.removalsRefused} past retention there`;
      lines.push(['retention', `left to the drive, which refuses removals (${past})`]);
    }
    if (syncer.vanishedRecordings !== undefined) {
      lines.push(['gone from drive', `${syncer.vanishedRecordings} before their time, uploaded again`]);
    }
    if (syncer.lastProblem !== undefined) lines.push(['last problem', syncer.lastProblem]);
  }
  if (lines.length === 0) lines.push(['state', 'unknown']);
  return `${name}\n${aligned(lines.map(([label, value]) => [`  ${label}`, value]))}`;
}

/** `12 s ago (2026-11-22 13:37:05 +01:00)`, or `in 12 min (…)`. */
export function when(timeMs: number, nowMs: number): string {
  const distance = duration(Math.abs(nowMs - timeMs));
  const local = localTime(new Date(timeMs)).replace(/\.\d{3}/, '');
  return `${timeMs > nowMs ? `in ${distance}` : `${distance} ago`} (${local})`;
}

/** The one unit that says most: `45 s`, `12 min`, `3 h`, `5 days`. */
export function duration(durationMs: number): string {
  const seconds = Math.round(durationMs / 1000);
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 120 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}

/** In decimal units, as drives are sold: `999 bytes`, `1.2 MB`. */
export function size(bytes: number): string {
  if (bytes < 1000) return `${bytes} bytes`;
  const units = ['kB', 'MB', 'GB', 'TB'];
  const power = Math.min(Math.floor(Math.log10(bytes) / 3), units.length);
  return `${(bytes / 1000 ** power).toFixed(1)} ${units[power - 1]}`;
}

function aligned(lines: readonly (readonly [name: string, value: string])[]): string {
  const width = Math.max(...lines.map(([name]) => name.length));
  return lines.map(([name, value]) => `${name.padEnd(width)}  ${printable(value)}\n`).join('');
}
