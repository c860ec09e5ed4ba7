/**
 * The state of this camera, from what is on the disk and never from a variable: a power cut anywhere leads to a
 * state that goes on from there.
 */
import { mapperDevice, paths } from './place.ts';
import type { System } from './system.ts';

/**
 * `new`: not provisioned to the end (the wizard). `locked`: provisioned, the config volume is closed (the prompt).
 * `recording`: the volume is open and its configuration in place.
 */
export type CameraState = 'new' | 'locked' | 'recording';

export async function readState(system: System): Promise<CameraState> {
  if (!(await system.exists(paths.doneMark))) return 'new';
  return (await isUnlocked(system)) ? 'recording' : 'locked';
}

/** Whether the config volume is open and mounted. */
export async function isUnlocked(system: System): Promise<boolean> {
  return (await system.exists(mapperDevice)) && (await isMounted(system, paths.config));
}

export async function isMounted(system: System, directory: string): Promise<boolean> {
  const mounts = (await system.readText('/proc/self/mounts')) ?? '';
  return mounts.split('\n').some((line) => line.split(' ')[1] === directory);
}
