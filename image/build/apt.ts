/**
 * Asks package archives through the host's apt with a configuration of its own: nothing of the host's sources,
 * keys or preferences counts, except its proxy. Signatures are always checked: there is no way to switch it off.
 */
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ImageError } from '../errors.ts';
import type { Runner } from './run.ts';
import { sha256OfFile } from './store.ts';

export interface Source {
  readonly uri: string;
  readonly suites: readonly string[];
  readonly components: readonly string[];
}

export interface PackageFile {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly uri: string;
}

export interface AptOptions {
  /** Holds lists and configuration; kept between builds. */
  readonly directory: string;
  readonly architecture: string;
  readonly keyring: string;
  readonly sources: readonly Source[];
  /** A snapshot of the past has Release files that have expired. */
  readonly snapshot?: boolean;
}

/** Longer than another process's update takes on a slow line. */
const lockPatienceSeconds = 600;

/** By directory: tools and native programs may come from the same lists. */
const updates = new Map<string, Promise<void>>();

export class Apt {
  readonly #runner: Runner;
  readonly #options: AptOptions;

  constructor(runner: Runner, options: AptOptions) {
    this.#runner = runner;
    this.#options = options;
  }

  /** Writes the configuration. Enough to download what is known by hash. */
  async prepare(): Promise<void> {
    const { directory, keyring } = this.#options;
    for (const part of [
      'etc/apt.conf.d',
      'etc/preferences.d',
      'etc/sources.list.d',
      'etc/trusted.gpg.d',
      'state/lists/partial',
      'cache/archives/partial',
    ]) {
      await mkdir(`${directory}/${part}`, { recursive: true });
    }
    await replaceFile(`${directory}/status`, '');
    await replaceFile(`${directory}/etc/sources.list.d/base.sources`, sourcesText(this.#options, keyring));
    await replaceFile(`${directory}/apt.conf`, await this.#configuration());
  }

  /** Fetches the lists and checks their signatures; once, however often it is asked for. */
  async update(): Promise<void> {
    const running = updates.get(this.#options.directory) ?? this.#update();
    updates.set(this.#options.directory, running);
    await running;
  }

  async #update(): Promise<void> {
    await this.prepare();
    try {
      await this.#aptGet('update', '--error-on=any');
    } catch (cause) {
      throw updateError(cause, this.#options.sources);
    }
  }

  /** The packages with all they depend on, without recommendations. */
  async resolve(packages: readonly string[]): Promise<PackageFile[]> {
    let text: string;
    try {
      text = await this.#aptGet('install', '--assume-yes', '--print-uris', ...packages);
    } catch (cause) {
      throw new ImageError(
        'PACKAGES_UNRESOLVED',
        `The archive does not offer ${packages.join(', ')} together: ${cause instanceof Error ? cause.message : cause}`,
        { cause, hint: 'Check the package names in image/image.json and the base.' },
      );
    }
    return parseUris(text);
  }

  /** Puts each package into the store under its hash, unless it is there, and checks it. Returns its file. */
  async download(packages: readonly PackageFile[], store: string): Promise<Map<PackageFile, string>> {
    await mkdir(store, { recursive: true });
    const files = new Map(packages.map((item) => [item, path.join(store, `${item.sha256}.deb`)]));
    const missing = packages.filter((item) => !existsSync(files.get(item) ?? ''));
    const partial = path.join(store, `partial-${process.pid}`);
    if (missing.length > 0) {
      await mkdir(partial, { recursive: true });
      try {
        await this.#apt(
          '/usr/lib/apt/apt-helper',
          'download-file',
          ...missing.flatMap((item) => [item.uri, `${partial}/${item.sha256}`, `SHA256:${item.sha256}`]),
        );
        for (const item of missing) {
          await checkPackage(`${partial}/${item.sha256}`, item);
          await rename(`${partial}/${item.sha256}`, files.get(item) ?? '');
        }
      } finally {
        await rm(partial, { recursive: true, force: true });
      }
    }
    const fresh = new Set(missing);
    for (const [item, file] of files) if (!fresh.has(item)) await checkPackage(file, item);
    return files;
  }

  async #configuration(): Promise<string> {
    const { directory, architecture, snapshot } = this.#options;
    return [
      `Dir "${directory}";`,
      `Dir::Etc "${directory}/etc";`,
      `Dir::State "${directory}/state";`,
      `Dir::State::status "${directory}/status";`,
      `Dir::Cache "${directory}/cache";`,
      `Dir::Bin::methods "/usr/lib/apt/methods";`,
      `APT::Architecture "${architecture}";`,
      `APT::Architectures { "${architecture}"; };`,
      'APT::Install-Recommends "false";',
      'APT::Install-Suggests "false";',
      'APT::Get::AllowUnauthenticated "false";',
      'Acquire::AllowInsecureRepositories "false";',
      'Acquire::AllowDowngradeToInsecureRepositories "false";',
      'Acquire::Languages "none";',
      'Acquire::ForceHash "SHA256";',
      'Acquire::Retries "3";',
      'Acquire::http::Timeout "30";',
      `Acquire::Check-Valid-Until "${snapshot ? 'false' : 'true'}";`,
      // The sandbox user may not enter the directories of this user.
      'APT::Sandbox::User "root";',
      ...(await this.#proxies()),
      '',
    ].join('\n');
  }

  /** The host's proxy, if it has one: the only thing taken from its configuration here. */
  async #proxies(): Promise<string[]> {
    const text = await this.#runner.run(['apt-config', 'dump', '--format', '%f=%v%n']);
    return text.split('\n').flatMap((line) => {
      const match = /^(Acquire::https?::Proxy)=(.+)$/i.exec(line);
      return match ? [`${match[1]} "${match[2]}";`] : [];
    });
  }

  /** One at a time for all processes that share the cache: apt would refuse, or read lists that are being replaced. */
  async #aptGet(...args: string[]): Promise<string> {
    const patience = ['--timeout', String(lockPatienceSeconds)];
    return this.#apt('flock', ...patience, `${this.#options.directory}/in-use`, 'apt-get', ...args);
  }

  async #apt(program: string, ...args: string[]): Promise<string> {
    return this.#runner.run([program, ...args], {
      env: { APT_CONFIG: `${this.#options.directory}/apt.conf` },
    });
  }
}

/** As a whole: another process may be reading it. */
async function replaceFile(file: string, text: string): Promise<void> {
  const fresh = `${file}.new-${process.pid}`;
  await writeFile(fresh, text);
  await rename(fresh, file);
}

function sourcesText({ sources, architecture }: AptOptions, keyring: string): string {
  return sources
    .map((source) =>
      [
        'Types: deb',
        `URIs: ${source.uri}`,
        `Suites: ${source.suites.join(' ')}`,
        `Components: ${source.components.join(' ')}`,
        `Architectures: ${architecture}`,
        `Signed-By: ${keyring}`,
        '',
      ].join('\n'),
    )
    .join('\n');
}

function updateError(cause: unknown, sources: readonly Source[]): ImageError {
  const text = cause instanceof Error ? cause.message : String(cause);
  const where = sources.map(({ uri, suites }) => `${uri} (${suites.join(', ')})`).join(', ');
  if (
    /NO_PUBKEY|BADSIG|EXPKEYSIG|REVKEYSIG|NODATA|(?:not|no longer) signed|Hash Sum mismatch|unexpected size|signature|couldn't be verified/i.test(
      text,
    )
  ) {
    return new ImageError(
      'ARCHIVE_UNTRUSTED',
      `What ${where} serves is not covered by a signature of the base's keys.\n${text}`,
      {
        cause,
        hint: 'Somebody may be meddling with the archive or the line. If its keys have changed, renew the keyring in image/keyrings/.',
      },
    );
  }
  return new ImageError('ARCHIVE_UNREACHABLE', `${where} does not answer.\n${text}`, {
    cause,
    hint: "Check the network and apt's proxy.",
  });
}

/** Reads what `apt-get --print-uris` prints: `'URI' FILE SIZE SHA256:HASH`. */
export function parseUris(text: string): PackageFile[] {
  const files: PackageFile[] = [];
  for (const line of text.split('\n')) {
    if (!line.startsWith("'")) continue;
    const match = /^'([^']+)' ([^ ]+) (\d+) SHA256:([0-9a-f]{64})$/.exec(line);
    const [, uri = '', file = '', bytes = '', sha256 = ''] = match ?? [];
    const parts = /^([^_]+)_([^_]+)_([^_]+)\.deb$/.exec(file);
    if (!match || !parts) {
      throw new ImageError('ARCHIVE_UNTRUSTED', `apt gives no SHA-256 for a package: ${line}`, {
        hint: 'The archive is too old, or damaged.',
      });
    }
    const [, name = '', version = '', architecture = ''] = parts;
    files.push({
      name,
      version: decodeURIComponent(version),
      architecture,
      sha256,
      bytes: Number(bytes),
      uri,
    });
  }
  return files.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

async function checkPackage(file: string, item: PackageFile): Promise<void> {
  if ((await sha256OfFile(file)) === item.sha256) return;
  await rm(file, { force: true });
  throw new ImageError(
    'ARCHIVE_UNTRUSTED',
    `${item.name} ${item.version} does not have the hash that its archive states.`,
    {
      hint: 'The damaged file was removed from the cache: run this again.',
    },
  );
}
