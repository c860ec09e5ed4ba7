import type { ContractAddresses } from '../../contracts/deploy.ts';

/** The `ledger` section of a configuration, as one pastes it between its braces. */
export function ledgerSection(
  chainId: number,
  rpcUrl: string,
  contracts: ContractAddresses,
  more: Readonly<Record<string, unknown>> = {},
): string {
  const { ownership, checkpoints } = contracts;
  const section = { chainId, rpcUrls: [rpcUrl], contracts: { ownership, checkpoints }, ...more };
  return `"ledger": ${JSON.stringify(section, undefined, 2)}`;
}
