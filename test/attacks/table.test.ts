/** The table of attacks and the tests that show them name each other, in `docs/design/security.md`. */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';

const root = path.join(import.meta.dirname, '../..');
const table = await readFile(path.join(root, 'docs/design/security.md'), 'utf8');

test('every attack stands in the table, with its test', async () => {
  const attacks = (await readdir(import.meta.dirname)).filter(
    (file) => file.endsWith('.test.ts') && file !== path.basename(import.meta.filename),
  );
  assert.deepEqual(
    attacks.filter((file) => !table.includes(`\`test/attacks/${file}\``)),
    [],
  );
});

/** A test's file, and one test in it where the table names that: its beginning or its end where an ellipsis stands. */
interface Named {
  readonly file: string;
  readonly name: string | undefined;
}

function namedTests(text: string): Named[] {
  return [...text.matchAll(/`([^`\s]+\.test\.ts)`(?:, "([^"]+)")?/g)].map(([, file = '', name]) => ({
    file,
    name,
  }));
}

async function isThere({ file, name = '' }: Named): Promise<boolean> {
  const source = await readFile(path.join(root, file), 'utf8').catch(() => undefined);
  return source?.includes(name.replaceAll('…', '').trim()) ?? false;
}

test('every test that the table names is there', async () => {
  const named = namedTests(table);
  assert.ok(named.length > 30 && named.filter(({ name }) => name !== undefined).length >= 4);
  const there = await Promise.all(named.map(isThere));
  assert.deepEqual(
    named.filter((_, index) => !there[index]),
    [],
  );
});

/** The cells of the rows below a table's head and rule; the last one of a row says what shows it. */
function rowsOf(text: string): string[][] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('|') && !line.startsWith('| ---'))
    .map((line) => line.split('|').slice(1, -1))
    .map((cells) => cells.map((cell) => cell.trim()));
}

test('every row of the table has a test, refers to that of the row above, or says that it has none', () => {
  const without = rowsOf(table).filter((cells) => {
    const shown = cells.at(-1) ?? '';
    return !(shown === 'test' || /`[^`]+\.test\.ts`|^the same$|^as above$/.test(shown));
  });
  assert.deepEqual(
    without.map(([attack]) => attack),
    ['filling the drive'],
  );
});
