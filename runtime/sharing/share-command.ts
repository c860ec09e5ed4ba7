/** `encrocam share`: see the help text. */
import { rmSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import type { Command, CommandArguments } from '../commands.ts';
import { EncroCamError, messageOf } from '../errors.ts';
import { exitCode } from '../exit-codes.ts';
import { localTime, printable } from '../log.ts';
import { fingerprintOf } from '../pgp/keys.ts';
import { ReadingProgress } from '../verifier/progress.ts';
import { findInputs } from '../viewer/inputs.ts';
import {
  driveHelp,
  driveOptions,
  keyOptions,
  ownerKeysFrom,
  rangeOptions,
  stringOption,
  trustedFrom,
} from '../viewer/options.ts';
import { processScreen } from '../viewer/progress.ts';
import { parseTime, wholeRange } from '../viewer/time.ts';
import { type Capability, maxNoteBytes, segmentsOf } from './capability.ts';
import { aroundText, type FoundRun, findRuns, unsignedHelp } from './find-runs.ts';
import { boundedRange, encodeShare, grant, shareableTime } from './grant-range.ts';
import { removeOnSignal } from './half-made.ts';
import { parseBase, shareLink } from './link.ts';
import { encryptShare, receiversIn } from './share-file.ts';

const help = `Usage: encrocam share INPUT --from TIME --to TIME --signed-by KEY (--with KEY | --link) [OPTIONS]

Gives somebody the keys of a part of your recordings, and of nothing else: nothing is encrypted again, and the recordings stay as they
are and where they are. Whoever gets the share needs INPUT as well, and your camera's public key:

    encrocam play INPUT --signed-by camera.public.asc --share FILE

INPUT   a recording; a directory of recordings; or ftps://USER@HOST/PATH

  --from TIME, --to TIME what to share: 2026-11-22T13:00 (local), 2026-11-22T12:00Z, or -10m (s, m, h, d)
  --with KEY             a file with the receiver's public OpenPGP key: only that key opens the share
  --link                 make a link instead, for whoever has it; all of it stands behind the #
  --base URL             what the link begins with, an https:// address. Default: encrocam-share:
  --expires TIME         our software refuses the share from then on: a time, or +7d (s, m, h, d)
  --note TEXT            for people, at most ${maxNoteBytes} bytes
  --out FILE             write the share there; it must not exist yet. Default: standard output
  --signed-by KEY        the camera's fingerprint (its public key is then in your gpg), or a file with that key
  --key FILE             your secret key, in a file; without it your gpg decrypts, smart cards included.
                         Its passphrase is asked for, or taken from ENCROCAM_PASSPHRASE.
${unsignedHelp}${driveHelp}
A share opens whole segments (a minute, unless set otherwise) at both ends: what is cut off to the second is cut off by our software.
What was given cannot be taken back. docs/guide/sharing.md says more.
`;

export const command: Command = {
  help,
  options: {
    ...keyOptions,
    ...rangeOptions,
    ...driveOptions,
    ...{ with: { type: 'string' }, link: { type: 'boolean' }, base: { type: 'string' } },
    ...{ expires: { type: 'string' }, note: { type: 'string' }, out: { type: 'string' } },
  },
  async run(args) {
    const [input, extra] = args.positionals;
    if (input === undefined || extra !== undefined) throw usage('share takes one INPUT.');
    const nowMs = Date.now();
    const range = boundedRange(args, nowMs);
    const make = await shareMaker(args);
    const terms = termsFrom(args, nowMs);
    const trusted = await trustedFrom(args);
    const { runs: owner } = await ownerKeysFrom(args);
    const out = await openOutput(stringOption(args, 'out'));
    const progress = new ReadingProgress(processScreen());
    try {
      const { inputs, isDirectory, close } = await findInputs(input, wholeRange, args);
      try {
        const withUnsigned = args.values.unsigned === true;
        const options = { range, trusted, withUnsigned, isDirectory, progress };
        const { runs, around } = await findRuns(input, inputs, options);
        progress.end();
        // Before anything is opened or written: whoever reads it can still stop.
        for (const line of aroundText(around)) process.stderr.write(`${line}\n`);
        const camera = Buffer.from(fingerprintOf(trusted), 'hex');
        const capability = { camera, ...range, ...terms, runs: await grant(runs, owner) };
        const share = encodeShare(capability);
        await out.write(await make(share));
        for (const line of summary(capability, runs, share.length)) process.stderr.write(`${line}\n`);
        return exitCode.whole;
      } finally {
        progress.end();
        await close();
      }
    } finally {
      await out.end();
    }
  },
};

/** Checked before anything is read, so that an hour's work does not end in a wrong option. */
async function shareMaker(args: CommandArguments): Promise<(share: Buffer) => Promise<string>> {
  const [receiver, base] = [stringOption(args, 'with'), stringOption(args, 'base')];
  const isLink = args.values.link === true;
  if (isLink === (receiver !== undefined)) throw usage('Either --with KEY or --link is needed.');
  if (receiver === undefined) {
    const begin = base === undefined ? undefined : parseBase(base);
    return async (share) => `${shareLink(share, begin)}\n`;
  }
  if (base !== undefined) throw usage('--base is for --link.');
  const keys = await receiversIn(receiver);
  return (share) => encryptShare(share, keys);
}

function termsFrom(args: CommandArguments, nowMs: number): Pick<Capability, 'expiresMs' | 'note'> {
  const [expires, note] = [stringOption(args, 'expires'), stringOption(args, 'note')];
  const length = Buffer.byteLength(note ?? ' ');
  if (length === 0 || length > maxNoteBytes) throw usage(`--note takes 1 to ${maxNoteBytes} bytes.`);
  return {
    ...(expires === undefined ? {} : { expiresMs: parseExpiry(expires, nowMs) }),
    ...(note === undefined ? {} : { note }),
  };
}

/**
 * A time as elsewhere, or `+7d` from now.
 * @throws {EncroCamError} `USAGE`, also for a time that is over.
 */
function parseExpiry(text: string, nowMs: number): number {
  const ahead = /^\+(\d{1,9}[smhd])$/.exec(text)?.[1];
  const namedMs =
    ahead === undefined
      ? parseTime(text, 'expires', nowMs)
      : 2 * nowMs - parseTime(`-${ahead}`, 'expires', nowMs);
  const expiresMs = shareableTime(namedMs, 'expires');
  if (expiresMs > nowMs) return expiresMs;
  throw usage(`--expires: ${localTime(new Date(expiresMs))} is over.`);
}

interface Output {
  write(text: string): Promise<void>;
  /** Takes a file away into which nothing was written. */
  end(): Promise<void>;
}

/** Before anything is read, so that an hour's work does not end in a file that cannot be written. */
async function openOutput(file: string | undefined): Promise<Output> {
  if (file === undefined) {
    return { write: async (text) => void process.stdout.write(text), end: async () => undefined };
  }
  const failed = (error: unknown): never => {
    throw new EncroCamError('INPUT_UNREADABLE', `Cannot write ${printable(file)}: ${messageOf(error)}.`, {
      hint: 'Name a file that does not exist yet.',
      cause: error,
    });
  };
  const handle = await open(file, 'wx', 0o600).catch(failed);
  const { forget } = removeOnSignal(() => rmSync(file, { force: true }));
  let isWritten = false;
  return {
    async write(text) {
      await handle.writeFile(text).catch(failed);
      isWritten = true;
    },
    async end() {
      await handle.close();
      if (!isWritten) await rm(file, { force: true });
      forget();
    },
  };
}

function summary(capability: Capability, runs: readonly FoundRun[], bytes: number): string[] {
  const { fromMs, toMs, expiresMs } = capability;
  const clock = (timeMs: number): string => localTime(new Date(timeMs)).slice(0, 19);
  const nodes = capability.runs.reduce((sum, run) => sum + run.nodes.length, 0);
  const lines = runs.map(({ checked, header, lengthMs }, number) => {
    const { startMs, segmentMs } = header.statement;
    const {
      fromMs: from,
      toMs: to,
      nodes: given,
    } = capability.runs[number] ?? { fromMs: 0, toMs: 0, nodes: [] };
    const { first, last } = segmentsOf(given);
    const end = startMs + Math.min((last + 1) * segmentMs, lengthMs);
    const opened = `${clock(startMs + first * segmentMs)} to ${clock(end)}`;
    return `  ${checked.file}: ${clock(startMs + from)} to ${clock(startMs + to)}; its keys open ${opened}`;
  });
  const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`;
  return [
    `Shared from ${clock(fromMs)} to ${clock(toMs)}: ${count(nodes, 'key')} of ${count(runs.length, 'run')}, ${bytes} bytes`,
    ...lines,
    expiresMs === undefined
      ? '  It does not expire, and cannot be taken back.'
      : `  Our software refuses it from ${clock(expiresMs)} on. What was given cannot be taken back.`,
  ];
}

function usage(message: string): EncroCamError {
  return new EncroCamError('USAGE', message, { hint: 'See encrocam share --help.' });
}
