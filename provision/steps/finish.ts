/** The last steps: room for recordings, services, a boot partition without secrets, and the mark. */
import { forgetMessage } from '../pairing/kept.ts';
import { type Place, paths } from '../place.ts';
import type { System } from '../system.ts';
import { clearBootFiles, publishCameraKey } from './boot-partition.ts';
import { readCameraKey } from './signing-key.ts';
import type { Step } from './step.ts';

export const recordingsStep: Step = {
  id: 'recordings',
  title: 'Preparing the room for recordings',
  // Owner and mode of a directory that exists are set again: cheap, and right after the card grew or was replaced.
  isDone: async () => false,
  async run({ system, answers }) {
    await system.makeDirectory(answers.recordings.directory, recorders);
    await makeRecorderPlaces(system);
  },
};

const recorders = { mode: 0o750, owner: { user: 'encrocam', group: 'encrocam' } } as const;

/** Where the recorder keeps what it records by while the camera is locked, and what that was. The volume must be open. */
export async function makeRecorderPlaces(system: System): Promise<void> {
  for (const directory of [paths.locked, paths.recorderState]) {
    await system.makeDirectory(directory, recorders);
  }
}

/** The agent starts the target that wants them, once the volume is open. The recorder starts with the system, too: see its unit. */
export const services = [
  'encrocam-record.service',
  'encrocam-sync.service',
  'encrocam-ledger.service',
] as const;

export const servicesStep: Step = {
  id: 'services',
  title: 'Enabling the services',
  isDone: async () => false,
  async run({ system }) {
    await system.run('systemctl', ['enable', ...services]);
  },
};

/** Everything is in place; what remains needs no answers and no passphrase: see {@link finishPrepared}. */
export const readyStep: Step = {
  id: 'ready',
  title: "Leaving the camera's public key for the owner",
  isDone: async ({ system }) => system.exists(paths.readyMark),
  async run({ system, place }) {
    if (place.kind === 'card') {
      await publishCameraKey(system, place.bootDirectory, await readCameraKey(system));
    }
    await system.run('sync', []);
    await system.write(paths.readyMark, '');
  },
};

export const doneStep: Step = {
  id: 'done',
  title: 'Removing the answers',
  isDone: async ({ system }) => system.exists(paths.doneMark),
  async run({ system, place }) {
    await finishPrepared(system, place);
    // On the config volume; the configuration holds what counts by now.
    await system.wipe(paths.secretAnswers);
  },
};

/**
 * Removes what answers are left outside the config volume and writes the last mark. A power cut between the two leads
 * here again at the next start, without anybody having to type: the answers may be gone by then.
 */
export async function finishPrepared(system: System, place: Place): Promise<void> {
  if (place.kind === 'card') await clearBootFiles(system, place.bootDirectory);
  await forgetMessage(system);
  await system.remove(paths.answers);
  await system.write(paths.doneMark, `${new Date().toISOString()}\n`);
  await system.remove(paths.readyMark);
}

/** Whether {@link finishPrepared} has something left to do. */
export async function isPrepared(system: System): Promise<boolean> {
  return system.exists(paths.readyMark);
}
