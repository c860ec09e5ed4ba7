/** Real programs and a real HTTP server: well, failing, hanging, lying, absent. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { after, type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { MotionConfig } from '../config/types.ts';
import { createLogger } from '../log.ts';
import { FakeClock } from './fakes.ts';
import type { MotionBegins } from './motion.ts';
import { MotionActions } from './motion-actions.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'encrocam-actions-'));
after(() => rmSync(scratch, { recursive: true }));

const quick = { timeoutMs: 500, attempts: 3, firstPauseMs: 10, maxPauseMs: 20 };
const secret = 'hunter2';

interface Called {
  readonly actions: MotionActions;
  readonly clock: FakeClock;
  readonly log: string[];
  readonly begins: (zone?: string, score?: number) => void;
  /** A log line that matches, however late. */
  readonly logged: (pattern: RegExp) => Promise<string>;
}

function actionsWith(context: TestContext, motion: Partial<MotionConfig>): Called {
  const clock = new FakeClock();
  const log: string[] = [];
  const logger = createLogger({ level: 'debug', format: 'text', write: (line) => void log.push(line) });
  const actions = new MotionActions({
    ...{ camera: 'front', clock, logger, webhookBounds: quick },
    motion: { sensitivity: 50, holdSeconds: 5, cooldownSeconds: 60, commandTimeoutSeconds: 30, ...motion },
  });
  context.after(() => actions.stop());
  const begins = (zone = 'door', score = 1.5): void => {
    const mark: MotionBegins = { kind: 'begins', zone, score, timeMs: 0 };
    const startMs = performance.now();
    actions.begins(mark);
    assert.ok(performance.now() - startMs < 200, 'it returns at once');
  };
  const logged = async (pattern: RegExp): Promise<string> => {
    for (let waits = 0; waits < 500; waits++) {
      const line = log.find((one) => pattern.test(one));
      if (line !== undefined) return line;
      await delay(20);
    }
    throw new Error(`no line like ${pattern}: ${log.join('')}`);
  };
  return { actions, clock, log, begins, logged };
}

async function serve(
  context: TestContext,
  answer: (request: IncomingMessage, response: ServerResponse, body: string) => void,
): Promise<{ url: string; bodies: string[] }> {
  const bodies: string[] = [];
  const server = createServer(async (request, response) => {
    const body = await text(request);
    bodies.push(body);
    answer(request, response, body);
  });
  return { url: await listening(context, server), bodies };
}

async function listening(context: TestContext, server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/${secret}`;
}

/** A shell as the owner's program; none is involved in starting it. */
const shell = (script: string): NonNullable<MotionConfig['command']> => ['/bin/sh', '-c', script];

test('the program is told what happened, in its environment and on standard input, and nothing else of ours', async (context) => {
  process.env.ENCROCAM_TEST_SECRET = secret;
  context.after(() => delete process.env.ENCROCAM_TEST_SECRET);
  const file = path.join(scratch, 'told');
  const { begins, logged, clock } = actionsWith(context, { command: shell(`cat > ${file}; env >> ${file}`) });
  begins('door', 2.25);
  await logged(/motion.command was told/);
  const [json = '', ...environment] = readFileSync(file, 'utf8').trim().split('\n');
  const time = new Date(clock.nowMs()).toISOString();
  assert.deepEqual(JSON.parse(json), { what: 'motion', camera: 'front', zone: 'door', score: 2.25, time });
  const names = environment.filter((line) => line.startsWith('ENCROCAM_')).sort();
  assert.deepEqual(names, [
    ...['ENCROCAM_CAMERA=front', 'ENCROCAM_SCORE=2.25', `ENCROCAM_TIME=${time}`, 'ENCROCAM_ZONE=door'],
  ]);
});

test('arguments are no shell text', async (context) => {
  const file = path.join(scratch, 'not-made');
  const { begins, logged } = actionsWith(context, { command: ['/bin/echo', `; touch ${file}`, '$(id)'] });
  begins();
  await logged(/was told/);
  assert.throws(() => readFileSync(file), { code: 'ENOENT' });
});

test('a program that is absent, fails, or reads nothing is a line in the log', async (context) => {
  const cases: [NonNullable<MotionConfig['command']>, RegExp][] = [
    [['/no/such/program'], /motion.command failed.*cannot be started.*ENOENT/],
    [shell('echo first >&2; echo the lamp is gone >&2; exit 3'), /ended with code 3 \(the lamp is gone\)/],
    [shell('kill -9 $$'), /ended with SIGKILL/],
    [shell('exec <&-; head -c 10000000 /dev/zero | tr "\\0" x >&2; exit 0'), /was told/],
  ];
  for (const [command, expected] of cases) {
    const { begins, logged } = actionsWith(context, { command });
    begins();
    await logged(expected);
  }
});

test('a program that hangs is killed with all that it started', async (context) => {
  const file = path.join(scratch, 'children');
  const { begins, logged } = actionsWith(context, {
    ...{ command: shell(`sleep 300 & echo $! > ${file}; wait`), commandTimeoutSeconds: 0.5 },
  });
  begins();
  await logged(/killed after 0.5 s/);
  const child = Number(readFileSync(file, 'utf8'));
  for (let waits = 0; waits < 100 && isRunning(child); waits++) await delay(20);
  assert.ok(!isRunning(child));
});

function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

test('one program runs at a time, and each zone that moved meanwhile has its turn once', async (context) => {
  const file = path.join(scratch, 'turns');
  const script = `echo begin $ENCROCAM_ZONE >> ${file}; sleep 0.2; echo end $ENCROCAM_ZONE >> ${file}`;
  const { begins, log } = actionsWith(context, { command: shell(script), cooldownSeconds: 0 });
  for (const zone of ['a', 'b', 'b', 'c', 'b']) {
    begins(zone);
    await delay(5);
  }
  while (log.length < 3) await delay(20);
  await delay(300);
  const turns = readFileSync(file, 'utf8').trim().split('\n');
  assert.deepEqual(
    turns,
    ['a', 'b', 'c'].flatMap((zone) => [`begin ${zone}`, `end ${zone}`]),
  );
});

test('within its cool-down time a zone is told of once, another at once', async (context) => {
  const { url, bodies } = await serve(context, (_, response) => response.end());
  const { begins, clock } = actionsWith(context, { webhook: url });
  const zones = (): string[] => bodies.map((body) => JSON.parse(body).zone as string);
  const told = async (expected: string[]): Promise<void> => {
    while (zones().length < expected.length) await delay(10);
    await delay(50);
    assert.deepEqual(zones(), expected);
  };
  begins('door');
  begins('gate');
  await told(['door', 'gate']);
  await clock.pass(59_000);
  begins('door');
  await told(['door', 'gate']);
  await clock.pass(1000);
  begins('door');
  await told(['door', 'gate', 'door']);
});

test('an address that fails is tried three times, and is never in the log', async (context) => {
  const { url, bodies } = await serve(context, (_, response) => response.writeHead(503).end(secret));
  const { begins, logged, log } = actionsWith(context, { webhook: url });
  begins();
  await logged(/motion.webhook failed.*status 503/);
  assert.equal(bodies.length, 3);
  assert.doesNotMatch(log.join(''), /hunter2|127\.0\.0\.1/);
});

test('an address that refuses is not asked again, and no redirect is followed', async (context) => {
  const elsewhere = await serve(context, (_, response) => response.end());
  for (const [status, expected] of [
    [404, /status 404/],
    [307, /redirects \(status 307\)/],
  ] as const) {
    const { url, bodies } = await serve(context, (_, response) =>
      response.writeHead(status, { location: elsewhere.url }).end(),
    );
    const { begins, logged, log } = actionsWith(context, { webhook: url });
    begins();
    await logged(expected);
    assert.equal(bodies.length, 1);
    assert.doesNotMatch(log.join(''), /hunter2/);
  }
  assert.equal(elsewhere.bodies.length, 0);
});

test('an address that hangs, is absent, speaks something else, or has no end is given up', async (context) => {
  const mute = await listening(context, createTcpServer(() => undefined).unref());
  const liar = await listening(
    context,
    createTcpServer((socket) => socket.end('220 ready\r\n')),
  );
  const closed = createTcpServer();
  const absent = await listening(context, closed);
  closed.close();
  for (const [webhook, expected] of [
    [mute, /no answer within 0.5 s/],
    [liar, /failed.*HPE_/],
    [absent, /ECONNREFUSED/],
    ['http://127.0.0.1:99999/hunter2', /the address is none/],
  ] as const) {
    const { begins, logged, log } = actionsWith(context, { webhook });
    begins();
    await logged(expected);
    assert.doesNotMatch(log.join(''), /hunter2|127\.0\.0\.1/);
  }
  let sent = 0;
  const endless = await serve(context, (_, response) => {
    const more = (): void => {
      while (response.writable && response.write(Buffer.alloc(65_536))) sent += 65_536;
      if (response.writable) response.once('drain', more);
    };
    more();
  });
  const { begins, logged } = actionsWith(context, { webhook: endless.url });
  begins();
  await logged(/was told/);
  assert.ok(sent < 10_000_000, `${sent} bytes were taken`);
});

test('stopping ends what runs, at once, and nothing is called afterwards', async (context) => {
  const mute = await listening(context, createTcpServer(() => undefined).unref());
  const { actions, begins, log } = actionsWith(context, { command: shell('sleep 300'), webhook: mute });
  begins();
  begins('gate');
  await delay(100);
  const startMs = performance.now();
  await actions.stop();
  assert.ok(performance.now() - startMs < 400);
  begins('yard');
  await delay(50);
  assert.deepEqual(log, []);
});
