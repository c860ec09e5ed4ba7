/** `encrocam verify`: see the help text. */

import { type FileHandle, open, rm } from 'node:fs/promises';
import type { Key } from 'openpgp';
import type { Command, CommandArguments } from '../commands.ts';
import { EncroCamError, messageOf } from '../errors.ts';
import { exitCode } from '../exit-codes.ts';
import { createLogger, type Logger, printable } from '../log.ts';
import { findTrustedSigner } from '../pgp/trusted-signer.ts';
import { findInputs } from '../viewer/inputs.ts';
import { findPlace } from '../viewer/location.ts';
import { driveHelp, driveOptions, stringOption } from '../viewer/options.ts';
import { processScreen } from '../viewer/progress.ts';
import { driveShelf, localShelf } from '../viewer/shelf.ts';
import { wholeRange } from '../viewer/time.ts';
import type { ChainVerification } from './chain/check-chain.ts';
import { chainAsText, isChainSound } from './chain/report.ts';
import type { ChainSettings } from './chain/settings.ts';
import { checkPlaces, type Verified } from './check-places.ts';
import { asHtml } from './page.ts';
import { ReadingProgress } from './progress.ts';
import { asJson, asText, hasForeign, isSound } from './report.ts';
import { type Audit, audit, isAuditSound } from './sample/audit.ts';
import { auditAsText, auditsAsJson } from './sample/report.ts';
import { onceEach } from './timeline.ts';

const maxSamples = 1_000_000;

const chainOptions = {
  rpc: { type: 'string', multiple: true },
  'chain-id': { type: 'string' },
  checkpoints: { type: 'string' },
  ownership: { type: 'string' },
  owner: { type: 'string' },
  'ledger-camera': { type: 'string', multiple: true },
  ledger: { type: 'string', multiple: true },
  from: { type: 'string' },
  confirmations: { type: 'string' },
} as const;

const help = `Usage: encrocam verify INPUT... --signed-by KEY [OPTIONS]

Checks recordings with the camera's public key alone: nothing is decrypted, so whoever keeps them can check them. Tells
for each day what is intact, missing, tampered with, or without anybody to vouch for it, and the camera's own reasons for gaps.

INPUT   a recording; the directory of one camera, whose recordings are followed from one to the next, as are several
        recordings of one directory; or
        ftps://USER@HOST/PATH (its password is asked for, or taken from ENCROCAM_FTP_PASSWORD)

  --signed-by KEY        the camera's fingerprint (its public key is then in your gpg), or a file with
                         that key
  --json                 for programs; times in UTC
  --sample N             read N random places and each file's beginning and end only, and say what they prove: for what
                         is too large to be read as a whole; 300 are a good number. It tells missing files and cut ends,
                         and what share of the bytes may not be the camera's, in its order, each once. Time that is
                         missing within a file it does not tell
  --html FILE            write a page as well, with each day drawn; it must not exist yet
  --chain                ask a public chain too: file, run, tree, chain. Tells what existed before which block, was
                         recorded after which, is missing, or is not what was committed. It needs the tree files
                         (tree-*.json, in the first camera's directory of a drive) or the proofs beside the recordings
${driveHelp}
With --chain, and all told by you: what stands in files of a drive is not believed. -c FILE gives the first five too.
  --rpc URL              a node of the chain; give several, of different operators: where they differ nothing is concluded
  --chain-id N           the number of the chain
  --checkpoints ADDRESS  the contracts; without these those that this program has, where chains usually have them
  --ownership ADDRESS
  --owner ADDRESS|FILE   your wallet, or your key file: the camera must be yours. Without --ledger-camera, cameras that claim you
                         are looked at
  --ledger-camera ADDRESS
                         the camera's address (encrocam identity tells it); may be given several times
  --ledger PLACE         another directory with tree files, here or on a drive; may be given several times
  --from TIME            ask for everything since then; without it, since the oldest recording that is here
  --confirmations N      blocks after which the chain counts as lasting; 12 without it

Exit code: 0 as the camera recorded it, up to what it records now; 1 usage, or something could not be read; 2 something is missing, damaged or
not vouched for; 3 something was signed by somebody else than KEY.
`;

export const command: Command = {
  help,
  options: {
    ...driveOptions,
    'signed-by': { type: 'string' },
    json: { type: 'boolean' },
    html: { type: 'string' },
    sample: { type: 'string' },
    chain: { type: 'boolean' },
    ...chainOptions,
  },
  async run(args) {
    const signer = stringOption(args, 'signed-by');
    if (args.positionals.length === 0 || signer === undefined) {
      throw new EncroCamError('USAGE', 'verify takes INPUT and --signed-by KEY.', {
        hint: 'See encrocam verify --help.',
      });
    }
    const settings = await chainSettingsFrom(args);
    const trusted = await findTrustedSigner(signer);
    const sample = stringOption(args, 'sample');
    if (sample !== undefined) return auditAll(sampleCount(sample), trusted, args);
    const pageFile = stringOption(args, 'html');
    const page = pageFile === undefined ? undefined : await openPage(pageFile);
    let verified: Verified;
    let chain: ChainVerification | undefined;
    try {
      // Now already: an hour's work must not end at a node that is away. It is asked again then: few keep what was an hour ago.
      if (settings) await (await import('./chain/check-chain.ts')).openChain(settings, chainLogger());
      verified = await checkPlaces(args.positionals, trusted, args, settings !== undefined);
      if (settings) chain = await checkOnChain(settings, verified, args);
      if (chain && isChainSound(chain) && verified.verifications.every(({ files }) => files.length === 0)) {
        throw new EncroCamError('INPUT_UNREADABLE', 'There is no recording, and the chain misses none.', {
          hint: 'Was the right directory named, and the right camera (--ledger-camera)?',
        });
      }
      await page?.writeFile(asHtml(verified.verifications, Date.now(), chain));
    } catch (error) {
      if (pageFile !== undefined) await rm(pageFile, { force: true });
      throw error;
    } finally {
      await page?.close();
    }
    const { verifications } = verified;
    const parts = [...verifications.map(asText), ...(chain ? [chainAsText(chain)] : [])];
    process.stdout.write(args.values.json === true ? asJson(verifications, chain) : parts.join('\n'));
    if (verifications.some(hasForeign)) return exitCode.notAuthentic;
    const isProven = !chain || isChainSound(chain);
    return verifications.every(isSound) && isProven ? exitCode.whole : exitCode.incomplete;
  },
};

function sampleCount(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= maxSamples) return count;
  throw new EncroCamError(
    'USAGE',
    `--sample takes a number from 1 to ${maxSamples}, not ${JSON.stringify(text)}.`,
    {
      hint: 'See encrocam verify --help.',
    },
  );
}

async function auditAll(count: number, trusted: Key, args: CommandArguments): Promise<number> {
  if (args.values.html !== undefined) {
    throw new EncroCamError('USAGE', '--html draws what was checked as a whole, and --sample does not.', {
      hint: 'Leave one of them out.',
    });
  }
  const audits: Audit[] = [];
  const progress = new ReadingProgress(processScreen());
  for (const place of args.positionals) {
    const { inputs, close } = await findInputs(place, wholeRange, args, { withCopies: true });
    try {
      audits.push(await audit(place, inputs, { count, trusted, progress }));
    } finally {
      progress.end();
      await close();
    }
  }
  process.stdout.write(args.values.json === true ? auditsAsJson(audits) : audits.map(auditAsText).join('\n'));
  if (audits.some((one) => one.hasForeign)) return exitCode.notAuthentic;
  return audits.every(isAuditSound) ? exitCode.whole : exitCode.incomplete;
}

async function chainSettingsFrom(args: CommandArguments): Promise<ChainSettings | undefined> {
  const wrong = (message: string): EncroCamError =>
    new EncroCamError('USAGE', message, { hint: 'See encrocam verify --help.' });
  if (args.values.chain !== true) {
    const given = Object.keys(chainOptions).find((name) => args.values[name] !== undefined);
    if (given !== undefined) throw wrong(`--${given} is for --chain, which is missing.`);
    return undefined;
  }
  if (args.values.sample !== undefined)
    throw wrong('--chain reads recordings to their ends, and --sample does not.');
  const { chainSettings } = await import('./chain/settings.ts');
  return chainSettings(args, Date.now());
}

function chainLogger(): Logger {
  return createLogger({ level: 'warn', format: 'text' });
}

async function checkOnChain(
  settings: ChainSettings,
  { verifications, shelves: beside, isWhole }: Verified,
  args: CommandArguments,
): Promise<ChainVerification> {
  const shelves = [...beside];
  for (const text of (args.values.ledger as string[] | undefined) ?? []) {
    const place = await findPlace(text, args);
    if (place.kind === 'local') shelves.push(localShelf(place.path));
    if (place.kind === 'drive') shelves.push(driveShelf(place.storage, place.path));
  }
  const { checkChain } = await import('./chain/check-chain.ts');
  const runs = verifications.flatMap(({ files }) => onceEach(files.flatMap((file) => file.runs)));
  try {
    return await checkChain(settings, { runs, shelves, isWhole }, chainLogger());
  } finally {
    for (const shelf of shelves) await shelf.close();
  }
}

/** Made before anything is checked: an hour's work must not end in a page that cannot be written. */
async function openPage(file: string): Promise<FileHandle> {
  try {
    return await open(file, 'wx');
  } catch (error) {
    throw new EncroCamError('INPUT_UNREADABLE', `Cannot write ${printable(file)}: ${messageOf(error)}.`, {
      hint: 'Name a file that does not exist yet.',
      cause: error,
    });
  }
}
