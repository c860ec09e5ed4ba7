/** The time zone: the time burnt into the pictures is local time. */
import { EncroCamError } from '../../runtime/errors.ts';
import type { Step } from './step.ts';

const zones = '/usr/share/zoneinfo';

export const timeZoneStep: Step = {
  id: 'time-zone',
  title: 'Setting the time zone',
  async isDone({ system, place, answers }) {
    // A system that exists has its own; the time zone of its owner is not ours to change.
    if (place.kind === 'installed') return true;
    return (await system.readLink('/etc/localtime')) === `${zones}/${answers.timeZone}`;
  },
  async run({ system, answers }) {
    const file = `${zones}/${answers.timeZone}`;
    if (!(await system.exists(file))) {
      throw new EncroCamError(
        'SYSTEM_UNSUITABLE',
        `This system does not know the time zone ${answers.timeZone}.`,
        {
          hint: 'Names are listed by: timedatectl list-timezones. The data base is in the package tzdata.',
        },
      );
    }
    // Older programs read this one; the link is what counts, so it comes last.
    await system.write('/etc/timezone', `${answers.timeZone}\n`);
    await system.link(file, '/etc/localtime');
  },
};
