/** `encrocam export`: see the help text. */
import { rmSync } from 'node:fs';
import { chmod, lstat, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Key } from 'openpgp';
import type { Command } from '../commands.ts';
import { EncroCamError, isEncroCamError, messageOf, systemErrorCode } from '../errors.ts';
import { exitCode } from '../exit-codes.ts';
import { printable } from '../log.ts';
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
import { wholeRange } from '../viewer/time.ts';
import type { Capability } from './capability.ts';
import { completeBundle, type EvidencePart, hasVideo, videoOf, writePart } from './evidence.ts';
import { isAllSound, reportText } from './evidence-report.ts';
import { aroundText, type FoundRuns, findRuns, unsignedHelp } from './find-runs.ts';
import { boundedRange, encodeShare, grant } from './grant-range.ts';
import { removeOnSignal } from './half-made.ts';
import { joinMp4, writeMp4 } from './mp4.ts';

const help = `Usage: encrocam export INPUT --from TIME --to TIME --out NAME --signed-by KEY [OPTIONS]

Writes NAME.mp4, an ordinary video, and NAME-evidence/, by which somebody else can check it: the ciphertext of that part as it is stored,
with the camera's signatures and the keys of the part, a report, a reader in Python, and a README.txt that says in plain words how to
check it offline, without EncroCam.

INPUT   a recording; a directory of recordings; or ftps://USER@HOST/PATH

  --from TIME, --to TIME what to export: 2026-11-22T13:00 (local), 2026-11-22T12:00Z, or -10m (s, m, h, d)
  --out NAME             what comes out; neither NAME.mp4 nor NAME-evidence may exist yet
  --signed-by KEY        the camera's fingerprint (its public key is then in your gpg), or a file with that key
  --key FILE             your secret key, in a file; without it your gpg decrypts, smart cards included.
                         Its passphrase is asked for, or taken from ENCROCAM_PASSPHRASE.
${unsignedHelp}${driveHelp}
The video begins with the last picture before --from that needs no other one. Several runs with different pictures become NAME-1.mp4 and so on.
Whoever has the evidence can watch the video: the keys of the part, whole segments (a minute, unless set otherwise), are in it.
Exit code: 0 as the camera recorded it; 1 usage, input, output or ffmpeg; 2 exported, but not all of it is as the camera recorded it,
or a recording of that time is missing.
`;

export const command: Command = {
  help,
  options: { ...keyOptions, ...rangeOptions, ...driveOptions, out: { type: 'string' } },
  async run(args) {
    const [input, extra] = args.positionals;
    const out = stringOption(args, 'out')?.replace(/\.mp4$/, '');
    if (input === undefined || extra !== undefined || !out || input === '-') {
      throw new EncroCamError('USAGE', 'export takes one INPUT, and --out NAME.', {
        hint: 'See encrocam export --help.',
      });
    }
    const range = boundedRange(args, Date.now());
    const trusted = await trustedFrom(args);
    await refuseExisting([`${out}.mp4`, `${out}-evidence`]);
    const { runs: owner } = await ownerKeysFrom(args);
    return inWorkplace(out, async (workplace) => {
      const { inputs, isDirectory, close } = await findInputs(input, wholeRange, args);
      const progress = new ReadingProgress(processScreen());
      try {
        const withUnsigned = args.values.unsigned === true;
        const options = { range, trusted, withUnsigned, isDirectory, progress };
        const found = await findRuns(input, inputs, options);
        // Before anything is opened or written: whoever reads it can still stop.
        progress.end();
        for (const line of aroundText(found.around)) process.stderr.write(`${line}\n`);
        const camera = Buffer.from(fingerprintOf(trusted), 'hex');
        const capability: Capability = { camera, ...range, runs: await grant(found.runs, owner) };
        // Now, not when all of it was copied.
        encodeShare(capability);
        const { parts, videos } = await write(out, workplace, found, { capability, trusted, progress });
        progress.end();
        process.stderr.write(`${[...videos, `${out}-evidence`].map(printable).join(', ')}\n`);
        process.stderr.write(reportText(parts, found.around, fingerprintOf(trusted)));
        return isAllSound(parts, found.around) ? exitCode.whole : exitCode.incomplete;
      } finally {
        progress.end();
        await close();
      }
    });
  },
};

/** Before hours of reading, not behind them; and once more for names that only come up then. */
async function refuseExisting(files: readonly string[]): Promise<void> {
  for (const file of files) {
    if (!(await lstat(file).catch(() => undefined))) continue;
    throw new EncroCamError('USAGE', `${printable(file)} exists already.`, { hint: 'Choose another --out.' });
  }
}

/**
 * All of it, or nothing: it is made in a directory of its own, and gets its names at the end. That directory is made first, for hours of
 * reading must not end in a place where nothing can be written; it is gone whatever happens.
 */
async function inWorkplace(out: string, work: (workplace: string) => Promise<number>): Promise<number> {
  const workplace = await mkdtemp(`${out}-`).catch((error: unknown) => {
    throw cannotWrite(out, error);
  });
  // What is being written meanwhile may get in between.
  const { forget } = removeOnSignal(() => rmSync(workplace, { recursive: true, force: true, maxRetries: 3 }));
  try {
    return await work(workplace);
  } finally {
    await rm(workplace, { recursive: true, force: true });
    forget();
  }
}

interface WriteOptions {
  readonly capability: Capability;
  readonly trusted: Key;
  readonly progress: ReadingProgress;
}

async function write(
  out: string,
  workplace: string,
  { runs, around }: FoundRuns,
  options: WriteOptions,
): Promise<{ readonly parts: readonly EvidencePart[]; readonly videos: readonly string[] }> {
  const { capability, trusted } = options;
  try {
    const [bundle, videoName] = [path.join(workplace, 'evidence'), path.join(workplace, 'video')];
    await mkdir(bundle, { mode: 0o700 });
    const parts: EvidencePart[] = [];
    const pieces: string[] = [];
    for (const [number, run] of runs.entries()) {
      const shared = capability.runs[number];
      if (!shared) throw new TypeError('a run without its keys');
      const part = await writePart(bundle, `part-${number + 1}`, run, shared, options);
      const piece = path.join(workplace, `piece-${number + 1}.mp4`);
      parts.push(part);
      if (!(await hasVideo(part))) continue;
      await writeMp4(videoOf(part), run.header.statement.container, piece);
      pieces.push(piece);
    }
    const made = await joinMp4(pieces, videoName);
    const named = made.map((file) => ({ file, target: `${out}${file.slice(videoName.length)}` }));
    const videos = named.map(({ file, target }) => ({ file, name: path.basename(target) }));
    await completeBundle(bundle, { capability, parts, around, trusted, videos });
    await refuseExisting([`${out}-evidence`, ...named.map(({ target }) => target)]);
    for (const { file, target } of named) {
      // Footage is private: nobody but the owner reads it unless they change its mode.
      await chmod(file, 0o600);
      await rename(file, target);
    }
    await rename(bundle, `${out}-evidence`);
    return { parts, videos: named.map(({ target }) => target) };
  } catch (error) {
    if (systemErrorCode(error) === undefined || isEncroCamError(error)) throw error;
    throw cannotWrite(out, error);
  }
}

function cannotWrite(out: string, error: unknown): EncroCamError {
  return new EncroCamError('INPUT_UNREADABLE', `Cannot write ${printable(out)}: ${messageOf(error)}.`, {
    hint: 'Check that the directory exists, is writable and has room.',
    cause: error,
  });
}
