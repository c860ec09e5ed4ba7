/**
 * Step `boot`: the boot partition's contents. Kernel, initramfs, device trees, firmware and EFI loader are copied
 * by the same script that does it on the camera after an upgrade.
 */
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { ImageError } from '../errors.ts';
import { bootFiles, cmdlineTxt, configTxt, loaderConf, loaderEntry } from './boot-texts.ts';
import { kernelRelease } from './bootstrap.ts';
import type { Build } from './build.ts';
import { foreignPrograms, readInitramfs } from './cpio.ts';

export async function boot(build: Build): Promise<void> {
  const { tree, bootTree, image, base, runner } = build;
  const script = `${tree}/usr/lib/encrocam-image/update-boot`;
  if (!existsSync(script)) {
    throw new ImageError('STEP_UNREADY', `${tree} is not complete.`, { hint: 'Run from the step rootfs.' });
  }
  await rm(bootTree, { recursive: true, force: true });
  await mkdir(`${bootTree}/loader/entries`, { recursive: true });
  await writeFile(`${bootTree}/config.txt`, configTxt(base));
  await writeFile(`${bootTree}/cmdline.txt`, cmdlineTxt(image, base));
  await writeFile(`${bootTree}/loader/loader.conf`, loaderConf());
  await writeFile(`${bootTree}/loader/entries/encrocam.conf`, loaderEntry(image, base));
  await runner.run(['sh', script, '--root', tree, '--to', bootTree, await kernelRelease(tree)]);
  const foreign = foreignPrograms(readInitramfs(await readFile(`${bootTree}/${bootFiles.initramfs}`)));
  if (foreign.length > 0) {
    throw new ImageError(
      'PACKAGES_UNRESOLVED',
      `The initramfs has programs of this machine: ${foreign.join(', ')}.`,
      {
        hint: "Name their packages in the base's accelerate.notInInitramfs.",
      },
    );
  }
  if (build.answers !== undefined) await writeFile(`${bootTree}/encrocam.json`, build.answers);
}
