import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AgentClient } from './agent-client.ts';
import { askForPassphrase, duration, type Outcome } from './front-end.ts';
import { LineEditor } from './line-editor.ts';
import type { Event, Request } from './protocol.ts';
import type { FrontTerminal } from './terminal.ts';

class FakeTerminal implements FrontTerminal {
  readonly isTerminal: boolean;
  shown = '';
  input: (chunk: Buffer) => void = () => undefined;
  end: () => void = () => undefined;
  constructor(isTerminal: boolean) {
    this.isTerminal = isTerminal;
  }
  write(text: string): void {
    this.shown += text;
  }
  onInput(listener: (chunk: Buffer) => void): void {
    this.input = listener;
  }
  onEnd(listener: () => void): void {
    this.end = listener;
  }
  restore(): void {}
  type(text: string): void {
    this.input(Buffer.from(text));
  }
}

function setUp(options: { isTerminal?: boolean; canBeLeft?: boolean; canReset?: boolean } = {}) {
  const terminal = new FakeTerminal(options.isTerminal ?? true);
  const sent: Request[] = [];
  let say: (event: Event) => void = () => undefined;
  let hangUp: () => void = () => undefined;
  const agent: AgentClient = {
    send: (request) => void sent.push(request),
    onEvent(listener) {
      say = listener;
    },
    onClose(listener) {
      hangUp = listener;
    },
    close: () => undefined,
  };
  let outcome: Outcome | undefined;
  const done = askForPassphrase({
    terminal,
    agent,
    hostName: 'front-door',
    canBeLeft: options.canBeLeft ?? false,
    canReset: options.canReset ?? false,
    setInterval: () => ({ stop: () => undefined }),
  }).then((value) => {
    outcome = value;
    return value;
  });
  return {
    terminal,
    sent,
    done,
    say: (event: Event) => say(event),
    hangUp: () => hangUp(),
    outcome: () => outcome,
  };
}

const locked: Event = {
  type: 'state',
  state: 'locked',
  forMs: 125_000,
  recordsLocked: false,
  wrongAttempts: 0,
};

test('what is locked, since when, and how many were wrong is said before asking', () => {
  const { terminal, say } = setUp();
  say({ ...locked, wrongAttempts: 3, lastWrongFrom: 'SSH (192.0.2.7)' });
  assert.match(terminal.shown, /front-door is locked/);
  assert.match(terminal.shown, /2 min ago/);
  assert.match(terminal.shown, /so far: 3, the last one from SSH \(192\.0\.2\.7\)/);
});

test('a passphrase goes to the agent and never to the screen', () => {
  const { terminal, sent, say } = setUp();
  say(locked);
  terminal.type('korrekt häst\r');
  assert.deepEqual(sent, [{ type: 'passphrase', passphrase: 'korrekt häst' }]);
  assert.doesNotMatch(terminal.shown, /korrekt|häst/);
});

test('what was typed before the prompt stood there is forgotten', () => {
  const { terminal, sent, say } = setUp();
  terminal.type('noise\r');
  say(locked);
  terminal.type('right\r');
  assert.deepEqual(sent, [{ type: 'passphrase', passphrase: 'right' }]);
});

test('no key leads away from a console: Ctrl-C, Ctrl-D, Ctrl-Z and Ctrl-backslash do not end it', async () => {
  const { terminal, sent, say, outcome } = setUp();
  say(locked);
  terminal.type('half\u0003\u0004\u001a\u001cright\r');
  await new Promise(setImmediate);
  assert.equal(outcome(), undefined);
  assert.deepEqual(sent, [{ type: 'passphrase', passphrase: 'right' }]);
});

test('in a terminal with a shell behind it Ctrl-C leads back there', async () => {
  const { terminal, say, done } = setUp({ canBeLeft: true });
  say(locked);
  terminal.type('half\u0003');
  assert.equal(await done, 'ended');
});

test('after a wrong one it asks again, says the count and the pause', () => {
  const { terminal, sent, say } = setUp();
  say(locked);
  terminal.type('wrong\r');
  say({ type: 'trying', from: 'here', you: true });
  terminal.shown = '';
  say({ type: 'wrong', from: 'here', you: true, wrongAttempts: 3, pauseMs: 2000 });
  assert.match(terminal.shown, /Wrong passphrase \(3 wrong so far\).*2 s/s);
  assert.match(terminal.shown, /Passphrase \(not shown\): $/);
  terminal.type('right\r');
  assert.equal(sent.length, 2);
});

test('what another one does is told without losing what was typed here', () => {
  const { terminal, sent, say } = setUp();
  say(locked);
  terminal.type('rig');
  say({ type: 'wrong', from: 'SSH', you: false, wrongAttempts: 1, pauseMs: 0 });
  assert.match(terminal.shown, /Wrong passphrase from SSH/);
  assert.match(terminal.shown, /Passphrase \(not shown\): $/);
  terminal.type('ht\r');
  assert.deepEqual(sent, [{ type: 'passphrase', passphrase: 'right' }]);
});

test('when another one unlocks, it says by whom and goes away', async () => {
  const { terminal, say, done } = setUp();
  say(locked);
  say({ type: 'unlocked', from: 'the serial console ttyAMA0', you: false });
  assert.equal(await done, 'unlocked');
  assert.match(terminal.shown, /Unlocked from the serial console ttyAMA0/);
});

test('a hang-up ends it, and so does an agent that is gone', async () => {
  const line = setUp();
  line.say(locked);
  line.terminal.end();
  assert.equal(await line.done, 'ended');
  const agent = setUp();
  agent.say(locked);
  agent.hangUp();
  assert.equal(await agent.done, 'agent-gone');
});

test('a pipe gives one passphrase a line, the last one without a line feed, and no prompt is shown', async () => {
  const { terminal, sent, say, done } = setUp({ isTerminal: false });
  terminal.type('wrong\nri');
  terminal.type('ght');
  terminal.end();
  say(locked);
  assert.deepEqual(sent, [{ type: 'passphrase', passphrase: 'wrong' }]);
  say({ type: 'wrong', from: 'here', you: true, wrongAttempts: 1, pauseMs: 0 });
  assert.equal(sent.length, 2);
  say({ type: 'unlocked', from: 'here', you: true });
  assert.equal(await done, 'unlocked');
  assert.doesNotMatch(terminal.shown, /not shown/);
});

test('a pipe that ends without a right passphrase ends it', async () => {
  const { terminal, say, done } = setUp({ isTerminal: false });
  say(locked);
  terminal.type('wrong\n');
  terminal.end();
  say({ type: 'wrong', from: 'here', you: true, wrongAttempts: 1, pauseMs: 0 });
  assert.equal(await done, 'ended');
});

test('text from the agent reaches the terminal without control characters', () => {
  const { terminal, say } = setUp();
  say(locked);
  say({ type: 'failed', code: 'VOLUME_UNUSABLE', message: 'bad \u001b[2J disk' });
  assert.ok(!terminal.shown.includes('\u001b'));
});

test('a line is edited by whole characters, and escape sequences are no part of it', () => {
  const lines = (text: string): string[] =>
    new LineEditor().feed(Buffer.from(text)).flatMap((event) => (event.type === 'line' ? [event.text] : []));
  assert.deepEqual(lines('aä\u007f\u007fb\r'), ['b']);
  assert.deepEqual(lines('\u001b[200~pasted\u001b[201~\r'), ['pasted']);
  assert.deepEqual(lines('a\u001b[A\u001bOPb\r'), ['ab']);
  assert.deepEqual(lines('one\r\ntwo\nthree\r'), ['one', 'two', 'three']);
  assert.deepEqual(lines('forgotten\u0015kept\r'), ['kept']);
  assert.deepEqual(lines(`${'x'.repeat(5000)}\r`), [`${'x'.repeat(5000 - 4097)}`]);
});

test('durations read like a person says them', () => {
  assert.equal(duration(42_000), '42 s');
  assert.equal(duration(3_900_000), '1 h 5 min');
  assert.equal(duration(50 * 3_600_000), '2 days 2 h');
});

test('where a reset is asked for, the word confirms it, and a passphrase leaves everything as it is', async () => {
  const { terminal, say, done, sent } = setUp({ canReset: true });
  say(locked);
  assert.match(terminal.shown, /A reset is asked for/);
  terminal.type('resett\n');
  assert.deepEqual(sent, [{ type: 'passphrase', passphrase: 'resett' }]);
  say({ type: 'wrong', you: true, from: 'here', wrongAttempts: 1, pauseMs: 0 });
  terminal.type('reset\n');
  assert.equal(await done, 'reset');
  assert.equal(sent.length, 1);
});

test('where none is asked for, the word is a passphrase like any other', () => {
  const { terminal, say, sent, outcome } = setUp();
  say(locked);
  assert.doesNotMatch(terminal.shown, /reset/);
  terminal.type('reset\n');
  assert.deepEqual(sent, [{ type: 'passphrase', passphrase: 'reset' }]);
  assert.equal(outcome(), undefined);
});
