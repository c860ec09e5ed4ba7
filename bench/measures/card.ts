/**
 * The card in QEMU, through its own boot loader: from power-on to the unlock prompt, to unlocked with the passphrase typed as
 * soon as it is asked for, and to the first encrypted frame on the disk, for which nobody needs to unlock it. QEMU without
 * hardware support is several times slower than a Raspberry Pi.
 */
import { Home } from '../../test/qemu/home.ts';
import { CardBox } from '../../test/qemu/image.ts';
import { Machine, stopAllMachines } from '../../test/qemu/machine.ts';
import {
  cardWithAnswers,
  frameOnCard,
  pretendClockWasSet,
  secondsToFirstFrame,
  unlock,
  unlockPrompt,
} from '../../test/qemu/scene.ts';
import type { Figure } from '../report.ts';

export async function measureCard(): Promise<Figure[]> {
  const home = await Home.open();
  const cards = CardBox.open();
  try {
    const card = await cardWithAnswers(cards, home);
    const first = await Machine.start({ name: 'bench', card });
    await first.agent.ready();
    await pretendClockWasSet(first);
    await frameOnCard(first);
    const setUp = first.uptimeSeconds;
    await first.agent.until('test -e /var/lib/encrocam/provision/done');
    await first.powerOff();

    const machine = await Machine.start({ name: 'bench', card });
    await machine.console.expect(unlockPrompt);
    const prompt = machine.uptimeSeconds;
    await unlock(machine.console, { isAsked: true });
    const unlocked = machine.uptimeSeconds;
    const frame = await secondsToFirstFrame(machine);
    await machine.stop();
    return [
      {
        name: 'card: power-on of a new card with answers to the first encrypted frame',
        value: setUp,
        unit: 's',
      },
      { name: 'card: power-on to the unlock prompt', value: prompt, unit: 's' },
      { name: 'card: power-on to unlocked', value: unlocked, unit: 's' },
      {
        name: 'card: power-on to the first encrypted frame on disk',
        value: frame,
        unit: 's',
        target: { atMost: 45 },
      },
    ];
  } finally {
    await stopAllMachines();
    cards.close();
    await home.close();
  }
}
