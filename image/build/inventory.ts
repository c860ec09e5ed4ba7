/** What is on the card: the package manifest, the SPDX document and the biggest packages, from dpkg's database. */
import { createHash } from 'node:crypto';

export interface Installed {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  readonly source: string;
  readonly installedKiB: number;
  readonly homepage: string | undefined;
}

/** Reads `/var/lib/dpkg/status`: the packages that are installed, by name. */
export function parseDpkgStatus(text: string): Installed[] {
  const packages: Installed[] = [];
  for (const paragraph of text.split(/\n\n+/)) {
    const field = (name: string): string | undefined =>
      new RegExp(`^${name}: (.+)$`, 'm').exec(paragraph)?.[1]?.trim();
    const name = field('Package');
    const version = field('Version');
    if (name === undefined || version === undefined || field('Status') !== 'install ok installed') continue;
    packages.push({
      name,
      version,
      architecture: field('Architecture') ?? 'all',
      source: field('Source')?.replace(/ .*/, '') ?? name,
      installedKiB: Number(field('Installed-Size') ?? 0),
      homepage: field('Homepage'),
    });
  }
  return packages.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** One line a package: name, version, architecture. */
export function manifestText(packages: readonly Installed[]): string {
  return packages.map(({ name, version, architecture }) => `${name} ${version} ${architecture}\n`).join('');
}

export function biggest(packages: readonly Installed[], count: number): Installed[] {
  return [...packages].sort((a, b) => b.installedKiB - a.installedKiB).slice(0, count);
}

export interface SpdxInput {
  readonly name: string;
  readonly version: string;
  readonly distribution: string;
  readonly epoch: number;
  readonly packages: readonly Installed[];
  /** Hashes of the package files, by package name. */
  readonly sha256: ReadonlyMap<string, string>;
  /** What came from npm: Node.js and the bundle's parts. */
  readonly npm: readonly { readonly name: string; readonly version: string; readonly licence: string }[];
}

/** A Software Bill of Materials: SPDX 2.3 as JSON. */
export function spdxDocument({
  name,
  version,
  distribution,
  epoch,
  packages,
  sha256,
  npm,
}: SpdxInput): object {
  const id = (kind: string, text: string): string =>
    `SPDXRef-${kind}-${text.replaceAll(/[^A-Za-z0-9.-]/g, '-')}`;
  const image = 'SPDXRef-Image';
  const common = { filesAnalyzed: false, downloadLocation: 'NOASSERTION', copyrightText: 'NOASSERTION' };
  const debian = packages.map((item) => ({
    SPDXID: id('Deb', item.name),
    name: item.name,
    versionInfo: item.version,
    ...common,
    licenseConcluded: 'NOASSERTION',
    licenseDeclared: 'NOASSERTION',
    comment: `The licence is in /usr/share/doc/${item.name}/copyright on the card.`,
    ...(item.homepage === undefined ? {} : { homepage: item.homepage }),
    ...(sha256.has(item.name)
      ? { checksums: [{ algorithm: 'SHA256', checksumValue: sha256.get(item.name) }] }
      : {}),
    externalRefs: [
      {
        referenceCategory: 'PACKAGE-MANAGER',
        referenceType: 'purl',
        referenceLocator: `pkg:deb/${distribution}/${encodeURIComponent(item.name)}@${encodeURIComponent(item.version)}?arch=${item.architecture}`,
      },
    ],
  }));
  const node = npm.map((item) => ({
    SPDXID: id('Npm', item.name),
    name: item.name,
    versionInfo: item.version,
    ...common,
    licenseConcluded: 'NOASSERTION',
    licenseDeclared: item.licence,
    externalRefs: [
      {
        referenceCategory: 'PACKAGE-MANAGER',
        referenceType: 'purl',
        referenceLocator: `pkg:npm/${encodeURIComponent(item.name)}@${item.version}`,
      },
    ],
  }));
  const all = [...debian, ...node];
  const content = createHash('sha256').update(JSON.stringify(all)).digest('hex').slice(0, 32);
  return {
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: 'SPDXRef-DOCUMENT',
    name: `${name}-${version}`,
    documentNamespace: `https://encrocam.example/spdx/${name}-${version}-${content}`,
    creationInfo: {
      created: new Date(epoch * 1000).toISOString().replace('.000Z', 'Z'),
      creators: ['Tool: encrocam-make-image'],
    },
    documentDescribes: [image],
    packages: [
      {
        SPDXID: image,
        name,
        versionInfo: version,
        ...common,
        licenseConcluded: 'NOASSERTION',
        licenseDeclared: 'Apache-2.0',
        primaryPackagePurpose: 'OPERATING-SYSTEM',
      },
      ...all,
    ],
    relationships: all.map(({ SPDXID }) => ({
      spdxElementId: image,
      relationshipType: 'CONTAINS',
      relatedSpdxElement: SPDXID,
    })),
  };
}
