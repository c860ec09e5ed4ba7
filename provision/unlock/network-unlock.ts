/**
 * Unlocks with the key that clevis gets from the tang server at home, where the owner chose that. It is a front end
 * like any other: the agent tries the key, and a person may be quicker.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { isEncroCamError, messageOf } from '../../runtime/errors.ts';
import type { Logger } from '../../runtime/log.ts';
import { type Place, paths } from '../place.ts';
import { readState } from '../state.ts';
import { tangSlot } from '../steps/volume-step.ts';
import type { System } from '../system.ts';
import { connectAgent } from './agent-client.ts';

export interface NetworkUnlockOptions {
  readonly system: System;
  readonly place: Place;
  readonly logger: Logger;
  /** For tests. */
  readonly socketPath?: string;
  readonly wait?: (ms: number) => Promise<unknown>;
}

const clevisTimeoutMs = 60_000;
const firstPauseMs = 2_000;
const longestPauseMs = 60_000;

/** Goes on until the camera is unlocked, by this or by a person: after a power cut the router is slower than we are. */
export async function unlockByNetwork(options: NetworkUnlockOptions): Promise<void> {
  const { system, socketPath = paths.agentSocket } = options;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    if ((await readState(system)) !== 'locked') return;
    const key = await askTang(options);
    if (key !== undefined && (await sendToAgent(key, socketPath))) return;
    await (options.wait ?? wait)(pauseMs);
  }
}

async function askTang({ system, place, logger }: NetworkUnlockOptions): Promise<string | undefined> {
  const volume = place.kind === 'installed' ? system.at(place.volume) : place.volume;
  try {
    const { output } = await system.run('clevis', ['luks', 'pass', '-d', volume, '-s', String(tangSlot)], {
      timeoutMs: clevisTimeoutMs,
    });
    return output === '' ? undefined : output;
  } catch (error) {
    if (!isEncroCamError(error)) throw error;
    logger.warn('the tang server gave no key', { reason: messageOf(error) });
    return undefined;
  }
}

/** @returns whether the camera is unlocked. */
async function sendToAgent(key: string, socketPath: string): Promise<boolean> {
  const agent = await connectAgent('the tang server', socketPath);
  try {
    return await new Promise((resolve) => {
      agent.onEvent((event) => {
        if (event.type === 'state' && event.state === 'locked') {
          agent.send({ type: 'passphrase', passphrase: key });
        } else if (event.type === 'unlocked' || event.type === 'state') resolve(true);
        else if (event.type === 'failed' || (event.type === 'wrong' && event.you)) resolve(false);
      });
      agent.onClose(() => resolve(false));
    });
  } finally {
    agent.close();
  }
}
