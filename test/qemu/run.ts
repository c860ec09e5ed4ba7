/**
 * `make qemu`: boots the newest image in build/ with its serial console in this terminal, the fake camera, and SSH on
 * a port of this computer. The card lasts until `make qemu FRESH=1`, so that a second run finds it provisioned.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { artifactsDirectory } from './artifacts.ts';
import { Card } from './card.ts';
import { prepareFirmware } from './firmware.ts';
import { cardBytes, newestImage } from './image.ts';
import { freePort } from './machine.ts';
import {
  boardArguments,
  cameraKernelArguments,
  cardArguments,
  emulatorKernelArguments,
  firmwareArguments,
  kernelArguments,
  networkArguments,
} from './machine-arguments.ts';
import { qemuCommand } from './qemu.ts';
import { temporaryDirectory } from './temporary.ts';

const image = newestImage();
if (image === undefined) {
  console.error('There is no image in build/. Run: make image');
  process.exit(1);
}
await mkdir(artifactsDirectory, { recursive: true });
const cardFile = path.join(artifactsDirectory, `card-of-${path.basename(image)}`);
if (!existsSync(cardFile) || process.env.FRESH) {
  console.log(`A fresh card of ${path.basename(image)}, ${cardBytes / 1024 ** 3} GiB.`);
  await Card.copyOf(image, cardFile, { sizeBytes: cardBytes });
} else {
  console.log(`The card of last time: ${path.relative('.', cardFile)} (a fresh one: make qemu FRESH=1).`);
}

const directory = temporaryDirectory('run');
const sshPort = await freePort();
const args = [
  ...boardArguments,
  ...['-display', 'none', '-serial', 'mon:stdio', '-device', 'virtio-rng-pci'],
  ...firmwareArguments(await prepareFirmware(directory)),
  ...cardArguments(cardFile, undefined),
  ...networkArguments(sshPort),
  ...kernelArguments([...cameraKernelArguments, ...emulatorKernelArguments]),
];
console.log(`Unlock over SSH:  ssh -p ${sshPort} unlock@127.0.0.1`);
console.log(
  'A drive on this computer is at 10.0.2.2. Ctrl-A X pulls the plug, Ctrl-A C switches to QEMU and back.\n',
);
const [program, ...words] = await qemuCommand(args);
const child = spawn(program, words, { stdio: 'inherit' });
child.on('error', (error) => {
  console.error(`QEMU does not run: ${error.message}`);
});
child.on('close', (code) => {
  process.exit(code ?? 1);
});
