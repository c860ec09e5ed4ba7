/**
 * The rules of the house that no linter knows: who may import whom, no cycles, no file past its length, no link
 * in the documentation that leads nowhere. Pure functions over the files' texts; `ci/lint.ts` runs them.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';

/** Longest source file, in lines. */
export const maxLines = 400;

/** File name (relative to the repository, with `/`) to text. */
export type Sources = ReadonlyMap<string, string>;

/**
 * Where a folder's code may import from, besides itself, packages and Node.js. The first entry that matches the
 * importing file decides. Tests and tools may import anything.
 */
const mayImport: readonly [folder: string, from: readonly string[]][] = [
  ['runtime/encrocrypt/', []],
  ['runtime/recorder/', ['runtime/', '!runtime/syncer/', '!runtime/viewer/', '!runtime/storage/']],
  ['runtime/syncer/', ['runtime/', '!runtime/recorder/', '!runtime/viewer/', '!runtime/pgp/']],
  // The table of commands loads each lazily, wherever it lives.
  ['runtime/commands.ts', ['runtime/', 'provision/', 'ledger/']],
  // `encrocam verify --chain`.
  ['runtime/verifier/', ['runtime/', 'ledger/']],
  // An owner's key file, with the wallet in it.
  ['runtime/viewer/', ['runtime/', 'ledger/owner/']],
  ['runtime/', ['runtime/', 'config.schema.json', 'package.json']],
  ['contracts/', ['contracts/']],
  [
    'ledger/',
    ['ledger/', 'contracts/', 'runtime/', 'package.json', '!runtime/recorder/', '!runtime/syncer/'],
  ],
  ['provision/', ['provision/', 'ledger/', 'runtime/', 'config.schema.json', 'package.json']],
  ['image/', ['image/', 'package.json']],
];

const isTest = (file: string): boolean => file.endsWith('.test.ts') || file.startsWith('test/');

/** Relative imports of a source text, static and dynamic, types included. */
export function importsOf(file: string, text: string): string[] {
  const code = text.replaceAll(/^\s*(\/\/|\*|\/\*).*$/gm, '');
  const found = code.matchAll(/(?:\bfrom\s*|\bimport\s*\(\s*|\bimport\s+)['"](\.{1,2}\/[^'"]+)['"]/g);
  return [...found].map((match) => path.posix.join(path.posix.dirname(file), match[1] ?? ''));
}

export function importRuleProblems(sources: Sources): string[] {
  const problems: string[] = [];
  for (const [file, text] of sources) {
    if (isTest(file)) continue;
    const rule = mayImport.find(([folder]) => file.startsWith(folder));
    if (!rule) continue;
    const [folder, from] = rule;
    for (const target of importsOf(file, text)) {
      const refused = from.some((entry) => entry.startsWith('!') && target.startsWith(entry.slice(1)));
      const allowed = target.startsWith(folder) || from.some((entry) => target.startsWith(entry));
      if (refused || !allowed) problems.push(`${file}: ${folder} must not import ${target}`);
    }
  }
  return problems;
}

/** Cycles among imports that exist at run time (`import type` is erased, `import()` happens later). */
export function cycleProblems(sources: Sources): string[] {
  const graph = new Map<string, string[]>();
  for (const [file, text] of sources) {
    const lasting = text
      .replaceAll(/^\s*(?:import|export)\s+type\b[\s\S]*?from\s*['"][^'"]+['"]/gm, '')
      .replaceAll(/\bimport\s*\(\s*['"][^'"]+['"]/g, '');
    graph.set(file, importsOf(file, lasting));
  }
  const problems: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, trail: string[]): void => {
    const at = trail.indexOf(file);
    if (at !== -1) {
      problems.push(`cycle: ${[...trail.slice(at), file].join(' -> ')}`);
      return;
    }
    if (done.has(file)) return;
    for (const next of graph.get(file) ?? []) visit(next, [...trail, file]);
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
  return problems;
}

export function lengthProblems(sources: Sources): string[] {
  return (
    [...sources]
      // What a program wrote is as long as what it was written from.
      .filter(([, text]) => !text.startsWith('// Written by '))
      .map(([file, text]) => [file, text.split('\n').length - 1] as const)
      .filter(([, lines]) => lines > maxLines)
      .map(
        ([file, lines]) =>
          `${file}: ${lines} lines, more than ${maxLines}: give each concern a file of its own`,
      )
  );
}

/** Links between documents, and to files, that lead nowhere. `exists` is asked with repository-relative names. */
export function linkProblems(documents: Sources, exists: (file: string) => boolean): string[] {
  const problems: string[] = [];
  for (const [file, text] of documents) {
    for (const match of text.matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)(?:#[^)]*)?\)/g)) {
      const target = path.posix.join(path.posix.dirname(file), match[1] ?? '');
      if (!exists(target)) problems.push(`${file}: the link to ${match[1]} leads nowhere`);
    }
    for (const match of text.matchAll(
      /`((?:runtime|provision|image|ci|test|docs|demo|bench)\/[\w./-]+\.\w+)`/g,
    )) {
      if (!exists(match[1] ?? '')) problems.push(`${file}: ${match[1]} does not exist`);
    }
  }
  return problems;
}

/** Everything that is wrong with the checkout at `root`, one line each. */
export async function checkHouse(root: string): Promise<string[]> {
  const listed = spawnSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  });
  if (listed.status !== 0) throw new Error(`git ls-files failed: ${listed.stderr}`);
  const files = listed.stdout.split('\0').filter((file) => file !== '' && existsSync(path.join(root, file)));
  const read = async (wanted: (file: string) => boolean): Promise<Sources> =>
    new Map(
      await Promise.all(
        files
          .filter(wanted)
          .map(async (file) => [file, await readFile(path.join(root, file), 'utf8')] as const),
      ),
    );
  const sources = await read((file) => file.endsWith('.ts') && !file.startsWith('test/vectors/'));
  const documents = await read((file) => file.endsWith('.md'));
  return [
    ...importRuleProblems(sources),
    ...cycleProblems(sources),
    ...lengthProblems(sources),
    ...linkProblems(documents, (file) => existsSync(path.join(root, file))),
  ];
}
