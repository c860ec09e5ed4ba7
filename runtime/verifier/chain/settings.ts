/** What `encrocam verify --chain` is told of the chain: by its options, or by a configuration. Nothing of it comes from a drive. */
import { readFile } from 'node:fs/promises';
import { type Contracts, usualContracts } from '../../../ledger/chain/usual-contracts.ts';
import type { Hex } from '../../../ledger/trees/hex.ts';
import type { CommandArguments } from '../../commands.ts';
import { loadConfig } from '../../config/load.ts';
import { EncroCamError } from '../../errors.ts';
import { printable } from '../../log.ts';
import { stringOption } from '../../viewer/options.ts';
import { parseTime } from '../../viewer/time.ts';

export interface ChainSettings {
  readonly chainId: number;
  readonly rpcUrls: readonly string[];
  readonly contracts: Contracts;
  readonly confirmations: number;
  /** Cameras that the owner names; none: files tell, and that is told. */
  readonly cameras: readonly Hex[];
  readonly owner: Hex | undefined;
  /** From then on nothing may be missing. */
  readonly fromMs: number | undefined;
}

const defaultConfirmations = 12;
const maxNodes = 8;
const maxOwnerFileBytes = 1024 * 1024;

/** @throws {EncroCamError} `USAGE`, or what reading a configuration throws */
export async function chainSettings(args: CommandArguments, nowMs: number): Promise<ChainSettings> {
  const file = stringOption(args, 'config');
  const ledger = file === undefined ? undefined : (await loadConfig(file)).ledger;
  const rpcUrls = strings(args, 'rpc') ?? ledger?.rpcUrls ?? [];
  const chainId = numberOption(args, 'chain-id', Number.MAX_SAFE_INTEGER) ?? ledger?.chainId;
  if (rpcUrls.length === 0 || chainId === undefined) {
    throw usage(
      `--chain needs ${rpcUrls.length === 0 ? 'nodes to ask: --rpc URL' : 'the number of the chain: --chain-id N'}.`,
      'Give --rpc several times, with nodes of different operators, and --chain-id; or --config FILE with a configuration that has "ledger".',
    );
  }
  if (rpcUrls.length > maxNodes) throw usage(`--rpc can be given ${maxNodes} times.`);
  for (const url of rpcUrls) {
    if (!/^https?:\/\/[^\s/]/.test(url) || !URL.canParse(url)) {
      throw usage('--rpc is no address of a node.', 'Give whole addresses, beginning with https://');
    }
  }
  const usual = ledger?.contracts ?? usualContracts();
  const from = stringOption(args, 'from');
  const owner = stringOption(args, 'owner') ?? ledger?.owner;
  return {
    ...{ chainId, rpcUrls },
    contracts: {
      ownership: address(stringOption(args, 'ownership') ?? usual.ownership, 'ownership'),
      checkpoints: address(stringOption(args, 'checkpoints') ?? usual.checkpoints, 'checkpoints'),
    },
    confirmations: numberOption(args, 'confirmations', 1000) ?? ledger?.confirmations ?? defaultConfirmations,
    cameras: [
      ...new Set((strings(args, 'ledger-camera') ?? []).map((camera) => address(camera, 'ledger-camera'))),
    ],
    owner: owner === undefined ? undefined : await ownerAddress(owner),
    fromMs: from === undefined ? undefined : parseTime(from, 'from', nowMs),
  };
}

/** An option that may be given several times. */
export function strings(args: CommandArguments, name: string): string[] | undefined {
  const value = args.values[name];
  return Array.isArray(value) ? value.map(String) : undefined;
}

function numberOption(args: CommandArguments, name: string, most: number): number | undefined {
  const text = stringOption(args, name);
  if (text === undefined) return undefined;
  if (/^[1-9]\d{0,15}$/.test(text) && Number(text) <= most) return Number(text);
  throw usage(`--${name} takes a whole number from 1 to ${most}, not ${JSON.stringify(text)}.`);
}

function isAddress(text: string): boolean {
  return /^0x[0-9a-fA-F]{40}$/.test(text);
}

function address(text: string, name: string): Hex {
  if (isAddress(text)) return text.toLowerCase() as Hex;
  throw usage(
    `--${name} takes an address, not ${JSON.stringify(text)}.`,
    'Write it as 0x and 40 hexadecimal digits.',
  );
}

/** An address, or the owner's key file, in which it stands in the clear: no passphrase is needed. */
async function ownerAddress(text: string): Promise<Hex> {
  if (isAddress(text)) return address(text, 'owner');
  try {
    const bytes = await readFile(text);
    const file =
      bytes.length > maxOwnerFileBytes ? undefined : (JSON.parse(bytes.toString('utf8')) as unknown);
    const found =
      typeof file === 'object' && file !== null ? (file as { address?: unknown }).address : undefined;
    if (typeof found === 'string' && isAddress(found)) return address(found, 'owner');
  } catch {
    // Told below: what is in the file is nobody's business.
  }
  throw usage(
    `--owner is neither an address nor a key file that can be read: ${printable(text)}.`,
    "Write the wallet's address as 0x and 40 hexadecimal digits, or name the file that encrocam pair made.",
  );
}

function usage(message: string, hint = 'See encrocam verify --help.'): EncroCamError {
  return new EncroCamError('USAGE', message, { hint });
}
