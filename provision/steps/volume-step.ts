/** The config volume as steps: make or open it, bind it to a tang server. */
import { EncroCamError, isEncroCamError } from '../../runtime/errors.ts';
import { paths } from '../place.ts';
import { isUnlocked } from '../state.ts';
import type { Step, StepContext } from './step.ts';
import { isVolumeMade, makeVolume, openVolume } from './volume.ts';

export const volumeStep: Step = {
  id: 'config-volume',
  title: 'Making the encrypted config volume',
  async isDone({ system, place }) {
    return (await isUnlocked(system)) && (await isVolumeMade(system, place));
  },
  async run({ system, place, answers, reporter }) {
    const { passphrase } = answers.unlocking;
    if (!(await isVolumeMade(system, place))) {
      await makeVolume(system, place, passphrase);
      return;
    }
    try {
      await openVolume(system, place, passphrase);
    } catch (error) {
      // On a card that was never finished there is nothing to lose. Elsewhere the volume may be an earlier camera's.
      if (place.kind === 'installed' || !isEncroCamError(error, 'PASSPHRASE_WRONG', 'VOLUME_UNUSABLE'))
        throw error;
      reporter.warning('An earlier attempt used another passphrase: the config volume is made anew.');
      await makeVolume(system, place, passphrase);
    }
  },
};

/** 0 and 1 are the passphrase's and the recovery key's. */
export const tangSlot = 2;
/** Written when clevis holds a way in: the boot then asks the tang server as well. */
export const tangMark = `${paths.provision}/tang.json`;

export const tangStep: Step = {
  id: 'tang',
  title: 'Binding the config volume to the tang server',
  async isDone({ system, answers }) {
    const { tang } = answers.unlocking;
    if (tang === undefined) return !(await system.exists(tangMark));
    return (await system.readText(tangMark)) === `${JSON.stringify(tang)}\n`;
  },
  async run({ system, place, answers }: StepContext) {
    const { tang, passphrase } = answers.unlocking;
    const volume = place.kind === 'installed' ? system.at(place.volume) : place.volume;
    if (!(await system.hasProgram('clevis-luks-bind'))) {
      if (tang === undefined) return;
      throw new EncroCamError(
        'PROGRAM_MISSING',
        'Unlocking by a tang server needs clevis, which is not here.',
        {
          hint: 'Install clevis-luks, or leave unlocking.tang out.',
        },
      );
    }
    // What an earlier answer, or an attempt that was cut off, bound.
    await system.remove(tangMark);
    const { output } = await system.run('clevis', ['luks', 'list', '-d', volume]);
    if (output.split('\n').some((line) => line.startsWith(`${tangSlot}:`))) {
      await system.run('clevis', ['luks', 'unbind', '-f', '-d', volume, '-s', String(tangSlot)]);
    }
    if (tang === undefined) return;
    const pin = JSON.stringify({ url: tang.url, thp: tang.thumbprint });
    // -y skips the question whether to trust what the server says: the thumbprint in the pin decides that.
    await system.run(
      'clevis',
      ['luks', 'bind', '-y', '-k', '-', '-d', volume, '-s', String(tangSlot), 'tang', pin],
      { input: passphrase },
    );
    await system.run('systemctl', ['enable', 'encrocam-network-unlock.service']);
    await system.write(tangMark, `${JSON.stringify(tang)}\n`);
  },
};
