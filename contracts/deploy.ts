/**
 * Puts the two contracts on a chain. Through the factory that nearly all chains have ("deterministic
 * deployment proxy"), their addresses follow from their code alone: the same on every chain and from every account, and
 * whoever comes second finds them there already.
 */
import {
  type Address,
  concat,
  createPublicClient,
  createWalletClient,
  getContractAddress,
  type Hex,
  http,
  type LocalAccount,
  zeroHash,
} from 'viem';
import { checkpointsBytecode, ownershipBytecode } from './index.ts';

/** https://github.com/Arachnid/deterministic-deployment-proxy */
export const factoryAddress = '0x4e59b44847b379578588920ca78fbf26c0b4956c';
const salt = zeroHash;

export interface ContractAddresses {
  readonly ownership: Address;
  readonly checkpoints: Address;
}

export interface DeployedContract {
  readonly address: Address;
  /** What it took; zero if the contract was there. */
  readonly gasUsed: bigint;
  /** The transaction; undefined if the contract was there. */
  readonly transaction: Hex | undefined;
}

export interface Deployment {
  readonly chainId: number;
  readonly ownership: DeployedContract;
  readonly checkpoints: DeployedContract;
}

/** Where the factory puts the contracts, on every chain that has it. */
export function deterministicAddresses(): ContractAddresses {
  return { ownership: addressOf(ownershipBytecode), checkpoints: addressOf(checkpointsBytecode) };
}

function addressOf(bytecode: Hex): Address {
  return getContractAddress({
    opcode: 'CREATE2',
    from: factoryAddress,
    salt,
    bytecode,
  }).toLowerCase() as Address;
}

/**
 * Deploys what is not there yet, from `account`, which pays, and waits until it is in a block. A chain without the
 * factory gets the contracts at addresses of its own, each time anew. Rejects with viem's errors, and where the
 * code is not there afterwards.
 */
export async function deployContracts(rpcUrl: string, account: LocalAccount): Promise<Deployment> {
  const transport = http(rpcUrl);
  const reader = createPublicClient({ transport, pollingInterval: 250 });
  const wallet = createWalletClient({ account, transport });
  const chainId = await reader.getChainId();
  const hasFactory = (await reader.getCode({ address: factoryAddress })) !== undefined;

  const deploy = async (bytecode: Hex): Promise<DeployedContract> => {
    const expected = hasFactory ? addressOf(bytecode) : undefined;
    if (expected && (await reader.getCode({ address: expected }))) {
      return { address: expected, gasUsed: 0n, transaction: undefined };
    }
    const transaction = expected
      ? await wallet.sendTransaction({ chain: null, to: factoryAddress, data: concat([salt, bytecode]) })
      : await wallet.sendTransaction({ chain: null, data: bytecode });
    const receipt = await reader.waitForTransactionReceipt({ hash: transaction });
    const address = expected ?? receipt.contractAddress;
    if (receipt.status !== 'success' || !address || !(await reader.getCode({ address }))) {
      throw new Error(`The transaction ${transaction} made no contract.`);
    }
    return { address: address.toLowerCase() as Address, gasUsed: receipt.gasUsed, transaction };
  };
  return {
    chainId,
    ownership: await deploy(ownershipBytecode),
    checkpoints: await deploy(checkpointsBytecode),
  };
}
