/** `encrocam verify`: see the help text. */

import { type FileHandle, open, rm } from 'node:fs/promises';
import type { Key } from 'openpgp';
import type { Command, CommandArguments } from '../commands.ts';
import { EncroCamError, messageOf } from '../errors.ts';
import { exitCode } from '../exit-codes.ts';
import { printable } from '../log.ts';
import { fingerprintOf } from '../pgp/keys.ts';
import { findTrustedSigner } from '../pgp/trusted-signer.ts';
import { findInputs } from '../viewer/inputs.ts';
import { driveHelp, driveOptions, stringOption } from '../viewer/options.ts';
import { processScreen } from '../viewer/progress.ts';
import { wholeRange } from '../viewer/time.ts';
import { type Audit, audit, auditAsText, auditsAsJson, isAuditSound } from './audit.ts';
import { type CheckedFile, checkFile } from './check-file.ts';
import { asHtml } from './page.ts';
import { ReadingProgress } from './progress.ts';
import { asJson, asText, hasForeign, isSound, type Verification, verificationOf } from './report.ts';

const maxSamples = 1_000_000;

const help = `Usage: encrocam verify INPUT... --signed-by KEY [OPTIONS]

Checks recordings with the camera's public key alone: nothing is decrypted, so whoever keeps them can check them. Tells
for each day what is intact, missing, tampered with, or without anybody to vouch for it, and the camera's own reasons for gaps.

INPUT   a recording; the directory of one camera, whose recordings are followed from one to the next; or
        ftps://USER@HOST/PATH (its password is asked for, or taken from ENCROCAM_FTP_PASSWORD)

  --signed-by KEY        the camera's fingerprint (its public key is then in your gpg), or a file with
                         that key
  --json                 for programs; times in UTC
  --sample N             read N random places only, and say what they prove of the rest: for what is too
                         large to be read as a whole; 300 are a good number
  --html FILE            write a page as well, with each day drawn; it must not exist yet
${driveHelp}
Exit code: 0 as the camera recorded it; 1 usage, or something could not be read; 2 something is missing, damaged or
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
  },
  async run(args) {
    const signer = stringOption(args, 'signed-by');
    if (args.positionals.length === 0 || signer === undefined) {
      throw new EncroCamError('USAGE', 'verify takes INPUT and --signed-by KEY.', {
        hint: 'See encrocam verify --help.',
      });
    }
    const trusted = await findTrustedSigner(signer);
    const sample = stringOption(args, 'sample');
    if (sample !== undefined) return auditAll(sampleCount(sample), trusted, args);
    const pageFile = stringOption(args, 'html');
    const page = pageFile === undefined ? undefined : await openPage(pageFile);
    let verifications: Verification[];
    try {
      verifications = await verifyAll(args.positionals, trusted, args);
      await page?.writeFile(asHtml(verifications, Date.now()));
    } catch (error) {
      if (pageFile !== undefined) await rm(pageFile, { force: true });
      throw error;
    } finally {
      await page?.close();
    }
    const text = args.values.json === true ? asJson(verifications) : verifications.map(asText).join('\n');
    process.stdout.write(text);
    if (verifications.some(hasForeign)) return exitCode.notAuthentic;
    return verifications.every(isSound) ? exitCode.whole : exitCode.incomplete;
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
    const { inputs, close } = await findInputs(place, wholeRange, args);
    try {
      audits.push(await audit(place, inputs, { count, trusted, progress }));
    } finally {
      progress.end();
      await close();
    }
  }
  process.stdout.write(args.values.json === true ? auditsAsJson(audits) : audits.map(auditAsText).join('\n'));
  return audits.every(isAuditSound) ? exitCode.whole : exitCode.incomplete;
}

async function verifyAll(
  places: readonly string[],
  trusted: Key,
  args: CommandArguments,
): Promise<Verification[]> {
  const verifications: Verification[] = [];
  const progress = new ReadingProgress(processScreen());
  for (const place of places) {
    const { inputs, close } = await findInputs(place, wholeRange, args);
    try {
      const files: CheckedFile[] = [];
      for await (const input of inputs) {
        const source = await input.open();
        try {
          files.push(await checkFile(source.name, progress.read(source, input), trusted));
        } finally {
          await source.close();
        }
      }
      verifications.push(verificationOf(place, fingerprintOf(trusted), files));
    } finally {
      progress.end();
      await close();
    }
  }
  return verifications;
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
