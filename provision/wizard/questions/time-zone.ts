import { describeSetting, type Question } from './question.ts';

export const timeZone: Question = {
  id: 'timeZone',
  title: 'Time zone',
  why: `${describeSetting('timeZone')} Type a part of a city's name, pick with the arrow keys.`,
  isAsked: ({ machine }) => machine.kind === 'card',
  async ask({ dialogue, machine, draft }) {
    const zones = await machine.listTimeZones();
    const name = await dialogue.search({
      message: 'Time zone',
      choices: zones.map((zone) => zone.name),
      initial: draft.answers.timeZone ?? 'Etc/UTC',
    });
    const now = new Date().toLocaleString('en-GB', {
      timeZone: name,
      timeStyle: 'short',
      dateStyle: 'medium',
    });
    dialogue.say(`There it is ${now} by the clock of the camera, which is set over the network.`);
    return { answers: { timeZone: name } };
  },
  summary: ({ answers }) => answers.timeZone ?? 'Etc/UTC',
};
