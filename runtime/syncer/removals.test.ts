import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { EncroCamError } from '../errors.ts';
import { createLogger } from '../log.ts';
import { maxRefusals, Removals, refusedRemovalHoldMs } from './removals.ts';

const error = new EncroCamError('STORAGE_REFUSED', 'no');
const hourMs = 3600_000;

function scene(): { clock: FakeClock; log: string[]; removals: Removals } {
  const clock = new FakeClock(0);
  const log: string[] = [];
  const logger = createLogger({ level: 'info', format: 'journal', write: (line) => void log.push(line) });
  return { clock, log, removals: new Removals(clock, logger, 'memory:/') };
}

/** One clean-up on a drive that refuses what `refuses` says; the names that were tried. */
function cleanUp(removals: Removals, names: string[], refuses: (name: string) => boolean): string[] {
  const tried: string[] = [];
  for (const name of removals.due(names)) {
    tried.push(name);
    if (!refuses(name)) removals.removed(name);
    else if (!removals.refusedFor(name, error)) break;
  }
  return tried;
}

test('a drive that refuses every removal is asked a few times, then once a day, and it is said once', () => {
  const { clock, log, removals } = scene();
  const names = ['a', 'b', 'c', 'd', 'e'];
  let asked = cleanUp(removals, names, () => true).length;
  assert.equal(asked, maxRefusals);
  assert.equal(removals.refused, 5);
  for (let hour = 1; hour <= 10 * 24; hour++) {
    clock.advance(hourMs);
    // Every hour another one comes of age, and the server removes the oldest.
    asked += cleanUp(removals, [...names.slice(hour % 3), `hour-${hour}`], () => true).length;
  }
  assert.ok(asked <= maxRefusals + 10, `${asked} removals were tried in ten days`);
  assert.equal(log.length, 1, log.join(''));
  assert.match(log[0] ?? '', /does not let old recordings be removed/);
});

test('the server that keeps no file past retention does not make the refusal be said again', () => {
  const { clock, log, removals } = scene();
  for (let day = 0; day < 5; day++) {
    cleanUp(removals, [`day-${day}`], () => true);
    clock.advance(hourMs);
    cleanUp(removals, [], () => true);
    assert.equal(removals.refused, 0);
    clock.advance(refusedRemovalHoldMs);
  }
  assert.equal(log.length, 1, log.join(''));
});

test('one file that stays does not keep the others', () => {
  const { clock, removals } = scene();
  const isAlien = (name: string): boolean => name === 'alien';
  assert.deepEqual(cleanUp(removals, ['alien', 'b', 'c', 'd', 'e'], isAlien), ['alien', 'b', 'c', 'd', 'e']);
  assert.equal(removals.refused, 1);
  clock.advance(hourMs);
  assert.deepEqual(cleanUp(removals, ['alien', 'f'], isAlien), ['f']);
  clock.advance(refusedRemovalHoldMs);
  assert.deepEqual(
    cleanUp(removals, ['alien'], () => false),
    ['alien'],
  );
  assert.equal(removals.refused, undefined);
});

test('rights that come back are noticed within a day, and said', () => {
  const { clock, log, removals } = scene();
  const names = ['a', 'b', 'c', 'd'];
  cleanUp(removals, names, () => true);
  clock.advance(refusedRemovalHoldMs);
  assert.deepEqual(
    cleanUp(removals, names, () => false),
    names,
  );
  assert.match(log.at(-1) ?? '', /lets old recordings be removed again/);
  assert.equal(removals.refused, undefined);
});
