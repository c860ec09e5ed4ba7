import type { WifiAnswers } from '../../answers/types.ts';
import { checkSetting, describeSetting, type Question, type QuestionContext } from './question.ts';

export const network: Question = {
  id: 'network',
  title: 'Network',
  why:
    'A cable (Ethernet) works by itself. This camera also has a radio: it can join a wireless network. ' +
    `Recordings reach the drive over whichever is up.`,
  isAsked: async ({ machine }) => machine.kind === 'card' && (await machine.hasRadio()),
  async ask(context) {
    const { dialogue, machine, draft } = context;
    const before = draft.answers.network?.wifi;
    const way = await dialogue.choose({
      message: 'Network',
      choices: [
        { value: 'ethernet', label: 'cable only' },
        { value: 'wifi', label: 'wireless as well' },
      ],
      initial: before ? 'wifi' : 'ethernet',
    });
    if (way === 'ethernet') return { answers: { network: {} } };
    const wifi = await askWifi(context, before);
    await dialogue.work('Joining the wireless network', () => machine.joinWifi(wifi), {
      canBeCancelled: false,
    });
    dialogue.say(
      'It is being joined; that may take half a minute. Trying the drive will show whether it worked.',
    );
    return { answers: { network: { wifi } } };
  },
  summary({ answers }) {
    const { wifi } = answers.network ?? {};
    return wifi ? `cable, and the wireless network "${wifi.ssid}"` : 'cable';
  },
};

async function askWifi(
  { dialogue, machine, draft }: QuestionContext,
  before: WifiAnswers | undefined,
): Promise<WifiAnswers> {
  dialogue.say(describeSetting('network.wifi'));
  const ssid = await dialogue.ask({
    message: 'Name of the network (SSID)',
    initial: before?.ssid ?? '',
    validate: (value) => checkSetting('network.wifi.ssid', value),
  });
  const typed = await dialogue.askSecret({
    message: 'Password (none for an open network)',
    validate: (value) => (value === '' ? undefined : checkSetting('network.wifi.passphrase', value)),
  });
  const zones = await machine.listTimeZones();
  const here = zones.find(({ name }) => name === draft.answers.timeZone)?.country;
  const country = await dialogue.ask({
    message: 'Country, as two letters',
    initial: before?.country ?? here ?? '',
    validate: (value) => checkSetting('network.wifi.country', value.toUpperCase()),
  });
  return {
    ssid,
    ...(typed === '' ? {} : { passphrase: typed }),
    country: country.toUpperCase(),
    hidden: before?.hidden ?? false,
  };
}
