/** What `encrocam verify --chain` is told of the chain: by its options, or by a configuration. Nothing of it comes from a drive. */
import { type Contracts, usualContracts } from '../../../ledger/chain/usual-contracts.ts';
import type { Hex } from '../../../ledger/trees/hex.ts';
import type { CommandArguments } from '../../commands.ts';
import { loadConfig } from '../../config/load.ts';
import { EncroCamError } from '../../errors.ts';
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
    owner: owner === undefined ? undefined : address(owner, 'owner'),
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

function address(text: string, name: string): Hex {
  if (/^0x[0-9a-fA-F]{40}$/.test(text)) return text.toLowerCase() as Hex;
  throw usage(
    `--${name} takes an address, not ${JSON.stringify(text)}.`,
    'Write it as 0x and 40 hexadecimal digits.',
  );
}

function usage(message: string, hint = 'See encrocam verify --help.'): EncroCamError {
  return new EncroCamError('USAGE', message, { hint });
}
