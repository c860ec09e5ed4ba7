/** Format and lint, types, generated files, and the rules of the house. Prints what is wrong and how to mend it. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { checkHouse } from './house.ts';

// Also when it is not make that runs this.
process.env.PATH = `${fileURLToPath(new URL('../node_modules/.bin', import.meta.url))}:${process.env.PATH}`;
const root = fileURLToPath(new URL('..', import.meta.url));
let failed = 0;

function step(title: string, command: string, args: string[]): void {
  const result = spawnSync(command, args, { cwd: root, encoding: 'utf8' });
  report(title, result.status === 0, `${result.stdout ?? ''}${result.stderr ?? ''}${result.error ?? ''}`);
}

function report(title: string, passed: boolean, details: string): void {
  console.log(`${passed ? 'ok  ' : 'FAIL'} ${title}`);
  if (!passed) {
    failed += 1;
    console.log(details.trimEnd());
  }
}

step('format and lint (mend: make format)', 'biome', ['check', '--error-on-warnings', '.']);
step('types', 'tsc', ['--noEmit', '-p', '.']);
step('generated files (mend: make generate)', process.execPath, ['ci/generate.ts', '--check']);
const problems = await checkHouse(root);
report('rules of the house (ci/house.ts)', problems.length === 0, problems.join('\n'));
process.exit(failed === 0 ? 0 : 1);
