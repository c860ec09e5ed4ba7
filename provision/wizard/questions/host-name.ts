import { checkSetting, describeSetting, type Question } from './question.ts';

export const hostName: Question = {
  id: 'hostName',
  title: 'Host name',
  why: `${describeSetting('hostName')} It is what you log in to, and what your router shows.`,
  isAsked: ({ machine }) => machine.kind === 'card',
  async ask({ dialogue, draft }) {
    const name = await dialogue.ask({
      message: 'Host name',
      initial: draft.answers.hostName ?? 'encrocam',
      validate: (value) => checkSetting('hostName', value),
    });
    return { answers: { hostName: name } };
  },
  summary: ({ answers }) => answers.hostName ?? 'encrocam',
};
