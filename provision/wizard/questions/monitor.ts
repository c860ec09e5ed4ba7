import { EncroCamError } from '../../../runtime/errors.ts';
import { validatePartialAnswers } from '../../answers/validate.ts';
import { Cancelled } from '../signals.ts';
import { checkSetting, describeSetting, explain, type Question } from './question.ts';

const tryTimeoutMs = 10_000;

export const monitor: Question = {
  id: 'monitor',
  title: 'Uptime monitor',
  why:
    'Whoever means harm first takes the camera off the network. A monitor outside notices that it went silent and ' +
    'tells you: healthchecks.io, Uptime Kuma and others give you an address that the camera calls every few minutes, ' +
    'but only while it records and uploads.',
  async ask({ dialogue, machine, draft }) {
    const before = draft.answers.monitor;
    if (!(await dialogue.confirm({ message: 'Have you such an address?', initial: before !== undefined }))) {
      return { without: ['monitor'] };
    }
    for (;;) {
      const typed = await dialogue.askSecret({
        message: `Address, beginning with https://${before ? ' (nothing keeps the one before)' : ''}`,
        validate: (value) => (value === '' && before ? undefined : checkSetting('monitor.url', value.trim())),
      });
      const url = typed.trim() === '' && before ? before.url : typed.trim();
      try {
        await dialogue.work('Calling it', ({ signal }) => machine.tryMonitor(url, tryTimeoutMs, signal));
        dialogue.say('It answered.');
      } catch (error) {
        if (error instanceof Cancelled) dialogue.say('Given up.');
        else if (error instanceof EncroCamError) dialogue.say(explain(error));
        else throw error;
        const anyway = await dialogue.confirm({ message: 'Take it all the same?', initial: false });
        if (!anyway) continue;
      }
      dialogue.say(describeSetting('monitor.startAndFailSignals').replaceAll('`', ''));
      const startAndFailSignals = await dialogue.confirm({
        message: 'Does your monitor understand that?',
        initial: before?.startAndFailSignals ?? /^https:\/\/hc-ping\.com\//.test(url),
      });
      const { monitor } = validatePartialAnswers({ monitor: { ...before, url, startAndFailSignals } });
      return monitor ? { answers: { monitor } } : {};
    }
  },
  summary: ({ answers }) =>
    answers.monitor ? `called every ${answers.monitor.intervalSeconds} seconds` : 'none',
};
