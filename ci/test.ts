/**
 * `make test`: everything that CI runs. Lint first, then all tests through Node's runner. ONLY narrows the
 * second part to files whose path contains one of its words: `make test ONLY=recorder`.
 *
 * `make scenarios` runs what boots the image in QEMU again and again; it takes longer than all the rest.
 */
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const only = (process.env.ONLY ?? '').split(' ').filter(Boolean);
const startedMs = Date.now();

function run(title: string, args: string[]): boolean {
  console.log(`\n=== ${title}`);
  return spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' }).status === 0;
}

const isScenario = (file: string): boolean => /^test\/qemu\/(?:life|power-cut|wizard)\.test\.ts$/.test(file);
const scenarios = process.argv.includes('--scenarios');
const unit = scenarios ? [] : globSync('{runtime,provision,image,ci,demo,bench}/**/*.test.ts', { cwd: root });
const whole = globSync('test/**/*.test.ts', { cwd: root }).filter((file) => isScenario(file) === scenarios);
const wanted = (file: string): boolean => only.length === 0 || only.some((part) => file.includes(part));
const node = ['--disable-warning=ExperimentalWarning', '--test', '--test-reporter=spec'];

let passed = only.length > 0 || scenarios || run('lint', ['ci/lint.ts']);
const units = unit.filter(wanted).sort();
if (units.length > 0) passed = run('unit tests', [...node, ...units]) && passed;
const wholes = whole.filter(wanted).sort();
if (wholes.length > 0) {
  // Real servers and encoders share two cores: one file at a time keeps their timeouts honest.
  passed = run('integration tests', [...node, '--test-concurrency=1', ...wholes]) && passed;
}
console.log(`\n${passed ? 'All passed' : 'FAILED'} in ${Math.round((Date.now() - startedMs) / 1000)} s`);
process.exit(passed && units.length + wholes.length > 0 ? 0 : 1);
