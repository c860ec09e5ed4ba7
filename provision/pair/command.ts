/** `encrocam pair`: see the help text. */
import { randomBytes } from 'node:crypto';
import { defaultOwnerFile, openOwner, wordsText } from '../../ledger/owner/dialogue.ts';
import { withOwnerFile, writeOwnerFile } from '../../ledger/owner/key-file.ts';
import {
  findCamera,
  isCameraName,
  kekOf,
  maxNameLength,
  newCamera,
  newestKey,
  type OwnedCamera,
  type Owner,
} from '../../ledger/owner/owner.ts';
import { type Wallet, walletFromEntropy, wordsOf } from '../../ledger/owner/wallet.ts';
import { encodeCodes } from '../../ledger/pairing/codes.ts';
import { encodeMessage, isHint, maxHintLength, nonceBytes } from '../../ledger/pairing/message.ts';
import type { Command, CommandArguments } from '../../runtime/commands.ts';
import { EncroCamError, messageOf } from '../../runtime/errors.ts';
import { exitCode } from '../../runtime/exit-codes.ts';
import { printable } from '../../runtime/log.ts';
import { askSecret } from '../../runtime/pgp/ask-secret.ts';
import { type AnswerOptions, pairingAnswers } from './answers.ts';
import { chooseShows, showPairing } from './show.ts';

const help = `Usage: encrocam pair [--name NAME] [OPTIONS]

Makes you the owner of a new camera: shows codes that it reads with its own eye. They say whose it is, give it the keys for its videos,
and, if you like, all that its wizard would ask. A camera takes the first owner that it sees, and none after that.

Your wallet (24 words) and all keys are kept in a key file, which is made the first time.

  --name NAME            what you call the camera, to find its keys by. Default: hostName of the answers, or camera
  --new-keys             new keys, for a camera that was reset. Without it, a name that was paired before gets codes with the same keys
  --owner FILE           your key file. Default: ~/.config/encrocam/encrocam-owner.json
  --restore              make the key file again, for the wallet whose 24 words you type
  --words                show the 24 words of the key file, and nothing else
  --passphrase-file FILE the first line is the passphrase of the key file; otherwise it is asked for, or taken from
                         ENCROCAM_OWNER_PASSPHRASE
  --yes                  do not show a new wallet's words and ask for some of them (see --words)

What the camera is told besides:
  --answers FILE         what the wizard would ask, in part or whole: docs/ref/answers.md
  --with-passphrase      put the passphrase of the camera's disk, which is in the answers, into the codes: whoever films them has it
  --hint TEXT            shown where the camera asks for that passphrase, to anybody
  --openpgp KEY          the OpenPGP key that recordings are encrypted for as well: a file, or an https:// or mail address to get it from
  --fingerprint F        the fingerprint of that key; an address needs it
  --wifi SSID            a wireless network; its password is asked for, or taken from ENCROCAM_WIFI_PASSPHRASE (empty: an open one)
  --wifi-country CC      the country that the camera is in, needed with --wifi

How the codes are shown:
  --terminal             in this terminal, over its whole size (the default on a terminal)
  --browser              on a page in a browser, which is removed again when you press Enter
  --page FILE            that page, to be kept
  --png DIRECTORY        as pictures, one for each code
  --json                 their texts, for programs

The codes hold secrets (the keys of the videos to come): show them to the camera alone, and keep no copies.
A camera takes them for an hour. docs/guide/pairing.md says more.
`;

export const command: Command = {
  help,
  options: {
    ...{ name: { type: 'string' }, 'new-keys': { type: 'boolean' }, owner: { type: 'string' } },
    ...{ restore: { type: 'boolean' }, words: { type: 'boolean' }, yes: { type: 'boolean' } },
    ...{ 'passphrase-file': { type: 'string' }, answers: { type: 'string' }, hint: { type: 'string' } },
    ...{
      'with-passphrase': { type: 'boolean' },
      openpgp: { type: 'string' },
      fingerprint: { type: 'string' },
    },
    ...{ wifi: { type: 'string' }, 'wifi-country': { type: 'string' }, terminal: { type: 'boolean' } },
    ...{ browser: { type: 'boolean' }, page: { type: 'string' }, png: { type: 'string' } },
    ...{ json: { type: 'boolean' } },
  },
  async run(args) {
    if (args.positionals.length > 0) throw usage('pair takes options only.');
    if (args.values.words === true) return showWords(args);
    // All that can be wrong in what was typed, before anything is made.
    const shows = chooseShows(args);
    const hint = text(args, 'hint');
    if (hint !== undefined && !isHint(hint))
      throw usage(`--hint takes one line of 1 to ${maxHintLength} characters.`);
    const { answers, notes } = await pairingAnswers(await answerOptions(args));
    const name = text(args, 'name') ?? hostNameIn(answers) ?? 'camera';
    if (!isCameraName(name)) throw usage(`--name takes one line of 1 to ${maxNameLength} characters.`);

    const file = ownerFile(args);
    const { codes, createdMs, wallet } = await withOwnerFile(file, async () => {
      const { owner, passphrase } = await openOwner({
        file,
        passphraseFile: text(args, 'passphrase-file'),
        restore: args.values.restore === true,
        yes: args.values.yes === true,
      });
      const wallet = walletFromEntropy(owner.entropy);
      const camera = cameraFor(owner, name, args.values['new-keys'] === true);
      const createdMs = Date.now();
      const codes = await codesFor(camera, { owner, wallet, createdMs, answers, hint });
      // Durably, before anybody can see the codes: otherwise the keys of a camera could be lost.
      if (!owner.cameras.includes(camera)) {
        await writeOwnerFile(file, passphrase, { ...owner, cameras: [...owner.cameras, camera] });
      }
      return { codes, createdMs, wallet };
    });
    for (const note of notes) process.stderr.write(`${note}\n`);
    const told = {
      owner: wallet.address,
      ownerFile: file,
      camera: name,
      createdMs,
      answers: Object.keys(answers ?? {}),
    };
    await showPairing(codes, told, shows);
    return exitCode.whole;
  },
};

async function showWords(args: CommandArguments): Promise<number> {
  const file = ownerFile(args);
  const passphraseFile = text(args, 'passphrase-file');
  const { owner } = await openOwner({ file, passphraseFile, restore: false, yes: false, mustExist: true });
  process.stdout.write(wordsText(wordsOf(owner.entropy)));
  return exitCode.whole;
}

function ownerFile(args: CommandArguments): string {
  return text(args, 'owner') ?? defaultOwnerFile();
}

async function answerOptions(args: CommandArguments): Promise<AnswerOptions> {
  const [ssid, country] = [text(args, 'wifi'), text(args, 'wifi-country')];
  if ((ssid === undefined) !== (country === undefined)) throw usage('--wifi and --wifi-country go together.');
  const [openpgp, fingerprint] = [text(args, 'openpgp'), text(args, 'fingerprint')];
  if (fingerprint !== undefined && openpgp === undefined) throw usage('--fingerprint is for --openpgp.');
  const file = text(args, 'answers');
  const withPassphrase = args.values['with-passphrase'] === true;
  if (withPassphrase && file === undefined)
    throw usage('--with-passphrase is for --answers: it is taken from there.');
  const wifi = ssid === undefined || country === undefined ? undefined : await askWifi(ssid, country);
  return { file, openpgp, fingerprint, wifi, withPassphrase };
}

async function askWifi(ssid: string, country: string): Promise<AnswerOptions['wifi']> {
  const passphrase = await askSecret(`Password of the network ${printable(ssid)} (not shown): `, {
    variable: 'ENCROCAM_WIFI_PASSPHRASE',
    code: 'USAGE',
  });
  return { ssid, country, ...(passphrase === '' ? {} : { passphrase }) };
}

/** The pairing of this name, or a new one. */
function cameraFor(owner: Owner, name: string, newKeys: boolean): OwnedCamera {
  const known = findCamera(owner, name);
  if (!known || newKeys) return newCamera(name, Date.now());
  const isFirst = (['recordings', 'live'] as const).every(
    (purpose) => newestKey(known, purpose)?.counter === 1,
  );
  if (isFirst) return known;
  throw new EncroCamError('USAGE', `${printable(name)} has had new keys since it was paired.`, {
    hint: 'If it was reset, pair it with --new-keys; if it is another camera, give it another --name.',
  });
}

interface Telling {
  readonly owner: Owner;
  readonly wallet: Wallet;
  readonly createdMs: number;
  readonly answers: Awaited<ReturnType<typeof pairingAnswers>>['answers'];
  readonly hint: string | undefined;
}

async function codesFor(camera: OwnedCamera, telling: Telling): Promise<string[]> {
  const { owner, wallet, createdMs, answers, hint } = telling;
  const recordings = newestKey(camera, 'recordings');
  const live = newestKey(camera, 'live');
  if (!recordings || !live) {
    throw new EncroCamError(
      'OWNER_FILE_UNREADABLE',
      `The key file has no keys of ${printable(camera.name)}.`,
      {
        hint: 'Pair it with --new-keys.',
      },
    );
  }
  const message = await encodeMessage(
    {
      ...{ owner: wallet.address, createdMs, nonce: randomBytes(nonceBytes) },
      ...{ salt: camera.salt, kek: kekOf(owner, camera), recordings, live, answers, hint },
    },
    wallet.signText,
  );
  try {
    return encodeCodes(message);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new EncroCamError('FORMAT_LIMIT', `The answers are too much for codes: ${messageOf(error)}.`, {
      hint: 'Large keys are the usual reason: give an address that the camera gets them from.',
      cause: error,
    });
  }
}

function hostNameIn(answers: Telling['answers']): string | undefined {
  const name = answers?.hostName;
  return typeof name === 'string' ? name : undefined;
}

function text(args: CommandArguments, name: string): string | undefined {
  const value = args.values[name];
  return typeof value === 'string' ? value : undefined;
}

function usage(message: string): EncroCamError {
  return new EncroCamError('USAGE', message, { hint: 'See encrocam pair --help.' });
}
