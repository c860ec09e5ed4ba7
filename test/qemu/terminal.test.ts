import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { keys, splitKeys, Terminal } from './terminal.ts';

let directory = '';
before(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'encrocam-terminal-'));
});
after(() => rm(directory, { recursive: true, force: true }));

function terminal(name: string, sent: string[] = []): Terminal {
  return new Terminal(name, path.join(directory, `${name}.log`), (text) => sent.push(text));
}

test('a text is found whatever escape sequences stand inside and wherever the chunks are cut', async () => {
  const line = terminal('cut');
  const found = line.expect(/Host name: (\w+)/);
  for (const byte of Buffer.from('\u001b[1;32mHost\u001b[0m name: \u001b[Kgarden ✓\r\n'))
    line.feed(Buffer.of(byte));
  assert.equal((await found)[1], 'garden');
  await line.expect(' ✓\n');
  line.close('done');
});

test('each expectation looks only behind the one before', async () => {
  const line = terminal('order');
  line.feed(Buffer.from('Passphrase: wrong\nPassphrase: '));
  await line.expect('Passphrase: ');
  await line.expect('Passphrase: ');
  await assert.rejects(line.expect('Passphrase: ', { timeoutMs: 10 }), /did not come within/);
  line.close('done');
});

test('an expectation fails with the end of the transcript when the line closes', async () => {
  const line = terminal('closed');
  const waiting = line.expect('login:');
  line.feed(Buffer.from('Kernel panic - not syncing\n'));
  line.close('the machine stopped');
  await assert.rejects(waiting, /the machine stopped[\s\S]*Kernel panic/);
  await assert.rejects(line.type('x'), /the machine stopped/);
});

test('keys are sent one by one and cursor keys whole', async () => {
  const sent: string[] = [];
  const line = terminal('keys', sent);
  await line.typeLine(`ä${keys.down}b`);
  assert.deepEqual(sent, ['ä', keys.down, 'b', '\r']);
  assert.deepEqual(splitKeys(`${keys.escape}x`), [keys.escape, 'x']);
  line.close('done');
});

test('the transcript holds every byte as it came', async () => {
  const line = terminal('transcript');
  line.feed(Buffer.from('\u001b[1mbold\r\n'));
  line.close('done');
  assert.equal(await readFile(line.transcriptFile, 'utf8'), '\u001b[1mbold\r\n');
});
