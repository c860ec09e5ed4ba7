/**
 * A package archive in the shape of Ubuntu's, served on loopback: suite `noble` with its pockets and components,
 * signed with a key of its own. What every system needs to run anything (dash, coreutils, dpkg…) are Debian's own
 * packages; kernel, firmware, ffmpeg and the rest are tiny packages made here, with the paths that Ubuntu's have.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { $ } from 'zx';

export interface TinyPackage {
  readonly name: string;
  readonly version?: string;
  readonly architecture?: string;
  readonly depends?: string;
  readonly component?: string;
  readonly pocket?: string;
  /** Path to content; scripts begin with `#!`. */
  readonly files?: Readonly<Record<string, string | Buffer>>;
  /** Maintainer scripts by name. */
  readonly scripts?: Readonly<Record<string, string>>;
}

interface Entry {
  readonly pocket: string;
  readonly component: string;
  readonly architecture: string;
  readonly stanza: string;
}

export const pockets = ['noble', 'noble-updates', 'noble-security'];
export const components = ['main', 'restricted', 'universe', 'multiverse'];

export class TestArchive {
  readonly directory: string;
  readonly #entries: Entry[] = [];
  #server: Server | undefined;

  constructor(directory: string) {
    this.directory = directory;
  }

  get url(): string {
    const address = this.#server?.address() as AddressInfo | null | undefined;
    if (!address) throw new Error('the archive is not served');
    return `http://127.0.0.1:${address.port}/ubuntu`;
  }

  get keyring(): string {
    return `${this.directory}/archive-key.pgp`;
  }

  /** Takes a package file as it is. */
  async add(file: string, component = 'main', pocket = 'noble'): Promise<void> {
    const content = await readFile(file);
    const { stdout } = await $({ quiet: true })`dpkg-deb --field ${file}`;
    const field = (name: string): string => new RegExp(`^${name}: (.*)$`, 'm').exec(stdout)?.[1] ?? '';
    const name = `${field('Package')}_${field('Version').replace(/^\d+:/, '')}_${field('Architecture')}.deb`;
    const place = `pool/${component}/${name}`;
    await mkdir(path.dirname(`${this.directory}/ubuntu/${place}`), { recursive: true });
    await writeFile(`${this.directory}/ubuntu/${place}`, content);
    this.#entries.push({
      pocket,
      component,
      architecture: field('Architecture'),
      stanza: `${stdout.trimEnd()}\nFilename: ${place}\nSize: ${content.length}\nSHA256: ${sha256(content)}\n`,
    });
  }

  /** Makes a package with dpkg-deb. */
  async make(item: TinyPackage): Promise<void> {
    const { name, version = '99:1', architecture = 'all', depends, files = {}, scripts = {} } = item;
    const tree = `${this.directory}/making/${name}-${version}`;
    await mkdir(`${tree}/DEBIAN`, { recursive: true });
    const control = [
      `Package: ${name}`,
      `Version: ${version}`,
      `Architecture: ${architecture}`,
      'Maintainer: Test <test@example.com>',
      ...(depends === undefined ? [] : [`Depends: ${depends}`]),
      'Description: made for a test',
      '',
    ];
    await writeFile(`${tree}/DEBIAN/control`, control.join('\n'));
    for (const [script, content] of Object.entries(scripts)) {
      await writeFile(`${tree}/DEBIAN/${script}`, content, { mode: 0o755 });
    }
    for (const [file, content] of Object.entries(files)) {
      await mkdir(path.dirname(`${tree}${file}`), { recursive: true });
      const isScript = typeof content === 'string' && content.startsWith('#!');
      await writeFile(`${tree}${file}`, content, { mode: isScript ? 0o755 : 0o644 });
    }
    const made = `${this.directory}/making/${name}-${version}.deb`;
    await $({ quiet: true })`dpkg-deb --root-owner-group -Znone --build ${tree} ${made}`;
    await this.add(made, item.component, item.pocket);
  }

  /** Makes the signing key, writes and signs the indexes, and serves them. */
  async serve(): Promise<void> {
    const gnupg = await this.newKey('archive');
    await $({ quiet: true })`gpg --homedir ${gnupg} --batch --export --output ${this.keyring}`;
    await this.republish();
    const server = createServer((request, response) => {
      const file = path.normalize(decodeURIComponent(new URL(request.url ?? '/', 'http://x').pathname));
      readFile(`${this.directory}${file}`).then(
        (content) => response.end(content),
        () => response.writeHead(404).end(),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    this.#server = server;
  }

  /** Writes and signs the indexes of what the archive has now. */
  async republish(): Promise<void> {
    for (const pocket of pockets) await this.#publish(pocket, `${this.directory}/gnupg-archive`);
  }

  /** A GnuPG directory with one new key. */
  async newKey(name: string): Promise<string> {
    const gnupg = `${this.directory}/gnupg-${name}`;
    await mkdir(gnupg, { mode: 0o700 });
    const user = `${name} <${name}@example.com>`;
    await $({
      quiet: true,
    })`gpg --homedir ${gnupg} --batch --passphrase ${''} --quick-gen-key ${user} ed25519 sign never`;
    return gnupg;
  }

  /** Signs a pocket anew, with another key. */
  async resign(pocket: string, gnupg: string): Promise<void> {
    const release = `${this.directory}/ubuntu/dists/${pocket}/Release`;
    await rm(`${path.dirname(release)}/InRelease`, { force: true });
    await $({
      quiet: true,
    })`gpg --homedir ${gnupg} --batch --clearsign --output ${path.dirname(release)}/InRelease ${release}`;
  }

  async close(): Promise<void> {
    for (const name of ['archive', 'stranger']) {
      await $({
        quiet: true,
        nothrow: true,
      })`gpgconf --homedir ${`${this.directory}/gnupg-${name}`} --kill all`;
    }
    const server = this.#server;
    if (!server) return;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }

  async #publish(pocket: string, gnupg: string): Promise<void> {
    const dist = `${this.directory}/ubuntu/dists/${pocket}`;
    const sums: string[] = [];
    for (const component of components) {
      for (const architecture of ['arm64', 'amd64']) {
        const text = this.#entries
          .filter((entry) => entry.pocket === pocket && entry.component === component)
          .filter((entry) => entry.architecture === architecture || entry.architecture === 'all')
          .map(({ stanza }) => stanza)
          .join('\n');
        for (const [name, content] of [
          ['Packages', Buffer.from(text)],
          ['Packages.gz', gzipSync(text)],
        ] as const) {
          const file = `${component}/binary-${architecture}/${name}`;
          await mkdir(path.dirname(`${dist}/${file}`), { recursive: true });
          await writeFile(`${dist}/${file}`, content);
          sums.push(` ${sha256(content)} ${content.length} ${file}`);
        }
      }
    }
    const release = [
      'Origin: Ubuntu',
      'Label: Ubuntu',
      `Suite: ${pocket}`,
      'Version: 24.04',
      'Codename: noble',
      `Date: ${new Date().toUTCString()}`,
      'Architectures: amd64 arm64',
      `Components: ${components.join(' ')}`,
      'SHA256:',
      ...sums,
      '',
    ];
    await writeFile(`${dist}/Release`, release.join('\n'));
    await this.resign(pocket, gnupg);
  }
}

function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
