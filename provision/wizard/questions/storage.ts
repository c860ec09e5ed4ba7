import { EncroCamError, isEncroCamError } from '../../../runtime/errors.ts';
import type { DirectoryStorageConfig, FtpStorageConfig, StorageConfig } from '../../answers/types.ts';
import { validatePartialAnswers } from '../../answers/validate.ts';
import { readableBitRate } from '../retention.ts';
import { Cancelled } from '../signals.ts';
import {
  type Change,
  checkSetting,
  describeSetting,
  explain,
  type Question,
  type QuestionContext,
} from './question.ts';

export const storage: Question = {
  id: 'storage',
  title: 'Drive',
  why:
    `${describeSetting('storage')} What is there is encrypted and cannot be altered unseen: the drive needs no trust. ` +
    'It is tried for real: log in, write, append, read back, delete.',
  async ask(context) {
    let before = context.draft.answers.storage;
    for (;;) {
      const driver = await context.dialogue.choose({
        message: 'Drive',
        choices: [
          { value: 'ftp', label: 'an FTP server' },
          { value: 'directory', label: 'a directory: a disk or network share that is mounted' },
          { value: 'none', label: 'none: recordings stay on this camera' },
        ],
        initial: before?.driver ?? 'ftp',
      });
      if (driver === 'none')
        return { answers: { storage: { driver } }, facts: { uploadBytesPerSecond: undefined } };
      const asked =
        driver === 'ftp'
          ? await askFtp(context, before?.driver === 'ftp' ? before : undefined)
          : await askDirectory(context, before?.driver === 'directory' ? before : undefined);
      const change = await tryUntilDecided(context, asked);
      if (change) return change;
      before = asked;
    }
  },
  summary({ answers }) {
    const config = answers.storage;
    switch (config?.driver) {
      case 'ftp':
        return `FTP, ${config.user} at ${config.host}, directory ${config.directory}`;
      case 'directory':
        return config.directory;
      default:
        return 'none';
    }
  },
};

/** The answer, or `undefined` to ask for other settings. */
async function tryUntilDecided(context: QuestionContext, asked: StorageConfig): Promise<Change | undefined> {
  const { dialogue, machine, draft } = context;
  let config = asked;
  for (;;) {
    let presented: string | undefined;
    try {
      const trial = await dialogue.work('Trying the drive', (work) => machine.tryStorage(config, work));
      const rate = trial.uploadBytesPerSecond;
      const works = `It works${rate === undefined ? '' : `, at ${readableBitRate(rate)}`}.`;
      if (trial.leftBehind === undefined) dialogue.say(`${works} Nothing was left behind on it.`);
      else {
        dialogue.say(
          `${works} It does not let this account delete: a stolen camera cannot empty it. Old recordings are for the ` +
            `drive itself to remove, and so is ${trial.leftBehind}, which was left behind.`,
        );
        if (config.driver !== 'none') config = { ...config, retention: 'server' };
      }
      const needed = draft.facts.videoBytesPerSecond;
      if (rate !== undefined && needed !== undefined && rate < needed) {
        dialogue.say(
          `That is slower than the cameras record (${readableBitRate(needed)}): it would fall behind.`,
        );
      }
      return { answers: { storage: config }, facts: { uploadBytesPerSecond: rate } };
    } catch (error) {
      if (error instanceof Cancelled) dialogue.say('Given up.');
      else if (error instanceof EncroCamError) dialogue.say(explain(error));
      else throw error;
      presented = isEncroCamError(error, 'STORAGE_UNTRUSTED') ? presentedFingerprint(error) : undefined;
    }
    const next = await dialogue.choose({
      message: 'What now?',
      choices: [
        { value: 'again', label: 'try again' },
        { value: 'change', label: 'change the settings' },
        ...(presented && config.driver === 'ftp'
          ? [{ value: 'pin', label: 'accept exactly this certificate from now on' } as const]
          : []),
        { value: 'keep', label: 'take it as it is: recordings wait on the camera until the drive answers' },
      ],
      initial: 'change',
    });
    if (next === 'change') return undefined;
    if (next === 'keep') return { answers: { storage: config }, facts: { uploadBytesPerSecond: undefined } };
    if (next === 'pin' && presented && config.driver === 'ftp') {
      dialogue.say(`Compare it with what the drive's owner tells you:\n  ${presented}`);
      if (await dialogue.confirm({ message: 'Is it the same?', initial: false })) {
        config = { ...config, tls: { ...config.tls, fingerprint: presented } };
      }
    }
  }
}

/** The driver tells in its hint which certificate it was shown. */
function presentedFingerprint(error: EncroCamError): string | undefined {
  return /\b(?:[0-9A-F]{2}:){31}[0-9A-F]{2}\b/.exec(error.hint ?? '')?.[0];
}

async function askFtp(
  { dialogue }: QuestionContext,
  before: FtpStorageConfig | undefined,
): Promise<FtpStorageConfig> {
  const check = (name: string) => (value: string) =>
    checkSetting(`storage.${name}`, value, {
      storage: { driver: 'ftp', host: 'a', user: 'a', password: '' },
    });
  const host = await dialogue.ask({
    message: 'Server (name or address)',
    initial: before?.host ?? '',
    validate: check('host'),
  });
  const port = await dialogue.ask({
    message: 'Port',
    initial: String(before?.port ?? 21),
    validate: (value) => (/^\d+$/.test(value) ? checkPort(Number(value)) : 'A number, please.'),
  });
  const user = await dialogue.ask({
    message: 'Account',
    initial: before?.user ?? '',
    validate: check('user'),
  });
  const password = await dialogue.askSecret({
    message: before ? 'Password (nothing keeps the one before)' : 'Password',
    validate: check('password'),
  });
  const directory = await dialogue.ask({
    message: 'Directory on the drive',
    initial: before?.directory ?? '/',
    validate: check('directory'),
  });
  const mode = await dialogue.choose({
    message: 'Protection of the connection',
    choices: [
      { value: 'explicit', label: 'TLS (almost every server has it)' },
      { value: 'off', label: 'none: the password crosses the network in the clear' },
    ],
    initial: before?.tls.mode ?? 'explicit',
  });
  return complete({
    ...before,
    ...{ driver: 'ftp', host, port: Number(port), user, directory },
    password: password === '' && before ? before.password : password,
    // Another account has other rights, and another server another certificate.
    retention: before?.host === host && before.user === user ? before.retention : 'camera',
    tls: { ...(before?.host === host ? before.tls : {}), mode },
  });
}

function checkPort(port: number): string | undefined {
  return checkSetting('storage.port', port, {
    storage: { driver: 'ftp', host: 'a', user: 'a', password: '' },
  });
}

async function askDirectory(
  { dialogue }: QuestionContext,
  before: DirectoryStorageConfig | undefined,
): Promise<DirectoryStorageConfig> {
  const directory = await dialogue.ask({
    message: 'Directory',
    initial: before?.directory ?? '',
    validate: (value) =>
      value.startsWith('/')
        ? checkSetting('storage.directory', value, { storage: { driver: 'directory' } })
        : 'The whole path, beginning with /.',
  });
  return complete({ ...before, driver: 'directory', directory });
}

/** With the schema's defaults. */
function complete<T extends StorageConfig>(config: { driver: T['driver'] } & Record<string, unknown>): T {
  return validatePartialAnswers({ storage: config }).storage as T;
}
