/** `encrocam watch-codes`: see the help text. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Command } from '../../runtime/commands.ts';
import { isEncroCamError } from '../../runtime/errors.ts';
import { exitCode } from '../../runtime/exit-codes.ts';
import { createLogger, type Logger } from '../../runtime/log.ts';
import { lookedMark, unattendedMark } from '../boot-files.ts';
import { lockProvisioning, provisioningHolder } from '../lock.ts';
import { requireRoot } from '../root.ts';
import { readState } from '../state.ts';
import { createSystem, type System } from '../system.ts';
import type { DetectedCamera } from '../wizard/machine.ts';
import { listCameras } from '../wizard/trials/camera.ts';
import { cameraInput, grayPictures } from './frames.ts';
import { keptFile } from './kept.ts';
import { createCodeReader } from './reader.ts';
import { RefusalLog } from './refusals.ts';
import { PairingTaker } from './taker.ts';
import { type Turn, watchForCodes } from './watch.ts';

const help = `Usage: encrocam watch-codes [--device DEVICE]

Looks for pairing codes in what a new camera sees, and sets it up by the first valid one: its owner. Ends at once
where the camera has an owner. A service of the card: systemd runs it.

  --device DEVICE   looks at this camera alone, as in /dev/video0; default: the first that gives pictures
`;

const pollMs = 2_000;

export const command: Command = {
  help,
  options: { device: { type: 'string' } },
  async run({ values }) {
    requireRoot('encrocam watch-codes');
    const system = createSystem();
    const logger = createLogger({ level: 'info', format: 'auto' });
    const ends = new AbortController();
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => ends.abort());
    const device = typeof values.device === 'string' ? values.device : undefined;
    await pairCamera({ system, logger, device, signal: ends.signal });
    return exitCode.whole;
  },
};

interface PairingOptions {
  readonly system: System;
  readonly logger: Logger;
  readonly device: string | undefined;
  readonly signal: AbortSignal;
}

/** Watches until the camera has an owner: set up, or with a message that the wizard completes. */
async function pairCamera({ system, logger, device, signal }: PairingOptions): Promise<void> {
  const read = await createCodeReader();
  const taker = new PairingTaker({ system, refusals: new RefusalLog(logger) });
  for (;;) {
    const outcome = await watchForCodes({
      cameras: async () => chosen(await listCameras(system), device),
      pictures: ({ device: name, modes }, stop) =>
        grayPictures({ input: cameraInput(name, modes), signal: stop }),
      read,
      take: (text) => takeIfFree(text, taker, system, logger),
      turn: () => turnOf(system),
      logger,
      signal,
    });
    if (outcome === 'ended') return;
    await setUp(system, signal);
    // Refused when it was applied, it is gone, and the camera has no owner again.
    if (await hasOwner(system)) return;
  }
}

function chosen(cameras: readonly DetectedCamera[], device: string | undefined): readonly DetectedCamera[] {
  if (device === undefined) return cameras;
  const found = cameras.filter((camera) => camera.device === device);
  return found.length > 0 ? found : [{ device, name: device, modes: [] }];
}

async function turnOf(system: System): Promise<Turn> {
  if (await hasOwner(system)) return 'end';
  // The answers file has the first say, and then whoever sits before the wizard.
  const isFree =
    (await system.exists(lookedMark)) &&
    !(await system.exists(unattendedMark)) &&
    (await provisioningHolder()) === undefined;
  return isFree ? 'watch' : 'wait';
}

async function hasOwner(system: System): Promise<boolean> {
  return (await system.exists(keptFile)) || (await readState(system)) !== 'new';
}

/** The lock keeps a wizard from beginning while the message is written. */
async function takeIfFree(
  text: string,
  taker: PairingTaker,
  system: System,
  logger: Logger,
): Promise<boolean> {
  const lock = await lockProvisioning('by a pairing code').catch((error: unknown) => {
    if (isEncroCamError(error, 'ALREADY_RUNNING')) return undefined;
    throw error;
  });
  if (!lock) return false;
  try {
    const message = await taker.take(text);
    if (!message) return false;
    logger.info('a pairing code was taken: this camera has an owner', { owner: message.owner });
    // From here on the consoles wait, and say for what.
    await system.write(unattendedMark, '');
    return true;
  } finally {
    await lock.release();
  }
}

/** The same service as for an answers file; whatever becomes of it, the mark goes with it. */
async function setUp(system: System, signal: AbortSignal): Promise<void> {
  // Not waited for: whoever stops this service would wait for that, too.
  await system.run('systemctl', ['start', '--no-block', 'encrocam-provision.service']);
  while ((await system.exists(unattendedMark)) && !signal.aborted) await wait(pollMs);
}
