/**
 * What the build is measured against: bare mmdebstrap with the packages of the image and the emulator that the
 * host's own packages bring. Writes the seconds it took to `$OUTPUT/seconds.json`. Only `make bench` runs this.
 */
import { existsSync } from 'node:fs';
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { imageDirectory, loadBase, loadImage } from '../description.ts';
import { ImageError, messageOf } from '../errors.ts';
import { Emulation } from './emulation.ts';
import { parseIndexTargets, sourcesOf } from './mirrors.ts';
import { Runner } from './run.ts';
import { hostArchitecture, Tools } from './tools.ts';

async function main(): Promise<number> {
  const output = process.env.OUTPUT ?? '/tmp/encrocam-baseline';
  await mkdir(output, { recursive: true });
  if (process.getuid?.() !== 0) {
    throw new ImageError('HOST_UNSUITABLE', 'Measuring bare mmdebstrap needs root.', {
      hint: 'It has to register the emulator and to make devices.',
    });
  }
  const runner = new Runner(`${output}/log`, {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    LC_ALL: 'C.UTF-8',
  });
  const image = await loadImage();
  const base = await loadBase(process.env.BASE || 'debian-13');
  const host = parseIndexTargets(
    await runner.run(['apt-get', 'indextargets', '--format', '$(ORIGIN)|$(LABEL)|$(REPO_URI)']),
  );
  const keyring = `${imageDirectory}${base.keyring}`;
  const sources = sourcesOf(base, { host }).flatMap(({ uri, suites, components }) =>
    suites.map((suite) => `deb [signed-by=${keyring}] ${uri} ${suite} ${components.join(' ')}`),
  );
  const emulation = await Emulation.start(runner, await hostEmulator(output), 'mount');
  const target = `${output}/root`;
  // What the kernel was told outlives this process; the mounts end with it, by the namespaces below.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => void emulation.stop().finally(() => process.exit(1)));
  }
  try {
    await rm(target, { recursive: true, force: true });
    console.log('bare mmdebstrap …');
    const startedMs = performance.now();
    await runner.run(
      [
        ...['setpriv', '--pdeathsig', 'KILL'],
        ...['unshare', '--mount', '--propagation', 'private', '--pid', '--fork', '--kill-child'],
        ...['mmdebstrap', '--mode=root', '--variant=minbase', `--architectures=${base.architecture}`],
        `--include=${[...image.packages, ...base.packages].join(',')}`,
        ...['--skip=check/qemu', base.archives[0]?.suites[0] ?? '', target, '-'],
      ],
      { input: `${sources.join('\n')}\n` },
    );
    const seconds = (performance.now() - startedMs) / 1000;
    await writeFile(`${output}/seconds.json`, JSON.stringify({ seconds }));
    console.log(`bare mmdebstrap took ${Math.round(seconds)} s`);
    return 0;
  } finally {
    await rm(target, { recursive: true, force: true });
    await emulation.stop();
    await runner.close();
  }
}

/** The emulator of the host's packages, where the build expects that of its tools. */
async function hostEmulator(output: string): Promise<Tools> {
  const directory = `${output}/host-tools`;
  const emulator = ['/usr/bin/qemu-aarch64-static', '/usr/bin/qemu-aarch64'].find((file) => existsSync(file));
  if (emulator === undefined) {
    throw new ImageError('HOST_UNSUITABLE', 'There is no qemu-user on this host to measure against.');
  }
  await mkdir(`${directory}/usr/bin`, { recursive: true });
  await rm(`${directory}/usr/bin/qemu-aarch64`, { force: true });
  await symlink(emulator, `${directory}/usr/bin/qemu-aarch64`);
  return new Tools(directory, hostArchitecture());
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(messageOf(error));
  process.exitCode = 1;
}
