import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { isEncroCamError } from '../errors.ts';
import { Monitor, signalUrl, stalledAfterMs } from './monitor.ts';
import { callMonitor, maxRedirects } from './monitor-client.ts';

const intervalMs = 300_000;
const camera = (recordedBytes: number, uploadedBytes: number | undefined, name = 'a') => ({
  name,
  recordedBytes,
  uploadedBytes,
});

test('the first call comes as soon as recording and upload have both progressed', () => {
  const monitor = new Monitor({ intervalMs, startAndFailSignals: false });
  assert.equal(monitor.check([camera(100, 50)], 0), undefined);
  assert.equal(monitor.check([camera(200, 50)], 1000), undefined);
  assert.equal(monitor.check([camera(200, 60)], 2000), 'success');
});

test('further calls wait for the interval and for new progress of both', () => {
  const monitor = new Monitor({ intervalMs, startAndFailSignals: false });
  monitor.check([camera(0, 0)], 0);
  assert.equal(monitor.check([camera(1, 1)], 1000), 'success');
  assert.equal(monitor.check([camera(2, 2)], 2000), undefined);
  assert.equal(monitor.check([camera(2, 2)], 80_000), undefined);
  assert.equal(monitor.check([camera(3, 3)], 1000 + intervalMs), 'success');
  assert.equal(monitor.check([camera(4, 3)], 1000 + 2 * intervalMs), undefined);
});

test('one camera that stands still silences the call for all', () => {
  const monitor = new Monitor({ intervalMs, startAndFailSignals: false });
  monitor.check([camera(0, 0, 'a'), camera(0, 0, 'b')], 0);
  assert.equal(monitor.check([camera(9, 9, 'a'), camera(9, 0, 'b')], 1000), undefined);
  assert.equal(monitor.check([camera(9, 9, 'a'), camera(9, 9, 'b')], 2000), 'success');
});

test('without a drive, recording alone counts', () => {
  const monitor = new Monitor({ intervalMs, startAndFailSignals: false });
  monitor.check([camera(0, undefined)], 0);
  assert.equal(monitor.check([camera(1, undefined)], 1000), 'success');
});

test('start and fail are signalled once each, and success at once after a failure', () => {
  const monitor = new Monitor({ intervalMs, startAndFailSignals: true });
  assert.equal(monitor.check([camera(0, 0)], 0), 'start');
  assert.equal(monitor.check([camera(1, 1)], 1000), 'success');
  assert.equal(monitor.check([camera(2, 1)], stalledAfterMs), undefined);
  assert.equal(monitor.check([camera(3, 1)], 1001 + stalledAfterMs), 'fail');
  assert.equal(monitor.check([camera(4, 1)], 3000 + stalledAfterMs), undefined);
  assert.equal(monitor.check([camera(5, 2)], 5000 + stalledAfterMs), 'success');
});

test('something else that is wrong is a failure at once, and silences the calls until it is over', () => {
  const isAlarmed = true;
  for (const startAndFailSignals of [true, false]) {
    const monitor = new Monitor({ intervalMs, startAndFailSignals });
    monitor.check([camera(0, 0)], 0);
    assert.equal(monitor.check([camera(1, 1)], 1000), 'success');
    assert.equal(
      monitor.check([camera(2, 2)], 2000, { isAlarmed }),
      startAndFailSignals ? 'fail' : undefined,
    );
    assert.equal(monitor.check([camera(3, 3)], 2000 + intervalMs, { isAlarmed }), undefined);
    assert.equal(monitor.check([camera(4, 4)], 3000 + intervalMs), 'success');
  }
});

test('a failure is not signalled when signals were not asked for', () => {
  const monitor = new Monitor({ intervalMs, startAndFailSignals: false });
  assert.equal(monitor.check([camera(0, 0)], 0), undefined);
  assert.equal(monitor.check([camera(0, 0)], 10 * stalledAfterMs), undefined);
});

test('signals go behind the path and before the query', () => {
  assert.equal(signalUrl('https://hc.example/uuid', 'success'), 'https://hc.example/uuid');
  assert.equal(signalUrl('https://hc.example/uuid', 'start'), 'https://hc.example/uuid/start');
  assert.equal(signalUrl('https://hc.example/uuid/', 'fail'), 'https://hc.example/uuid/fail');
  assert.equal(
    signalUrl('https://hc.example/uuid?create=1', 'fail'),
    'https://hc.example/uuid/fail?create=1',
  );
});

async function monitorServer(context: TestContext, answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Ours, and without the address in it. */
const failsWithoutSecret = (error: unknown): boolean =>
  isEncroCamError(error, 'INPUT_UNREADABLE') && !`${error.message} ${error.hint}`.includes('secret');

test('a call is a GET, and an answer of 2xx is enough however long its body is', async (context) => {
  let asked: string | undefined;
  const url = await monitorServer(context, (request, response) => {
    asked = `${request.method} ${request.url}`;
    response.writeHead(200);
    response.write(Buffer.alloc(1024));
    // The body never ends: nobody waits for it.
  });
  await callMonitor(`${url}/secret?x=1`, 5000);
  assert.equal(asked, 'GET /secret?x=1');
});

test('redirects are followed, and bounded', async (context) => {
  let requests = 0;
  const url = await monitorServer(context, (request, response) => {
    requests += 1;
    const left = Number(request.url?.slice(1));
    response.writeHead(left === 0 ? 204 : 302, left === 0 ? {} : { location: `/${left - 1}` }).end();
  });
  await callMonitor(`${url}/${maxRedirects}`, 5000);
  assert.equal(requests, maxRedirects + 1);
  await assert.rejects(callMonitor(`${url}/${maxRedirects + 1}`, 5000), failsWithoutSecret);
});

for (const [what, answer] of [
  ['an error', (_, response) => response.writeHead(500).end()],
  ['a redirect to nowhere', (_, response) => response.writeHead(302).end()],
  ['a redirect to a file', (_, response) => response.writeHead(302, { location: 'file:///secret' }).end()],
  [
    'a redirect that is none',
    (_, response) => response.writeHead(302, { location: 'http://secret:99999' }).end(),
  ],
  ['a connection that breaks', (request) => request.socket.destroy()],
] as const satisfies [string, RequestListener][]) {
  test(`${what} is a failure that does not tell the address`, async (context) => {
    const url = await monitorServer(context, answer);
    await assert.rejects(callMonitor(`${url}/secret`, 5000), failsWithoutSecret);
  });
}

test('a monitor that does not answer is given up after the time-out', async (context) => {
  const url = await monitorServer(context, () => undefined);
  await assert.rejects(callMonitor(`${url}/secret`, 50), failsWithoutSecret);
});
