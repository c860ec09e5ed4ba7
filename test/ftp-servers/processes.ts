/** Which processes belong to a server: a server is not gone before its sessions are. */
import { readdirSync, readFileSync } from 'node:fs';

interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  readonly session: number;
}

/** The living among `root`, its descendants, and whatever is in a session that one of them leads. */
export function processTree(root: number): number[] {
  const entries = readProcesses();
  const mine = new Set([root]);
  for (let grown = true; grown; ) {
    grown = false;
    for (const { pid, parent, session } of entries) {
      if (mine.has(pid) || (!mine.has(parent) && !mine.has(session))) continue;
      mine.add(pid);
      grown = true;
    }
  }
  return entries.filter(({ pid }) => mine.has(pid)).map(({ pid }) => pid);
}

function readProcesses(): ProcessEntry[] {
  const entries: ProcessEntry[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    let stat: string;
    try {
      stat = readFileSync(`/proc/${name}/stat`, 'latin1');
    } catch {
      continue; // It ended since the directory was read.
    }
    // The program's name stands in parentheses and may hold anything: the fixed fields begin behind the last one.
    const [state, parent, , session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (state !== 'Z') entries.push({ pid: Number(name), parent: Number(parent), session: Number(session) });
  }
  return entries;
}
