/** `encrocam proof`: see the help text. */
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Command, CommandArguments } from '../../runtime/commands.ts';
import { EncroCamError, isEncroCamError, messageOf, systemErrorCode } from '../../runtime/errors.ts';
import { exitCode } from '../../runtime/exit-codes.ts';
import { localTime, printable } from '../../runtime/log.ts';
import { isTreeFileName, ledgerDirectoryName, proofFileName } from '../../runtime/recordings/companions.ts';
import { writeDurably } from './durable.ts';
import { decodeTreeFile, encodeProofFile, maxTreeFileBytes, type TreeFile } from './files.ts';
import { type FoundRun, runsOfFile } from './found-runs.ts';
import { type Hex, hexOf } from './hex.ts';
import { makeProofFile, TreeIndex } from './proof.ts';
import type { RunEnd } from './tree.ts';

const help = `Usage: encrocam proof FILE... [--ledger DIR]... [--out PROOF | --json]

Makes the proof of a recording from trees: what leads from its runs to what a public chain holds. The proof is written
beside FILE as FILE.proof.json, instead of one that is there. A camera does this by itself once a day, and the drive has it:
this is for proofs that were lost, or not yet made when the camera was stolen.

FILE  a recording on this computer. It needs no key, and is read wholly

      --ledger DIR  where trees are, files called tree-*.json; may be given several times. Default: beside FILE, as on the
                    drive, and the directory "${ledgerDirectoryName}" next to FILE's directory, as on the camera
      --out PROOF   write it there; for one FILE
      --json        print it instead

Exit codes: 0 all runs of all recordings are in trees; 1 usage, or a file that cannot be read; 2 a run is in no tree, or the
recording ends otherwise than its tree says. Whether the chain has the trees, "encrocam verify --chain" checks.
`;

interface Recording {
  readonly file: string;
  readonly runs: readonly FoundRun[];
  readonly ends: readonly RunEnd[];
}

export const command: Command = {
  help,
  options: {
    ledger: { type: 'string', multiple: true },
    out: { type: 'string' },
    json: { type: 'boolean' },
  },
  run,
};

async function run({ values, positionals: files }: CommandArguments): Promise<number> {
  const out = values.out as string | undefined;
  if (files.length === 0) throw usage('encrocam proof needs a recording.');
  if (out !== undefined && values.json === true)
    throw usage('--out and --json are two places for one proof.');
  if (out !== undefined && files.length > 1) throw usage('--out is for one recording.');
  const recordings: Recording[] = [];
  for (const file of files) recordings.push(await readRecording(file));
  const directories = (values.ledger as string[] | undefined) ?? files.flatMap(usualDirectories);
  const trees = await readTrees(directories, recordings, values.ledger !== undefined);
  const index = new TreeIndex(trees);
  let isWhole = true;
  for (const recording of recordings) {
    const proof = makeProofFile(recording.ends, index);
    const lacking = tellLacking(recording, trees, new Set(proof?.runs.map(({ run: id }) => id)));
    isWhole &&= lacking === 0;
    if (!proof) continue;
    if (values.json === true) {
      process.stdout.write(encodeProofFile(proof));
      continue;
    }
    const target = out ?? proofFileName(recording.file);
    await writeDurably(target, encodeProofFile(proof)).catch((error: unknown) => {
      throw new EncroCamError('INPUT_UNREADABLE', `Cannot write ${printable(target)}: ${messageOf(error)}.`, {
        hint: 'Name another place with --out, or print it with --json.',
        cause: error,
      });
    });
    const count = new Set(proof.runs.map(({ tree }) => tree)).size;
    console.error(
      `${printable(target)}: ${proof.runs.length} of ${recording.ends.length} runs, in ${count} ${count === 1 ? 'tree' : 'trees'}`,
    );
  }
  return isWhole ? exitCode.whole : exitCode.incomplete;
}

function usage(message: string): EncroCamError {
  return new EncroCamError('USAGE', message, { hint: 'See encrocam proof --help.' });
}

async function readRecording(file: string): Promise<Recording> {
  const runs = await runsOfFile(file).catch((error: unknown) => {
    throw new EncroCamError('INPUT_UNREADABLE', `Cannot read ${printable(file)}: ${messageOf(error)}.`, {
      hint: 'Give a recording that is on this computer; copy it from the drive first.',
      cause: error,
    });
  });
  if (runs.length === 0) {
    throw new EncroCamError('INPUT_UNREADABLE', `${printable(file)} holds no run of EncroCrypt3.`, {
      hint: 'Only recordings of that format are in trees; older ones are not.',
    });
  }
  const ends = runs.map(({ header: { statement }, link }) => ({
    ...{ recording: statement.recording, run: hexOf(statement.runId), link: hexOf(link) },
  }));
  return { file, runs, ends };
}

function usualDirectories(file: string): string[] {
  const directory = path.dirname(path.resolve(file));
  return [directory, path.join(path.dirname(directory), ledgerDirectoryName)];
}

/** Those trees that name any of the runs. One that cannot be read is told of. */
async function readTrees(
  directories: readonly string[],
  recordings: readonly Recording[],
  areNamed: boolean,
): Promise<TreeFile[]> {
  const wanted = new Set(recordings.flatMap(({ ends }) => ends.map(({ run: id }) => id)));
  const trees = new Map<Hex, TreeFile>();
  let count = 0;
  for (const directory of new Set(directories)) {
    const names = await readdir(directory).catch((error: unknown) => {
      if (!areNamed && systemErrorCode(error) === 'ENOENT') return [];
      throw new EncroCamError(
        'INPUT_UNREADABLE',
        `Cannot read ${printable(directory)}: ${messageOf(error)}.`,
        {
          hint: 'Give the directory that has the files tree-*.json: --ledger DIR.',
          cause: error,
        },
      );
    });
    for (const name of names.filter(isTreeFileName).sort()) {
      count++;
      const tree = await readTree(path.join(directory, name));
      if (tree?.leaves.some(({ run: id }) => wanted.has(id))) trees.set(tree.tree, tree);
    }
  }
  if (count > 0) return [...trees.values()];
  throw new EncroCamError(
    'INPUT_UNREADABLE',
    `There is no tree in ${[...new Set(directories)].map(printable).join(' and ')}.`,
    {
      hint: "Copy the files tree-*.json from the drive, where they are in the first camera's directory, and name that place: --ledger DIR.",
    },
  );
}

async function readTree(file: string): Promise<TreeFile | undefined> {
  try {
    if ((await stat(file)).size > maxTreeFileBytes)
      throw new Error(`it is larger than ${maxTreeFileBytes} bytes`);
    return decodeTreeFile(await readFile(file, 'utf8'), file);
  } catch (error) {
    console.error(
      isEncroCamError(error) ? error.message : `Cannot read ${printable(file)}: ${messageOf(error)}.`,
    );
    return undefined;
  }
}

/** @returns how many runs have no proof. */
function tellLacking(
  { file, runs, ends }: Recording,
  trees: readonly TreeFile[],
  proven: ReadonlySet<Hex>,
): number {
  const lacking = [...ends.entries()].filter(([, end]) => !proven.has(end.run));
  for (const [index, end] of lacking) {
    const { startMs } = (runs[index] as FoundRun).header.statement;
    const which = `${printable(file)}: the run of ${localTime(new Date(startMs))}`;
    const leaf = trees.flatMap(({ leaves }) => leaves).find(({ run: id }) => id === end.run);
    if (!leaf)
      console.error(`${which} is in none of these trees; it may be too new, or its tree is missing.`);
    else if (leaf.link !== end.link) {
      console.error(
        `${which} ends otherwise than its tree says: the end of this file is missing, or was changed.`,
      );
    } else console.error(`${which} is in a tree of another camera or chain than the last one.`);
  }
  return lacking.length;
}
