/** The shapes of `image.json` and of a base, as `image.schema.json` demands them. */
export interface Exclusion {
  readonly paths: readonly string[];
  readonly except?: readonly string[];
  readonly why: string;
}

export type PartitionFormat = 'fat32' | 'ext4' | 'empty';

export interface Partition {
  readonly label: string;
  readonly type: 'esp' | 'linux';
  readonly format: PartitionFormat;
  readonly sizeMiB: number;
  /** Where the running system mounts it. */
  readonly mount?: string;
  readonly options?: string;
}

export interface User {
  readonly name: string;
  readonly description: string;
  readonly home: string;
  readonly shell: string;
  readonly groups: readonly string[];
}

export interface ImageDescription {
  readonly name: string;
  readonly title: string;
  readonly summary: string;
  readonly hostName: string;
  /** In order of preference. */
  readonly bases: readonly string[];
  readonly alignmentMiB: number;
  readonly partitions: readonly Partition[];
  readonly packages: readonly string[];
  readonly exclude: readonly Exclusion[];
  readonly initramfs: { readonly modules: readonly string[] };
  /** Programs that do nothing while packages are configured. */
  readonly stubs: readonly string[];
  readonly users: readonly User[];
  readonly services: {
    readonly enable: readonly string[];
    readonly disable: readonly string[];
    readonly mask: readonly string[];
    readonly background: readonly string[];
  };
  readonly kernel: { readonly commandLine: readonly string[] };
  readonly compression: { readonly format: 'xz'; readonly level: number };
  readonly limits: { readonly compressedMiB: number };
}

export interface Archive {
  /** `Origin` and `Label` in the archive's Release file: apt's configuration is searched for a mirror of it. */
  readonly origin: string;
  readonly label: string;
  readonly mirror: string;
  /** Where packages for the building machine's architecture are, if elsewhere. */
  readonly hostMirror?: string;
  /** `{time}` stands for a time such as 20260801T000000Z. */
  readonly snapshot?: string;
  readonly suites: readonly string[];
  readonly components: readonly string[];
}

export interface Base {
  readonly name: string;
  readonly title: string;
  readonly architecture: 'arm64';
  /** Raspberry Pis that its kernel boots from an SD card, by Raspberry Pi Imager's names. */
  readonly boards: readonly string[];
  /** Public keys that may sign the archives, relative to `image/`. */
  readonly keyring: string;
  /** The same on the camera, from a package. */
  readonly deviceKeyring: string;
  readonly archives: readonly Archive[];
  readonly packages: readonly string[];
  /** Patterns of packages whose unpacking needs all others to be unpacked. */
  readonly unpackLast: readonly string[];
  readonly exclude: readonly Exclusion[];
  /** Scripts of packages that are replaced, by a diversion, with one that does nothing. */
  readonly silence: readonly Exclusion[];
  readonly accelerate: {
    readonly packages: readonly string[];
    /** Of these packages, whose programs or libraries the initramfs copies. */
    readonly notInInitramfs: readonly string[];
    readonly keepEmulated: readonly string[];
  };
  /** `{release}` stands for the kernel's release; the last part of a path may be a pattern. */
  readonly boot: {
    readonly kernel: string;
    readonly initramfs: string;
    readonly efiLoader: string;
    readonly deviceTrees: readonly string[];
    readonly firmware: readonly string[];
    readonly configTxt: readonly string[];
    readonly firmwareCommandLine: readonly string[];
    readonly uefiCommandLine: readonly string[];
  };
}
