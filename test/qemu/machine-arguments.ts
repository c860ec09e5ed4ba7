/** QEMU's command line for a machine. Pure. */
import { agentArguments, agentKernelArguments } from './agent.ts';
import type { Firmware } from './firmware.ts';
import type { DirectBoot, MachineOptions } from './machine.ts';

export interface MachineParts {
  readonly options: Pick<
    MachineOptions,
    'card' | 'hasScreen' | 'camera' | 'writeLogFile' | 'clock' | 'directBoot'
  >;
  readonly firmware: Firmware;
  readonly sshPort: number;
  readonly consoleSocket: string;
  readonly agentSocket: string;
  readonly monitorSocket: string;
}

/** One virtual camera, a webcam on its first input: capture only, so that no output device shows up beside it. */
export const cameraKernelArguments = [
  'modules_load=vivid',
  'vivid.n_devs=1',
  'vivid.node_types=0x1',
  'vivid.num_inputs=1',
  'vivid.input_types=0',
];

/**
 * A camera and an output, `/dev/video1`, whose pictures the camera shows once its first input (S-Video, PAL) is told to:
 * `vivid`'s loop. The second input is the webcam. 0x101: video capture and output.
 */
export const loopedCameraKernelArguments = [
  'modules_load=vivid',
  'vivid.n_devs=1',
  'vivid.node_types=0x101',
  'vivid.num_inputs=2',
  'vivid.input_types=0x2',
  'vivid.num_outputs=1',
  'vivid.output_types=0',
];

/**
 * The emulator has none of the flaws that the kernel works around on real processors, and pays dearly for the ways
 * around them: a start takes a quarter longer with them.
 */
export const emulatorKernelArguments = ['mitigations=off', 'nokaslr'];

/** A Raspberry Pi 4's cores, two of them, and the memory of the smallest model that is sold. */
export const boardArguments = [
  ...['-M', 'virt', '-cpu', 'cortex-a72', '-smp', '2', '-m', '1024'],
  ...['-accel', 'tcg,thread=multi', '-nodefaults', '-no-user-config'],
];

export function machineArguments(parts: MachineParts): string[] {
  const { options, firmware, sshPort } = parts;
  return [
    ...boardArguments,
    // Started halted: `cont` is power-on.
    ...['-S', '-display', 'none'],
    // The firmware waits three seconds for somebody to press Escape, unless it is told not to.
    ...['-boot', 'menu=on,splash-time=0'],
    ...firmwareArguments(firmware),
    ...cardArguments(options.card.file, options.writeLogFile),
    ...networkArguments(sshPort),
    ...['-device', 'virtio-rng-pci'],
    ...['-chardev', `socket,id=console,path=${parts.consoleSocket},server=off`, '-serial', 'chardev:console'],
    ...['-chardev', `socket,id=monitor,path=${parts.monitorSocket},server=off`],
    ...['-mon', 'chardev=monitor,mode=control'],
    ...agentArguments(parts.agentSocket),
    ...kernelArguments(
      [
        ...(options.camera === 'looped' ? loopedCameraKernelArguments : cameraKernelArguments),
        ...emulatorKernelArguments,
        ...agentKernelArguments,
      ],
      options.directBoot,
    ),
    ...(options.hasScreen ? ['-device', 'ramfb', '-device', 'qemu-xhci', '-device', 'usb-kbd'] : []),
    ...(options.clock ? ['-rtc', `base=${options.clock.toISOString().slice(0, 19)}`] : []),
  ];
}

export function firmwareArguments(firmware: Firmware): string[] {
  return [
    ...['-drive', `if=pflash,format=raw,readonly=on,file=${firmware.codeFile}`],
    ...['-drive', `if=pflash,format=raw,file=${firmware.variablesFile}`],
  ];
}

/**
 * The card as a disk with a volatile cache that tells the guest so: what was not flushed is this computer's to keep,
 * and it does, unless the log of writes is used to take it away.
 */
export function cardArguments(cardFile: string, writeLogFile: string | undefined): string[] {
  const file = JSON.stringify({
    driver: 'file',
    filename: cardFile,
    'node-name': 'card-file',
    discard: 'unmap',
  });
  const raw = JSON.stringify({ driver: 'raw', file: 'card-file', 'node-name': 'card' });
  const logged = JSON.stringify({
    driver: 'blklogwrites',
    file: 'card',
    log: { driver: 'file', filename: writeLogFile },
    'node-name': 'logged-card',
  });
  return [
    ...['-blockdev', file, '-blockdev', raw],
    ...(writeLogFile === undefined ? [] : ['-blockdev', logged]),
    ...['-device', `virtio-blk-pci,drive=${writeLogFile === undefined ? 'card' : 'logged-card'}`],
  ];
}

/** The guest is 10.0.2.15, this computer's loopback is 10.0.2.2 to it. */
export function networkArguments(sshPort: number): string[] {
  return [
    ...['-netdev', `user,id=network,hostfwd=tcp:127.0.0.1:${sshPort}-:22`],
    // No ROM: the card is what boots.
    ...['-device', 'virtio-net-pci,netdev=network,romfile='],
  ];
}

/**
 * Handed to the card's own loader (systemd-boot) through the firmware's tables: the card stays as it is. Where there
 * is no loader, QEMU hands the kernel its command line.
 */
export function kernelArguments(words: readonly string[], directBoot?: DirectBoot): string[] {
  if (directBoot === undefined) {
    return ['-smbios', `type=11,value=io.systemd.boot.kernel-cmdline-extra=${words.join(' ')}`];
  }
  const { kernelFile, initramfsFile, commandLine } = directBoot;
  return [
    ...['-kernel', kernelFile, '-initrd', initramfsFile],
    ...['-append', [commandLine, ...words].join(' ')],
  ];
}
