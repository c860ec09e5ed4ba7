/**
 * `make test`: everything that CI runs. Lint first, then all tests through Node's runner. ONLY narrows the
 * second part to files whose path contains one of its words: `make test ONLY=recorder`.
 *
 * `make scenarios` runs only what boots the image in QEMU: the longest part.
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

const isScenario = (file: string): boolean =>
  /^test\/qemu\/(?:install|life|pairing|power-cut|tang|wizard)\.test\.ts$/.test(file);
const scenariosAlone = process.argv.includes('--scenarios');
const wanted = (file: string): boolean => only.length === 0 || only.some((part) => file.includes(part));
const find = (pattern: string): string[] => globSync(pattern, { cwd: root }).filter(wanted).sort();
const unit = scenariosAlone
  ? []
  : find('{contracts,ledger,runtime,provision,image,ci,demo,bench}/**/*.test.ts');
const whole = scenariosAlone ? [] : find('test/**/*.test.ts').filter((file) => !isScenario(file));
const scenarios = find('test/qemu/*.test.ts').filter(isScenario);
const node = ['--disable-warning=ExperimentalWarning', '--test', '--test-reporter=spec'];

let passed = only.length > 0 || scenariosAlone || run('lint', ['ci/lint.ts']);
if (unit.length > 0) passed = run('unit tests', [...node, ...unit]) && passed;
if (whole.length > 0) {
  // Most of them wait for servers, encoders and time. More at once than there are cores would make their timeouts untrue.
  passed = run('integration tests', [...node, '--test-concurrency=2', ...whole]) && passed;
}
if (scenarios.length > 0) {
  // Built once: two files of scenarios run at a time, as a machine that boots does not keep two cores busy.
  const { imageUnderTest } = await import('../test/qemu/image.ts');
  console.log('\n=== the image for the scenarios');
  process.env.ENCROCAM_IMAGE = await imageUnderTest();
  passed = run('scenarios in QEMU', [...node, '--test-concurrency=2', ...scenarios]) && passed;
  console.log('\nWhat each scenario measured: build/qemu/report.md');
}
console.log(`\n${passed ? 'All passed' : 'FAILED'} in ${Math.round((Date.now() - startedMs) / 1000)} s`);
process.exit(passed && unit.length + whole.length + scenarios.length > 0 ? 0 : 1);
