import { validatePartialAnswers } from '../../answers/validate.ts';
import { bytesPerDay, daysThatFit, readableBitRate, readableBytes, readableDays } from '../retention.ts';
import { checkSetting, type Question, type QuestionContext } from './question.ts';

const bytesPerMegabyte = 1_000_000;

export const retention: Question = {
  id: 'retention',
  title: 'Days to keep',
  why:
    'Recordings that are older are removed, on the camera and on the drive. When the camera is full earlier, the ' +
    'oldest that the drive holds go first.',
  async ask(context) {
    const { dialogue, draft } = context;
    const { answers, facts } = draft;
    const recordings = complete(answers.recordings ?? {});
    const daily =
      facts.videoBytesPerSecond === undefined ? undefined : bytesPerDay(facts.videoBytesPerSecond);
    if (facts.videoBytesPerSecond !== undefined && daily !== undefined) {
      dialogue.say(
        `The test recordings had ${readableBitRate(facts.videoBytesPerSecond)}: about ${readableBytes(daily)} a day, with a reserve for what moves.`,
      );
    }
    const fit = await tellRoom(context, 'camera', recordings.directory, recordings.keepFreeMegabytes, daily);
    const retentionDays = await askDays(context, {
      message: 'Days on the camera',
      initial:
        answers.recordings?.retentionDays ?? Math.max(1, Math.min(recordings.retentionDays, fit ?? 14)),
      check: (days) => checkSetting('recordings.retentionDays', days),
    });
    if (fit !== undefined && retentionDays > fit) {
      dialogue.say(`That is more than fits: after about ${readableDays(fit)} the oldest go first.`);
    }
    const changed = { recordings: { ...recordings, retentionDays } };
    const { storage } = answers;
    if (!storage || storage.driver === 'none') return { answers: changed };
    if (storage.driver === 'directory') {
      await tellRoom(context, 'drive', storage.directory, 0, daily);
    } else dialogue.say('How much room an FTP drive has, it does not tell.');
    const driveDays = await askDays(context, {
      message:
        storage.retention === 'server'
          ? 'Days for which the drive keeps them by itself (0: for ever)'
          : 'Days on the drive (0 keeps them for ever)',
      initial: storage.retentionDays,
      check: (days) => checkSetting('storage.retentionDays', days, { storage: { ...storage } }),
    });
    if (daily !== undefined && driveDays > 0) {
      dialogue.say(`The drive needs room for about ${readableBytes(daily * driveDays)}.`);
    }
    return { answers: { ...changed, storage: { ...storage, retentionDays: driveDays } } };
  },
  summary({ answers }) {
    const { recordings, storage } = answers;
    const onCamera = `${recordings?.retentionDays ?? 14} days on the camera`;
    if (!storage || storage.driver === 'none') return onCamera;
    return `${onCamera}, ${storage.retentionDays === 0 ? 'for ever' : `${storage.retentionDays} days`} on the drive`;
  },
};

/** Tells how much room there is, and returns how many days fit if that is known. */
async function tellRoom(
  { dialogue, machine }: QuestionContext,
  where: 'camera' | 'drive',
  directory: string,
  keepFreeMegabytes: number,
  daily: number | undefined,
): Promise<number | undefined> {
  const { freeBytes, totalBytes } = await machine.space(directory);
  const usable = Math.max(0, freeBytes - keepFreeMegabytes * bytesPerMegabyte);
  const room = `The ${where} has ${readableBytes(usable)} free of ${readableBytes(totalBytes)}`;
  const days = daily === undefined ? undefined : daysThatFit(usable, daily);
  if (days === undefined) dialogue.say(`${room}.`);
  else dialogue.say(`${room}: room for ${days === 0 ? 'less than a day' : `about ${readableDays(days)}`}.`);
  return days;
}

async function askDays(
  { dialogue }: QuestionContext,
  {
    message,
    initial,
    check,
  }: { message: string; initial: number; check: (days: number) => string | undefined },
): Promise<number> {
  const typed = await dialogue.ask({
    message,
    initial: String(initial),
    validate: (value) => (/^\d+(?:\.\d+)?$/.test(value) ? check(Number(value)) : 'A number of days, please.'),
  });
  return Number(typed);
}

/** With the schema's defaults. */
function complete(given: object): NonNullable<ReturnType<typeof validatePartialAnswers>['recordings']> {
  const { recordings } = validatePartialAnswers({ recordings: given });
  if (!recordings) throw new TypeError('recordings that were given are gone');
  return recordings;
}
