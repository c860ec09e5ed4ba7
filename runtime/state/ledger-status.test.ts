import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import {
  type LedgerProblemKind,
  type LedgerState,
  ledgerAlarm,
  ledgerStateIntervalMs,
  readLedgerState,
  weiOfCoins,
  writeLedgerState,
} from './ledger-state.ts';
import { stateDirectory } from './state.ts';
import { statusOf } from './status.ts';
import { statusText } from './status-text.ts';

const nowMs = Date.UTC(2026, 10, 22, 13, 30);
const periodMs = 3600_000;

function ledger(changes: Partial<LedgerState> = {}): LedgerState {
  return {
    ...{ service: 'ledger', pid: 12, startedMs: nowMs - periodMs, updatedMs: nowMs - 1000 },
    ...{ chainId: 4242, address: `0x${'c0'.repeat(20)}`, balanceWei: '250000000000000000' },
    owner: { address: `0x${'0e'.repeat(20)}`, isClaimed: true },
    ...{ treesCommitted: 7, treesWaiting: 2, oldestWaitingMs: nowMs - 1000, activity: 'sending' },
    newestBlock: { height: 99, timeMs: nowMs - 12_000, readMs: nowMs - 1000 },
    ...changes,
  };
}

const problem = (kind: LedgerProblemKind) => ({ kind, text: `about ${kind}`, sinceMs: nowMs });

/** Services beside it are of no interest here. */
function statusWith(state: LedgerState | undefined, isAlive = true) {
  const service = { pid: 1, startedMs: nowMs, updatedMs: nowMs, cameras: [] };
  return statusOf({
    ...{ nowMs, cameras: [], hasDrive: false, isAlive: (pid) => pid === 1 || isAlive },
    recorder: { service: 'record', bootId: 'this', ...service },
    syncer: { service: 'sync', location: 'none', ...service },
    ledger: { periodMs, lowBalance: 0.1, state },
  });
}

test('a ledger that works is healthy, and everything of it is told', () => {
  const status = statusWith(ledger());
  assert.deepEqual(status.problems, []);
  assert.equal(status.ledger?.activity, 'running');
  assert.equal(status.ledger.balance, 0.25);
  assert.equal(status.ledger.isBalanceLow, false);
  const text = statusText(status);
  for (const part of [
    `address       0x${'c0'.repeat(20)} on chain 4242`,
    'balance       0.25 coins\n',
    `owner         0x${'0e'.repeat(20)}, claimed`,
    'trees         7 on the chain',
    'waiting       2, being sent, the oldest since 1 s ago',
    'newest block  99, of 12 s ago',
  ]) {
    assert.ok(text.includes(part), `${part} is missing in\n${text}`);
  }
});

test('a low balance is told, and is no problem yet', () => {
  const status = statusWith(ledger({ balanceWei: `${weiOfCoins(0.1) - 1n}` }));
  assert.equal(status.ledger?.isBalanceLow, true);
  assert.equal(status.healthy, true);
  assert.match(statusText(status), / coins, low\n/);
  assert.equal(statusWith(ledger({ balanceWei: `${weiOfCoins(0.1)}` })).ledger?.isBalanceLow, false);
});

test('what mends itself is a problem once a tree waits for more than a period', () => {
  const longAgo = nowMs - periodMs - 1;
  for (const kind of ['empty', 'fee', 'nodes'] as const) {
    assert.deepEqual(statusWith(ledger({ problem: problem(kind) })).problems, []);
    const late = statusWith(ledger({ problem: problem(kind), oldestWaitingMs: longAgo }));
    assert.deepEqual(late.problems, [`ledger: about ${kind}`]);
  }
  for (const kind of ['refused', 'conflict', 'identity', 'chain', 'other'] as const) {
    assert.deepEqual(statusWith(ledger({ problem: problem(kind) })).problems, [`ledger: about ${kind}`]);
  }
});

test('a service that is not there is a problem where the configuration has a ledger', () => {
  assert.match(statusWith(undefined).problems.join(), /ledger was never started/);
  assert.match(statusWith(ledger(), false).problems.join(), /ledger ended without/);
  assert.match(statusWith(ledger({ stoppedMs: nowMs })).problems.join(), /ledger is stopped/);
  const hangs = ledger({ updatedMs: nowMs - 3 * ledgerStateIntervalMs - 1 });
  assert.match(statusWith(hangs).problems.join(), /ledger does not respond/);
});

test('the monitor is told of an empty wallet once a tree waits for more than a period, and of nothing else', () => {
  const about = (changes: Partial<LedgerState>) => ledgerAlarm(ledger(changes), { periodMs, nowMs });
  const longAgo = nowMs - periodMs - 1;
  assert.equal(about({ problem: problem('empty'), oldestWaitingMs: longAgo }), 'about empty');
  assert.equal(about({ problem: problem('empty') }), undefined);
  assert.equal(about({ problem: problem('fee'), oldestWaitingMs: longAgo }), undefined);
  assert.equal(about({ balanceWei: '0', oldestWaitingMs: longAgo }), undefined);
  assert.equal(ledgerAlarm(undefined, { periodMs, nowMs }), undefined);
});

test('the state file is read as it was written, and anything else is none', async (context) => {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'encrocam-ledger-'));
  context.after(() => rm(directory, { recursive: true }));
  assert.equal(await readLedgerState(directory), undefined);
  await writeLedgerState(directory, ledger());
  assert.deepEqual(await readLedgerState(directory), ledger());
  for (const text of ['', '{"service":"led', '{"service":"sync","pid":1}', 'null', 'x'.repeat(70_000)]) {
    await writeFile(path.join(stateDirectory(directory), 'ledger.json'), text);
    assert.equal(await readLedgerState(directory), undefined);
  }
});
