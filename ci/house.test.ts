import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  cycleProblems,
  importRuleProblems,
  importsOf,
  lengthProblems,
  linkProblems,
  maxLines,
} from './house.ts';

test('imports are found in all their forms and not in comments', () => {
  const text = [
    "import { a } from '../errors.ts';",
    "export * from './b.ts';",
    "import type { C } from './c.ts';",
    "const d = await import('./d.ts');",
    "import './e.ts';",
    "// import './not.ts';",
    " * import './nor-this.ts';",
    "import fs from 'node:fs';",
  ].join('\n');
  assert.deepEqual(importsOf('runtime/x/y.ts', text), [
    'runtime/errors.ts',
    'runtime/x/b.ts',
    'runtime/x/c.ts',
    'runtime/x/d.ts',
    'runtime/x/e.ts',
  ]);
});

test('the codec imports nothing of ours', () => {
  const sources = new Map([['runtime/encrocrypt/reader.ts', "import { E } from '../errors.ts';"]]);
  assert.equal(importRuleProblems(sources).length, 1);
});

test('recorder and syncer do not import each other, not even lazily', () => {
  const sources = new Map([
    ['runtime/recorder/a.ts', "const s = await import('../syncer/b.ts');"],
    ['runtime/syncer/b.ts', "import type { R } from '../recorder/a.ts';"],
  ]);
  assert.equal(importRuleProblems(sources).length, 2);
});

test('the image imports neither runtime nor provision', () => {
  const sources = new Map([
    ['image/build/a.ts', "import '../../runtime/errors.ts'; import '../../provision/a.ts';"],
  ]);
  assert.equal(importRuleProblems(sources).length, 2);
});

test('a cycle is found, and one of types alone is none', () => {
  const loop = new Map([
    ['a.ts', "import { b } from './b.ts';"],
    ['b.ts', "import { c } from './c.ts';"],
    ['c.ts', "import { a } from './a.ts';"],
  ]);
  assert.equal(cycleProblems(loop).length, 1);
  const types = new Map([
    ['a.ts', "import { b } from './b.ts';"],
    ['b.ts', "import type { a } from './a.ts';"],
  ]);
  assert.deepEqual(cycleProblems(types), []);
});

test('a file past its length is found', () => {
  assert.equal(lengthProblems(new Map([['a.ts', '\n'.repeat(maxLines + 1)]])).length, 1);
  assert.equal(lengthProblems(new Map([['a.ts', '\n'.repeat(maxLines)]])).length, 0);
});

test('a link or file name in a document that leads nowhere is found', () => {
  const documents = new Map([
    ['docs/guide/a.md', '[b](../ref/b.md#part) [c](https://x.example/) `runtime/no.ts`'],
  ]);
  assert.equal(linkProblems(documents, () => false).length, 2);
  assert.equal(linkProblems(documents, () => true).length, 0);
});
