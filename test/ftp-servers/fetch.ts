/**
 * Gets vsftpd, ProFTPD and pure-ftpd from the distribution's archive without installing them: their packages
 * conflict, and installing one starts a service. `node test/ftp-servers/fetch.ts` fetches all; tests fetch what is
 * missing. Root is not needed, except for `apt-get update` where the package lists are missing (`sudo -n`).
 *
 * An entry `~/.cache/encrocam/ftp-servers/<package>_<version>/` is made in a temporary directory and renamed when
 * whole, with the libraries that this machine lacks beside the server, so that it is either complete or not there.
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { type FtpSoftware, ftpSoftware } from './types.ts';

const run = promisify(execFile);

/** The first package of each names the entry; the server's program lies in it. */
const packages = {
  vsftpd: { names: ['vsftpd'], program: 'usr/sbin/vsftpd' },
  // mod_vroot gives an account a root directory of its own without the right to chroot.
  proftpd: {
    names: ['proftpd-core', 'proftpd-mod-crypto', 'proftpd-mod-vroot'],
    program: 'usr/sbin/proftpd',
  },
  'pure-ftpd': { names: ['pure-ftpd'], program: 'usr/sbin/pure-ftpd' },
} as const satisfies Record<FtpSoftware, { names: readonly string[]; program: string }>;

/** How deep libraries of libraries are followed. */
const maxLibraryRounds = 4;

export interface FetchedServer {
  /** The unpacked root: `usr/sbin/…` lies in it. */
  readonly directory: string;
  readonly program: string;
  /** For LD_LIBRARY_PATH. */
  readonly libraryPath: string;
}

export function cacheDirectory(): string {
  return path.join(process.env.XDG_CACHE_HOME || path.join(homedir(), '.cache'), 'encrocam', 'ftp-servers');
}

/** The newest entry of the cache, or a fresh one. */
export async function fetchServer(
  software: FtpSoftware,
  say: (line: string) => void = () => undefined,
): Promise<FetchedServer> {
  const cached = await newestEntry(packages[software].names[0]);
  return describe(software, cached ?? (await fetchEntry(software, say)));
}

async function newestEntry(packageName: string): Promise<string | undefined> {
  const entries = await readdir(cacheDirectory()).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const matching = entries.filter((entry) => entry.startsWith(`${packageName}_`));
  const dated = await Promise.all(
    matching.map(async (entry) => {
      const directory = path.join(cacheDirectory(), entry);
      return { directory, timeMs: (await stat(directory)).mtimeMs };
    }),
  );
  return dated.sort((one, other) => other.timeMs - one.timeMs)[0]?.directory;
}

async function describe(software: FtpSoftware, directory: string): Promise<FetchedServer> {
  return {
    directory,
    program: path.join(directory, packages[software].program),
    libraryPath: await libraryPath(directory),
  };
}

async function fetchEntry(software: FtpSoftware, say: (line: string) => void): Promise<string> {
  const { names, program } = packages[software];
  const version = await candidateVersion(names[0], say);
  const entry = path.join(cacheDirectory(), `${names[0]}_${version.replaceAll(/[^A-Za-z0-9.+~-]/g, '_')}`);
  await mkdir(cacheDirectory(), { recursive: true });
  const workshop = await mkdtemp(path.join(cacheDirectory(), '.building-'));
  const tree = path.join(workshop, 'tree');
  const downloads = path.join(workshop, 'packages');
  await mkdir(tree);
  await mkdir(downloads);
  try {
    say(`${software}: downloading ${names.join(', ')} ${version}`);
    await unpack([...names], downloads, tree);
    await addMissingLibraries(software, path.join(tree, program), downloads, tree, say);
    try {
      await rename(tree, entry);
    } catch (error) {
      // Another process was quicker: its entry is as good.
      const code = (error as NodeJS.ErrnoException).code;
      if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
    }
  } finally {
    await rm(workshop, { recursive: true, force: true });
  }
  say(`${software}: ready in ${entry}`);
  return entry;
}

async function candidateVersion(packageName: string, say: (line: string) => void): Promise<string> {
  for (const refreshed of [false, true]) {
    const { stdout } = await run('apt-cache', ['policy', packageName]);
    const version = /Candidate: (\S+)/.exec(stdout)?.[1];
    if (version !== undefined && version !== '(none)') return version;
    if (!refreshed) {
      say('apt-get update: the package lists are missing');
      const asRoot = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
      const [command = 'apt-get', ...args] = [...asRoot, 'apt-get', 'update', '-qq'];
      await run(command, args);
    }
  }
  throw new Error(`The archive that apt knows has no package ${packageName} (Ubuntu: enable "universe").`);
}

async function unpack(names: readonly string[], downloads: string, tree: string): Promise<string[]> {
  const before = new Set(await readdir(downloads));
  // Root's apt would hand the download to the user _apt, who cannot enter a home directory, and warn about it.
  const options = process.getuid?.() === 0 ? ['-o', 'APT::Sandbox::User=root'] : [];
  await run('apt-get', [...options, '-qq', 'download', ...names], { cwd: downloads });
  const files = (await readdir(downloads)).filter((file) => !before.has(file));
  for (const file of files) await run('dpkg', ['-x', path.join(downloads, file), tree]);
  return files;
}

async function addMissingLibraries(
  software: FtpSoftware,
  program: string,
  downloads: string,
  tree: string,
  say: (line: string) => void,
): Promise<void> {
  let files = await readdir(downloads);
  for (let round = 0; round < maxLibraryRounds; round++) {
    if ((await missingLibraries(program, tree)).length === 0) return;
    const wanted = new Set<string>();
    for (const file of files) {
      const { stdout } = await run('dpkg-deb', ['-f', path.join(downloads, file), 'Depends']);
      for (const name of stdout.match(/(?<=^|[,|] ?)lib[a-z0-9.+-]+/gm) ?? []) wanted.add(name);
    }
    const absent: string[] = [];
    const downloaded = new Set((await readdir(downloads)).map((file) => file.split('_')[0]));
    for (const name of wanted) {
      if (!downloaded.has(name) && !(await isInstalled(name)) && (await isKnown(name))) absent.push(name);
    }
    if (absent.length === 0) break;
    say(`${software}: adding ${absent.join(', ')}`);
    files = await unpack(absent, downloads, tree);
  }
  const missing = await missingLibraries(program, tree);
  if (missing.length > 0) throw new Error(`${software} lacks ${missing.join(', ')} on this machine.`);
}

async function missingLibraries(program: string, tree: string): Promise<string[]> {
  const { stdout } = await run('ldd', [program], {
    env: { ...process.env, LD_LIBRARY_PATH: await libraryPath(tree) },
  });
  return [...stdout.matchAll(/^\s*(\S+) => not found/gm)].map((match) => match[1] ?? '');
}

async function isInstalled(name: string): Promise<boolean> {
  return run('dpkg-query', ['-W', '-f', '$' + '{db:Status-Abbrev}', name]).then(
    ({ stdout }) => stdout.startsWith('ii'),
    () => false,
  );
}

/** An alternative in `Depends` may name a package that this release does not have. */
async function isKnown(name: string): Promise<boolean> {
  const { stdout } = await run('apt-cache', ['policy', name]);
  return /Candidate: (?!\(none\))/.test(stdout);
}

async function libraryPath(tree: string): Promise<string> {
  const found: string[] = [];
  for (const parent of ['usr/lib', 'lib']) {
    const directory = path.join(tree, parent);
    const entries = await readdir(directory).catch(() => []);
    found.push(
      ...entries.filter((entry) => entry.endsWith('-linux-gnu')).map((entry) => path.join(directory, entry)),
    );
  }
  return found.join(':');
}

if (import.meta.main) {
  for (const software of ftpSoftware) {
    const server = await fetchServer(software, (line) => console.log(line));
    console.log(`${software}: ${server.program}`);
  }
}
