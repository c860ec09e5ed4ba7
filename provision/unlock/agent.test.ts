import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { EncroCamError } from '../../runtime/errors.ts';
import { silentLogger } from '../../runtime/log.ts';
import type { CameraState } from '../state.ts';
import { Agent, listen, maxClients, type Unlocker } from './agent.ts';
import { type AgentClient, connectAgent } from './agent-client.ts';
import { pauseAfterMs } from './attempts.ts';
import { type Event, maxRequestBytes } from './protocol.ts';

class FakeUnlocker implements Unlocker {
  current: CameraState = 'locked';
  trying = 0;
  tried: string[] = [];
  /** Set to hold attempts until it resolves. */
  gate: Promise<void> = Promise.resolve();
  failure: EncroCamError | undefined;

  state = async (): Promise<CameraState> => this.current;
  upTimeMs = async (): Promise<number> => 90_000;
  recordsLocked = async (): Promise<boolean> => true;
  report = async (): Promise<string> => 'all is well\n';

  async unlock(passphrase: string): Promise<undefined> {
    assert.equal(++this.trying, 1, 'two passphrases were tried at once');
    this.tried.push(passphrase);
    await this.gate;
    this.trying--;
    if (this.failure) throw this.failure;
    if (passphrase !== 'right') throw new EncroCamError('PASSPHRASE_WRONG', 'no');
    this.current = 'recording';
    return undefined;
  }
}

/** A front end that keeps what it hears, and can wait for something to be heard. */
class Listener {
  readonly client: AgentClient;
  readonly events: Event[] = [];
  #wake: () => void = () => undefined;

  constructor(client: AgentClient) {
    this.client = client;
    client.onEvent((event) => {
      this.events.push(event);
      this.#wake();
    });
  }

  async next<T extends Event['type']>(type: T): Promise<Extract<Event, { type: T }>> {
    for (;;) {
      const index = this.events.findIndex((event) => event.type === type);
      if (index >= 0) return this.events.splice(0, index + 1).at(-1) as Extract<Event, { type: T }>;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

let directory: string;
let socketPath: string;
let server: net.Server;
let unlocker: FakeUnlocker;
let agent: Agent;
let nowMs: number;
let pauses: number[];
let clients: AgentClient[];

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'encrocam-agent-'));
  socketPath = path.join(directory, 'agent.sock');
  unlocker = new FakeUnlocker();
  nowMs = 1_000_000;
  pauses = [];
  clients = [];
  agent = new Agent({
    unlocker,
    logger: silentLogger,
    now: () => nowMs,
    sleep: async (ms) => {
      pauses.push(ms);
      nowMs += ms;
    },
  });
  server = await listen(agent, { path: socketPath });
});

afterEach(async () => {
  for (const client of clients) client.close();
  await new Promise((resolve) => server.close(resolve));
  await rm(directory, { recursive: true });
});

async function front(from: string): Promise<Listener> {
  const client = await connectAgent(from, socketPath);
  clients.push(client);
  return new Listener(client);
}

test('a front end is told first of all what is locked and since when', async () => {
  const listener = await front('the screen (tty1)');
  assert.deepEqual(await listener.next('state'), {
    type: 'state',
    state: 'locked',
    forMs: 90_000,
    recordsLocked: true,
    wrongAttempts: 0,
  });
});

test('the first right passphrase unlocks, and every front end is told by whom', async () => {
  const one = await front('the screen (tty1)');
  const two = await front('SSH (192.0.2.7)');
  await two.next('state');
  one.client.send({ type: 'passphrase', passphrase: 'right' });
  assert.deepEqual(await one.next('unlocked'), { type: 'unlocked', from: 'the screen (tty1)', you: true });
  assert.deepEqual(await two.next('unlocked'), { type: 'unlocked', from: 'the screen (tty1)', you: false });
});

test('wrong passphrases are counted aloud to everybody, wherever they come from', async () => {
  const one = await front('one');
  const two = await front('two');
  await two.next('state');
  one.client.send({ type: 'passphrase', passphrase: 'wrong' });
  assert.equal((await two.next('wrong')).wrongAttempts, 1);
  two.client.send({ type: 'passphrase', passphrase: 'wrong too' });
  const heard = await one.next('wrong');
  assert.equal(heard.wrongAttempts, 1);
  const second = await one.next('wrong');
  assert.deepEqual([second.wrongAttempts, second.from, second.you], [2, 'two', false]);
  const three = await front('three');
  const state = await three.next('state');
  assert.deepEqual([state.wrongAttempts, state.lastWrongFrom], [2, 'two']);
});

test('the pause grows to half a minute and no further, and attempts are taken for ever', async () => {
  const listener = await front('one');
  for (let attempt = 0; attempt < 12; attempt++) {
    listener.client.send({ type: 'passphrase', passphrase: `wrong ${attempt}` });
    await listener.next('wrong');
  }
  assert.deepEqual(
    pauses.map((ms) => ms / 1000),
    [1, 2, 4, 8, 16, 30, 30, 30, 30, 30],
  );
  listener.client.send({ type: 'passphrase', passphrase: 'right' });
  await listener.next('unlocked');
});

test('the first slip costs no pause', () => {
  assert.deepEqual([0, 1, 2, 3].map(pauseAfterMs), [0, 0, 1000, 2000]);
  assert.equal(pauseAfterMs(1e9), 30_000);
});

test('passphrases of several front ends are tried one after the other', async () => {
  let open: () => void = () => undefined;
  unlocker.gate = new Promise((resolve) => {
    open = resolve;
  });
  const fronts = await Promise.all(['a', 'b', 'c'].map(front));
  for (const listener of fronts) await listener.next('state');
  for (const listener of fronts) listener.client.send({ type: 'passphrase', passphrase: 'wrong' });
  await fronts[0]?.next('trying');
  open();
  for (const listener of fronts) {
    for (let count = 1; count <= 3; count++)
      assert.equal((await listener.next('wrong')).wrongAttempts, count);
  }
  assert.equal(unlocker.tried.length, 3);
});

test('a front end has one passphrase in the queue, however many it sends', async () => {
  let open: () => void = () => undefined;
  unlocker.gate = new Promise((resolve) => {
    open = resolve;
  });
  const listener = await front('flood');
  for (let count = 0; count < 50; count++) {
    listener.client.send({ type: 'passphrase', passphrase: `wrong ${count}` });
  }
  await listener.next('trying');
  open();
  await listener.next('wrong');
  // A report comes back after everything that was sent before it.
  listener.client.send({ type: 'report' });
  await listener.next('report');
  assert.deepEqual(unlocker.tried, ['wrong 0']);
});

test('who waits while another unlocks is told the state instead of a wrong passphrase', async () => {
  let open: () => void = () => undefined;
  unlocker.gate = new Promise((resolve) => {
    open = resolve;
  });
  const one = await front('one');
  const two = await front('two');
  await two.next('state');
  one.client.send({ type: 'passphrase', passphrase: 'right' });
  await two.next('trying');
  two.client.send({ type: 'passphrase', passphrase: 'wrong' });
  open();
  await two.next('unlocked');
  assert.equal((await two.next('state')).state, 'recording');
  assert.deepEqual(unlocker.tried, ['right']);
});

test('what is wrong with the volume is told to everybody and is no wrong passphrase', async () => {
  unlocker.failure = new EncroCamError('VOLUME_UNUSABLE', 'the file system is damaged', { hint: 'check it' });
  const one = await front('one');
  const two = await front('two');
  await two.next('state');
  one.client.send({ type: 'passphrase', passphrase: 'right' });
  for (const listener of [one, two]) {
    const failed = await listener.next('failed');
    assert.deepEqual([failed.code, failed.hint], ['VOLUME_UNUSABLE', 'check it']);
  }
  assert.equal((await (await front('three')).next('state')).wrongAttempts, 0);
});

test('whoever talks nonsense, or without end, is hung up on; the others are served', async () => {
  const good = await front('good');
  for (const nonsense of ['hello\n', '{"type":"shell"}\n', `${'x'.repeat(maxRequestBytes + 1)}`, 'null\n']) {
    const socket = net.connect(socketPath);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => undefined);
    socket.write(nonsense);
    await closed;
  }
  good.client.send({ type: 'report' });
  assert.equal((await good.next('report')).text, 'all is well\n');
});

test('more front ends than there is room for are hung up on', async () => {
  for (let count = 0; count < maxClients; count++) await (await front(`front ${count}`)).next('state');
  const socket = net.connect(socketPath);
  socket.on('error', () => undefined);
  await new Promise((resolve) => socket.once('close', resolve));
  assert.equal(agent.clientCount, maxClients);
});

test('a name with control characters reaches no other console', async () => {
  const one = await front('evil\u001b[2J\n');
  const two = await front('two');
  await two.next('state');
  one.client.send({ type: 'passphrase', passphrase: 'wrong' });
  assert.equal((await two.next('wrong')).from, 'evil?[2J?');
});

test('without an agent the front end gets an error with a code', async () => {
  await assert.rejects(connectAgent('one', path.join(directory, 'nothing.sock')), {
    code: 'AGENT_UNREACHABLE',
  });
});
