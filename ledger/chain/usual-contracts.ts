/** The contracts as this program knows them: where they usually are, and whether what stands at an address is them. */
import { deterministicAddresses } from '../../contracts/deploy.ts';
import { checkpointsBytecode, ownershipBytecode } from '../../contracts/index.ts';
import { EncroCamError } from '../../runtime/errors.ts';
import type { Hex } from '../trees/hex.ts';
import type { Block } from './chain.ts';
import type { ChainNodes } from './nodes.ts';

/** Most of what runs once, before the code that stays, in hexadecimal digits. */
const maxInitialisation = 256;

export interface Contracts {
  readonly ownership: Hex;
  readonly checkpoints: Hex;
}

/** Where they are on every chain on which the factory put them: the addresses follow from the code. */
export function usualContracts(): Contracts {
  return deterministicAddresses();
}

/**
 * That what stands at these addresses is the code of this program, and not somebody's who lets it say what he likes.
 * @throws {EncroCamError} `CHAIN_WRONG`, or what {@link ChainNodes.agree} throws
 */
export async function checkContracts(nodes: ChainNodes, block: Block, contracts: Contracts): Promise<void> {
  const known = { ownership: ownershipBytecode, checkpoints: checkpointsBytecode };
  for (const name of ['ownership', 'checkpoints'] as const) {
    const address = contracts[name];
    const code = await nodes.agree(`the contract of ${name}`, (client) =>
      client.getCode({ address, blockNumber: block.height }),
    );
    const digits = (code ?? '0x').slice(2);
    const made = known[name].slice(2);
    if (digits !== '' && made.endsWith(digits) && made.length - digits.length <= maxInitialisation) continue;
    throw new EncroCamError(
      'CHAIN_WRONG',
      digits === ''
        ? `there is no contract at ${address} on chain ${nodes.chainId}`
        : `at ${address} on chain ${nodes.chainId} stands another contract than ${name === 'ownership' ? 'Ownership' : 'Checkpoints'} of this program: it may say what its maker likes`,
      {
        hint: `Correct --${name} or ledger.contracts.${name}; whoever gave you the address may want to deceive you. Do not trust this camera's checkpoints.`,
      },
    );
  }
}
