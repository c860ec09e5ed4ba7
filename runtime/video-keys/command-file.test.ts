import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  commandCounter,
  commandFileName,
  encodeCommand,
  maxCommandBytes,
  parseCommand,
} from './command-file.ts';

const command = { camera: Buffer.alloc(20, 0xab), wrapped: Buffer.alloc(56, 0xcd) };

test('a command is read as it was written', () => {
  assert.deepEqual(parseCommand(encodeCommand(command)), command);
  const { wrapped } = command;
  assert.deepEqual(parseCommand(encodeCommand({ wrapped })), { wrapped });
  assert.deepEqual(parseCommand(encodeCommand(command).replaceAll('ab', 'AB')), command);
});

test('what is no command is not taken for one', () => {
  const text = encodeCommand(command);
  for (const other of [
    '',
    'null',
    '[]',
    '{}',
    '"x"',
    text.slice(0, -5),
    text.replace('rotate-key', 'reboot'),
    text.replace('command 1', 'command 2'),
    text.replace('0xab', '0x'),
    text.replace('0xcd', '0xgg'),
    text + ' '.repeat(maxCommandBytes),
  ]) {
    assert.equal(parseCommand(other), undefined, other.slice(0, 80));
  }
});

test("a command file's name holds its counter, and is the only one that does", () => {
  assert.equal(commandFileName(2), 'command-00000002.json');
  for (const counter of [1, 99_999_999, 100_000_000, Number.MAX_SAFE_INTEGER])
    assert.equal(commandCounter(commandFileName(counter)), counter);
  for (const name of [
    'command-2.json',
    'command-00000000.json',
    'command-000000002.json',
    'command-00000002.json.tmp',
    'command-9999999999999999.json',
    'xcommand-00000002.json',
    'command-0000000a.json',
  ])
    assert.equal(commandCounter(name), undefined, name);
});
