/**
 * `make image`: builds the card's image. See docs/guide/image.md.
 *
 *   BASE=debian-13     this base and no other      ANSWERS=FILE   answers to bake in
 *   SNAPSHOT=TIME      archives as they were then  LOCK=FILE      the very packages of an earlier build
 *   --only STEP, --from STEP, --to STEP            run a part of the steps
 *   --keep                                         keep the trees in build/image/ (always kept after a failure)
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { loadImage } from '../description.ts';
import { ImageError, messageOf } from '../errors.ts';
import { checkAnswers } from './answers.ts';
import { type ArtifactReport, compress, describe } from './artifacts.ts';
import { boot } from './boot.ts';
import { bootstrap } from './bootstrap.ts';
import { artifactName, type Build } from './build.ts';
import { Emulation } from './emulation.ts';
import { currentNamespace, type Namespace, runInNamespace } from './namespace.ts';
import { gatherPackages, type Packages, readLock, writeLock } from './packages.ts';
import { imageFile, partitions } from './partitions.ts';
import { formatSeconds, Progress } from './progress.ts';
import { rootfs } from './rootfs.ts';
import { Runner } from './run.ts';
import { type Step, selectSteps } from './steps.ts';
import { cacheDirectory } from './store.ts';

const repository = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      from: { type: 'string' },
      to: { type: 'string' },
      keep: { type: 'boolean', default: false },
      output: { type: 'string', default: `${repository}/build` },
      bases: { type: 'string' },
    },
  });
  const selected = selectSteps(values);
  const kind = currentNamespace();
  const { output } = values;
  mkdirSync(output, { recursive: true });
  if (kind === undefined) return runInNamespace(process.argv.slice(1), `${output}/image.lock`);
  const progress = new Progress();
  const logFile = `${output}/log`;
  await rm(logFile, { force: true });
  const epoch = commitTime();
  const runner = new Runner(logFile, cleanEnvironment(epoch));
  let step: Step = 'packages';
  try {
    const image = await loadImage();
    const cache = cacheDirectory();
    const lockFile =
      process.env.LOCK || (selected[0] === 'packages' ? undefined : `${output}/image/packages.json`);
    const packages = await progress.during('packages', async () =>
      gatherPackages({
        runner,
        cache,
        image,
        wanted: process.env.BASE || undefined,
        basesDirectory: values.bases,
        snapshot: process.env.SNAPSHOT || undefined,
        lock: lockFile === undefined ? undefined : await readLock(lockFile),
        say: (text) => progress.say(text),
      }),
    );
    const answersFile = process.env.ANSWERS;
    const answers = answersFile ? await checkAnswers(repository, answersFile, runner) : undefined;
    if (answers) progress.say(`answers from ${answersFile} go on the card: ${answers.verdict}`);
    const work = `${output}/image`;
    await mkdir(work, { recursive: true });
    await writeLock(`${work}/packages.json`, packages.lock);
    await writeFile(`${work}/tools`, packages.tools.directory);
    if (selected.length === 1 && selected[0] === 'packages') return 0;
    const emulation = await Emulation.start(runner, packages.tools, kind as Namespace);
    const build: Build = {
      image,
      base: packages.base,
      runner,
      tools: packages.tools,
      emulation,
      repository,
      cache,
      output,
      work,
      tree: `${work}/root`,
      bootTree: `${work}/boot`,
      version: JSON.parse(await readFile(`${repository}/package.json`, 'utf8')).version,
      epoch,
      answers: answers?.text,
      packages: packages.lock.packages,
      packageFiles: packages.files,
      say: (text) => progress.say(text),
    };
    let report: ArtifactReport | undefined;
    try {
      for (step of selected) report = (await runStep(step, build, packages, progress)) ?? report;
    } finally {
      await emulation.stop();
    }
    if (!values.keep) {
      await rm(build.tree, { recursive: true, force: true });
      await rm(build.bootTree, { recursive: true, force: true });
    }
    await finish(build, progress, report);
    return 0;
  } catch (error) {
    return report(error, step, logFile);
  } finally {
    await runner.close();
  }
}

async function runStep(
  step: Step,
  build: Build,
  packages: Packages,
  progress: Progress,
): Promise<ArtifactReport | undefined> {
  switch (step) {
    case 'packages':
      return undefined;
    case 'bootstrap': {
      const essential = new Set(packages.lock.essential);
      await progress.during(step, () => bootstrap(build, { ...packages.native, essential }));
      return undefined;
    }
    case 'rootfs':
      return void (await progress.during(step, () => rootfs(build)));
    case 'boot':
      return void (await progress.during(step, () => boot(build)));
    case 'partitions':
      return void (await progress.during(step, () => partitions(build)));
    case 'artifacts': {
      const scan = await progress.during(step, () => describe(build));
      return progress.during('compression', () => compress(build, scan));
    }
  }
}

/** The report: for people at the end, as JSON for `make bench` and whoever compares builds. */
async function finish(build: Build, progress: Progress, report: ArtifactReport | undefined): Promise<void> {
  const seconds = progress.times.reduce((sum, time) => sum + time.seconds, 0);
  const content = {
    base: build.base.name,
    version: build.version,
    epoch: build.epoch,
    times: progress.times,
    ...report,
  };
  await writeFile(
    `${build.output}/${artifactName(build)}.report.json`,
    `${JSON.stringify(content, undefined, 2)}\n`,
  );
  const slow = [...progress.times].sort((a, b) => b.seconds - a.seconds)[0];
  progress.line(`${imageFile(build)}: ${formatSeconds(seconds)}, most of it ${slow?.step ?? 'nothing'}`);
  if (!report) return;
  const mib = (bytes: number): string => `${Math.round(bytes / (1 << 20))} MiB`;
  progress.line(
    `image ${mib(report.imageBytes)}, ${mib(report.mappedBytes)} of it in use, compressed ${mib(report.compressedBytes)}`,
  );
}

function report(error: unknown, step: Step, logFile: string): number {
  const ours = error instanceof ImageError;
  process.stderr.write(`\nmake image: step ${step}: ${ours ? error.message : messageOf(error)}\n`);
  if (ours) process.stderr.write(`[${error.code}] ${error.hint ?? ''}\n`);
  else if (error instanceof Error) process.stderr.write(`${error.stack}\n`);
  process.stderr.write(`The whole log: ${logFile}\n`);
  if (step !== 'packages') {
    process.stderr.write(
      `To go on from this step: make image FROM=${step}\nOnly this step again:    make image ONLY=${step}\n`,
    );
  }
  return 1;
}

/** Time of the last commit: no file in the image is newer. */
function commitTime(): number {
  const given = process.env.SOURCE_DATE_EPOCH;
  if (given && /^\d+$/.test(given)) return Number(given);
  const text = execFileSync('git', ['-c', `safe.directory=${repository}`, 'log', '-1', '--format=%ct'], {
    cwd: repository,
    encoding: 'utf8',
  });
  return Number(text.trim());
}

/** What programs see: nothing that differs between machines and users. */
function cleanEnvironment(epoch: number): Record<string, string> {
  return {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: process.env.HOME ?? '/root',
    LC_ALL: 'C.UTF-8',
    TZ: 'UTC',
    SOURCE_DATE_EPOCH: String(epoch),
  };
}

process.umask(0o022);
process.exitCode = await main();
