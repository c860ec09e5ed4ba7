/**
 * `make deploy RPC=URL [KEY=FILE]`: puts the contracts on a chain and prints the section for the configuration. Once
 * for a chain is enough: cameras of all owners share them. Whoever pays has no rights over them afterwards.
 */
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { BaseError, type Hex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { type DeployedContract, type Deployment, deployContracts } from '../../contracts/deploy.ts';
import { EncroCamError, isEncroCamError, messageOf } from '../../runtime/errors.ts';
import { exitCode } from '../../runtime/exit-codes.ts';
import { askSecret } from '../../runtime/pgp/ask-secret.ts';
import { ledgerSection } from './section.ts';

const usage = 'make deploy RPC=https://node.example/ [KEY=FILE with the private key of a wallet that pays]';
const variable = 'ENCROCAM_DEPLOY_KEY';

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { rpc: { type: 'string', default: '' }, key: { type: 'string', default: '' } },
  });
  if (!/^https?:\/\/[^\s/]/.test(values.rpc)) {
    throw new EncroCamError('USAGE', 'The address of a node of the chain is missing.', { hint: usage });
  }
  const account = privateKeyToAccount(await privateKey(values.key));
  console.log(`paid by ${account.address.toLowerCase()}`);
  const deployment = await deploy(values.rpc, account);
  tell('Ownership', deployment.ownership);
  tell('Checkpoints', deployment.checkpoints);
  const section = ledgerSection(deployment.chainId, values.rpc, {
    ownership: deployment.ownership.address,
    checkpoints: deployment.checkpoints.address,
  });
  console.log(`\nFor the configuration of each camera:\n\n${section}`);
  return exitCode.whole;
}

async function privateKey(file: string): Promise<Hex> {
  const place = file === '' ? 'The private key' : file;
  let text: string;
  try {
    text =
      file === ''
        ? await askSecret('Private key of the wallet that pays: ', { variable, code: 'USAGE' })
        : await readFile(file, 'utf8');
  } catch (error) {
    if (isEncroCamError(error)) throw error;
    throw new EncroCamError('INPUT_UNREADABLE', `${file} cannot be read: ${messageOf(error)}.`, {
      hint: usage,
    });
  }
  const digits = text.trim().replace(/^0x/, '');
  const given: Hex = `0x${digits}`;
  try {
    if (!/^[0-9a-f]{64}$/i.test(digits)) throw new Error('not 64 digits');
    privateKeyToAccount(given);
  } catch {
    // Nothing of it is shown, nor of what the library says of it.
    throw new EncroCamError('USAGE', `${place} is not that of a wallet.`, {
      hint: 'Give 0x and 64 hexadecimal digits, as wallets export them, and nothing else.',
    });
  }
  return given;
}

async function deploy(rpc: string, account: ReturnType<typeof privateKeyToAccount>): Promise<Deployment> {
  try {
    return await deployContracts(rpc, account);
  } catch (error) {
    // viem's whole message has the node's address in it, which may hold an access key.
    const details = error instanceof BaseError ? [error.shortMessage, error.details] : [messageOf(error)];
    const said = [...new Set(details.filter(Boolean))].join(' ').replaceAll(rpc, '(the node)');
    throw new EncroCamError('DEPLOYMENT_FAILED', `The contracts are not on the chain: ${said}`, {
      hint: 'Check the node, and that the wallet has coins of this chain. To run it again does no harm: what is there stays.',
      cause: error,
    });
  }
}

function tell(name: string, { address, gasUsed, transaction }: DeployedContract): void {
  const how = transaction ? `${gasUsed} gas, transaction ${transaction}` : 'was there already';
  console.log(`${name.padEnd(11)} ${address} (${how})`);
}

try {
  process.exitCode = await main();
} catch (error) {
  const hint = isEncroCamError(error) ? error.hint : undefined;
  console.error(`${messageOf(error)}${hint ? `\n${hint}` : ''}`);
  process.exitCode = exitCode.usage;
}
