/** What `encrocam verify --chain` found, as text, for programs, and for the page. */

import path from 'node:path';
import type { CommittedTree } from '../../../ledger/chain/chain.ts';
import { printable } from '../../log.ts';
import type { ChainVerification } from './check-chain.ts';
import { type JudgedRun, momentText } from './findings.ts';
import type { TreeHere } from './judge.ts';

/** Lines of runs in the text; all are in the JSON. */
const maxLines = 2000;
const maxProblems = 500;

/** Whether the chain vouches for all that was asked for. */
export function isChainSound({ problems }: ChainVerification): boolean {
  return problems.length === 0;
}

export function chainAsText(chain: ChainVerification): string {
  const { settings, newest, cameras, trees, problems, remarks } = chain;
  const lines = [
    `chain ${settings.chainId}, as of block ${newest.height} at ${momentText(newest.timeMs)}`,
    ...cameras.map((camera) => `  ${ownerText(camera)}`),
  ];
  const runs = Map.groupBy(chain.runs, ({ before }) => before?.tree);
  let left = maxLines;
  for (const tree of trees) {
    const found = runs.get(tree.committed.tree) ?? [];
    if (found.length === 0 && tree.missing === 0 && tree.changed === 0) continue;
    lines.push(`  ${treeText(tree)}`);
    for (const run of found) if (left-- > 0) lines.push(`    ${runText(run)}`);
  }
  if (left < 0) lines.push(`  and ${-left} runs more: --json has them`);
  for (const problem of problems.slice(0, maxProblems)) lines.push(`  ! ${printable(problem)}`);
  if (problems.length > maxProblems) {
    lines.push(`  ! and ${problems.length - maxProblems} more: --json has them`);
  }
  for (const remark of remarks) lines.push(`  - ${printable(remark)}`);
  lines.push(`  ${chainSummary(chain)}`);
  return `${lines.join('\n')}\n`;
}

export function chainSummary(chain: ChainVerification): string {
  const proven = chain.runs.filter(({ state }) => state === 'proven').length;
  const verdict = isChainSound(chain)
    ? 'as the chain has it'
    : 'NOT as the chain has it, or it cannot be told';
  return `${proven} of ${chain.runs.length} run${chain.runs.length === 1 ? '' : 's'} proven, ${verdict}`;
}

export function chainForPrograms(chain: ChainVerification): object {
  const { settings, newest, cameras, trees, runs, problems, remarks } = chain;
  return {
    ...{ sound: isChainSound(chain), chain: settings.chainId, contracts: settings.contracts },
    block: { height: Number(newest.height), time: isoTime(newest.timeMs) },
    cameras: cameras.map(({ address, saidBy, owners }) => ({
      ...{ address, saidBy },
      owners: owners.map(({ owner, timeMs }) => ({ owner, since: isoTime(timeMs) })),
    })),
    trees: trees.map(({ camera, committed, hasFile, found, changed, older, missing, named, missingAt }) => ({
      ...{
        camera,
        ...treeForPrograms(committed),
        leaves: committed.leaves,
        hasFile,
        found,
        changed,
        older,
        missing,
      },
      missingRuns: named.map(({ recording, directory, run }) => ({ recording, directory, run })),
      missingLeaves: missingAt,
    })),
    runs: runs.map(({ run, state, before, after }) => ({
      ...{ file: run.file, recording: run.recording, run: run.run, state },
      existedBefore: before ? treeForPrograms(before) : null,
      recordedAfter: after ? { height: Number(after.height), time: isoTime(after.timeMs) } : null,
    })),
    ...{ problems, remarks },
  };
}

/** Stretches whose time the chain vouches for, by the camera's clock: for the page's bars. */
export function provenStretches(
  { runs }: ChainVerification,
  files: ReadonlySet<string>,
): { fromMs: number; toMs: number }[] {
  return runs
    .filter(({ run, state }) => state === 'proven' && files.has(run.file))
    .map(({ run }) => ({ fromMs: run.startMs, toMs: run.endMs }))
    .sort((one, other) => one.fromMs - other.fromMs);
}

function isoTime(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

function treeForPrograms({ tree, height, timeMs, firstMs, lastMs }: CommittedTree): object {
  return {
    ...{ tree, height: Number(height), time: isoTime(timeMs) },
    ...{ first: isoTime(firstMs), last: isoTime(lastMs) },
  };
}

function ownerText({ address, saidBy, owners, trees }: ChainVerification['cameras'][number]): string {
  const owner = owners.at(-1);
  const who = owner ? `belongs to ${owner.owner} since ${momentText(owner.timeMs)}` : 'belongs to nobody';
  const before =
    owners.length > 1 ? ` (the ${owners.length}th owner)`.replace('2th', '2nd').replace('3th', '3rd') : '';
  const by = { you: '', 'its claim': ' (so it says itself)', 'files alone': ' (so files say)' }[saidBy];
  return `camera ${address}${by} ${who}${before}; ${trees.length} checkpoint${trees.length === 1 ? '' : 's'}`;
}

function treeText({ committed, found }: TreeHere): string {
  const { firstMs, lastMs, leaves, height, timeMs } = committed;
  return `${momentText(firstMs)} to ${momentText(lastMs)}: ${found} of ${leaves} runs; existed before block ${height} at ${momentText(timeMs)}`;
}

function runText({ run, after }: JudgedRun): string {
  const since = after ? `; recorded after block ${after.height} at ${momentText(after.timeMs)}` : '';
  const file = `${path.posix.basename(path.posix.dirname(run.file))}/${path.posix.basename(run.file)}`;
  return `${momentText(run.startMs)}  ${printable(file)}${since}`;
}
