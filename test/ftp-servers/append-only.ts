/**
 * The append-only configurations of docs/guide/append-only-drives.md as the test servers take them. The guide's
 * blocks are used as they stand: what is tested is what people copy.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';

/** Who may do everything where the camera's account may only append, with the same password: ProFTPD has it. */
export const ownerAccount = 'owner';

const guide = path.join(import.meta.dirname, '../../docs/guide/append-only-drives.md');

/**
 * The fenced block of the guide with a line `# <title>`, or one that begins so, as its first or, in a script, its
 * second.
 */
export async function guideBlock(title: string): Promise<string> {
  const text = await readFile(guide, 'utf8');
  for (const [, block = ''] of text.matchAll(/^```\w*\n(.*?)^```$/gms)) {
    const [first = '', second = ''] = block.split('\n');
    const named = first.startsWith('#!') ? second : first;
    if (named.startsWith(`# ${title}`)) return block;
  }
  throw new Error(`${guide} has no block that begins with "# ${title}".`);
}

/**
 * ProFTPD takes the first of two directives of one name: what the guide sets goes, but for what names a place on this
 * machine.
 */
export async function proftpdAppendOnly(lines: readonly string[]): Promise<string[]> {
  const isPlace = (name: string): boolean => /^(?:LoadModule|\w+File|<.*)$/.test(name);
  const name = (line: string): string => line.split(' ', 1)[0] ?? '';
  const block = (await guideBlock('/etc/proftpd/conf.d/encrocam.conf')).split('\n');
  const set = new Set(block.map(name).filter((one) => one !== '' && !isPlace(one)));
  const own = lines.filter((line) => !set.has(name(line)));
  const placed = new Set(lines.map(name).filter((one) => /^\w+File$/.test(one)));
  return [...own, ...block.filter((line) => !placed.has(name(line)))];
}

/** Settings of vsftpd for the camera's account. */
export async function vsftpdAppendOnly(): Promise<Record<string, string>> {
  const lines = (await guideBlock('/etc/vsftpd.users/camera'))
    .split('\n')
    .filter((line) => /^\w+=/.test(line));
  return Object.fromEntries(lines.map((line) => line.split('=', 2)));
}

/** What Debian's wrapper makes of the files in /etc/pure-ftpd/conf. */
const pureFtpdFlags: Readonly<Record<string, string>> = {
  KeepAllFiles: '-K',
  AutoRename: '-r',
  NoChmod: '-R',
  ProhibitDotFilesWrite: '-x',
  ChrootEveryone: '-A',
  NoAnonymous: '-E',
  TLS: '-Y',
};

/** Arguments of pure-ftpd. */
export async function pureFtpdAppendOnly(): Promise<string[]> {
  const block = await guideBlock('/etc/pure-ftpd/conf');
  return [...block.matchAll(/^echo (\S+) > (\w+)$/gm)].flatMap(([, value = '', option = '']) => {
    const flag = pureFtpdFlags[option];
    if (flag === undefined) throw new Error(`The tests do not know pure-ftpd's option ${option}.`);
    return value === 'yes' ? [flag] : [flag, value];
  });
}
