import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { type LedgerCamera, makeLedgerCamera } from '../../test/support/ledger-camera.ts';
import { usualContracts } from '../chain/usual-contracts.ts';

let camera: LedgerCamera;
beforeEach(async () => {
  // Nobody listens on port 1: no node answers.
  camera = await makeLedgerCamera(usualContracts(), { chainId: 4242, rpcUrls: ['http://127.0.0.1:1/'] });
});
afterEach(async () => {
  mock.reset();
  await camera.remove();
});

test('a service that runs for long leaves nothing behind at the signal that ends it', async () => {
  const listeners = new Map<EventTarget, number>();
  const count = (target: EventTarget, change: number): void =>
    void listeners.set(target, (listeners.get(target) ?? 0) + change);
  const { addEventListener, removeEventListener } = EventTarget.prototype;
  mock.method(EventTarget.prototype, 'addEventListener', function (this: EventTarget, ...words: never[]) {
    if (words[0] === 'abort') count(this, 1);
    return Reflect.apply(addEventListener, this, words);
  });
  mock.method(EventTarget.prototype, 'removeEventListener', function (this: EventTarget, ...words: never[]) {
    if (words[0] === 'abort') count(this, -1);
    return Reflect.apply(removeEventListener, this, words);
  });
  const running = camera.start();
  await pause(2000);
  const most = Math.max(...listeners.values());
  await running.stop();
  assert.ok(listeners.size > 0);
  assert.ok(most <= 3, `${most} at one signal`);
});

test('its state is written one after the other, and that it ended comes last', async () => {
  mock.timers.enable({ apis: ['setInterval'] });
  const running = camera.start();
  await pause(300);
  for (let times = 0; times < 30; times++) mock.timers.tick(10_000);
  await running.stop();
  await pause(200);
  assert.deepEqual(
    camera.log.filter((line) => line.includes('the state cannot be written')),
    [],
  );
  assert.notEqual((await camera.state())?.stoppedMs, undefined);
});
