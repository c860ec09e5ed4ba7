import type { ParseArgsOptionsConfig, parseArgs } from 'node:util';

/** A subcommand of `encrocam`; each is a module of its own, so that only what is used is loaded. */
export interface Command {
  /** The whole text of `encrocam COMMAND --help`, ending in a line feed. */
  readonly help: string;
  readonly options: ParseArgsOptionsConfig;
  /** Resolves with the exit code. */
  run(args: CommandArguments): Promise<number>;
}

export type CommandArguments = ReturnType<typeof parseArgs>;

export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  /** Started by EncroCam itself: not in the overview. */
  readonly hidden?: true;
  readonly load: () => Promise<Command>;
}

export const commands: readonly CommandEntry[] = [
  {
    name: 'record',
    summary: 'record, encrypt and sign (a service)',
    load: async () => (await import('./recorder/command.ts')).command,
  },
  {
    name: 'sync',
    summary: 'stream recordings to the drive (a service)',
    load: async () => (await import('./syncer/command.ts')).command,
  },
  {
    name: 'ledger',
    summary: 'bring checkpoints and the owner to a public chain (a service)',
    load: async () => (await import('../ledger/service/command.ts')).command,
  },
  {
    name: 'status',
    summary: 'what both services are doing',
    load: async () => (await import('./state/command.ts')).command,
  },
  {
    name: 'list',
    summary: 'recordings on disk and drive, with their times, sizes and gaps',
    load: async () => (await import('./viewer/list-command.ts')).command,
  },
  {
    name: 'play',
    summary: 'play a recording, or a part of it',
    load: async () => (await import('./viewer/play-command.ts')).command,
  },
  {
    name: 'decrypt',
    summary: 'decrypt a recording, or a part of it',
    load: async () => (await import('./viewer/decrypt-command.ts')).command,
  },
  {
    name: 'verify',
    summary: "check recordings with the camera's public key alone",
    load: async () => (await import('./verifier/command.ts')).command,
  },
  {
    name: 'share',
    summary: 'give somebody the keys of a part of the recordings, and of nothing else',
    load: async () => (await import('./sharing/share-command.ts')).command,
  },
  {
    name: 'export',
    summary: 'an ordinary MP4 of a part, and what others need to check it offline',
    load: async () => (await import('./sharing/export-command.ts')).command,
  },
  {
    name: 'proof',
    summary: 'what leads from a recording to what a public chain holds',
    load: async () => (await import('../ledger/trees/command.ts')).command,
  },
  {
    name: 'keygen',
    summary: 'make a signing key for a camera',
    load: async () => (await import('./pgp/keygen-command.ts')).command,
  },
  {
    name: 'identity',
    summary: "the camera's address on the chain",
    load: async () => (await import('../ledger/identity/command.ts')).command,
  },
  {
    name: 'rotate-key',
    summary: 'send a camera that was paired a new video key',
    load: async () => (await import('../ledger/owner/rotate-key-command.ts')).command,
  },
  {
    name: 'live-key',
    summary: 'print the key for live video of a camera that was paired',
    load: async () => (await import('../ledger/owner/live-key-command.ts')).command,
  },
  {
    name: 'config',
    summary: 'check a configuration and show it without its secrets',
    load: async () => (await import('./config/command.ts')).command,
  },
  {
    name: 'pair',
    summary: 'make codes that a new camera reads with its own eye: whose it is, and its settings',
    load: async () => (await import('../provision/pair/command.ts')).command,
  },
  {
    name: 'install',
    summary: 'make this computer a camera',
    load: async () => (await import('../provision/install/commands.ts')).install,
  },
  {
    name: 'uninstall',
    summary: 'remove EncroCam from this computer',
    load: async () => (await import('../provision/install/commands.ts')).uninstallCommand,
  },
  {
    name: 'unlock',
    summary: 'give the passphrase, so that recording starts',
    load: async () => (await import('../provision/unlock/unlock-command.ts')).command,
  },
  {
    name: 'reset',
    summary: 'erase the keys of this camera, for its next owner',
    load: async () => (await import('../provision/reset/command.ts')).command,
  },
  {
    name: 'console',
    summary: 'what stands on a console of a card (for getty and sshd)',
    hidden: true,
    load: async () => (await import('../provision/unlock/console-command.ts')).command,
  },
  {
    name: 'agent',
    summary: 'the unlock agent (a service)',
    hidden: true,
    load: async () => (await import('../provision/unlock/agent-command.ts')).command,
  },
  {
    name: 'start-up',
    summary: 'take files from the boot partition, grow the recordings (a service of the card)',
    hidden: true,
    load: async () => (await import('../provision/card-commands.ts')).startUp,
  },
  {
    name: 'provision',
    summary: 'set a card up from its answers file (a service of the card)',
    hidden: true,
    load: async () => (await import('../provision/card-commands.ts')).provision,
  },
  {
    name: 'watch-codes',
    summary: 'look for a pairing code (a service of the card)',
    hidden: true,
    load: async () => (await import('../provision/pairing/watch-command.ts')).command,
  },
  {
    name: 'seal-key',
    summary: "seal a recording's key (for encrocam record)",
    hidden: true,
    load: async () => (await import('./recorder/seal-key-command.ts')).command,
  },
];

export function findCommand(name: string): CommandEntry | undefined {
  return commands.find((command) => command.name === name);
}

/** The option `--config` that services and the viewer share. */
export const configOption = { config: { type: 'string', short: 'c' } } as const;
