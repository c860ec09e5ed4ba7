/** A chain of one's own for a test: anvil on a free port of the loopback interface, with accounts that have coins. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { type Address, type Hex, keccak256, numberToHex, parseEther, stringToHex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { type ContractAddresses, deployContracts as deploy } from '../../contracts/deploy.ts';

const startTimeoutMs = 30_000;
const stopTimeoutMs = 5_000;

export interface AnvilOptions {
  /** Default: 31337. */
  readonly chainId?: number;
  /** A block every so many seconds. Without it, one for each transaction, at once. */
  readonly blockSeconds?: number;
  /** No block but for `evm_mine` or `anvil_mine`. */
  readonly isManual?: boolean;
  /** Default: 4. */
  readonly accounts?: number;
  /** Coins of each account. Default: 1000. */
  readonly coins?: number;
  /** Time of the first block, in seconds since 1970. Default: now. */
  readonly startSeconds?: number;
  /** Default: any free one. */
  readonly port?: number;
  /** More of anvil's options. */
  readonly args?: readonly string[];
}

export interface AnvilAccount {
  readonly address: Address;
  readonly privateKey: Hex;
}

export interface Anvil {
  readonly url: string;
  readonly port: number;
  readonly chainId: number;
  readonly pid: number;
  /** The same ones each time. */
  readonly accounts: readonly AnvilAccount[];
  /** Calls one of the node's methods, such as `evm_mine`, `anvil_reorg` or `evm_setNextBlockTimestamp`. */
  rpc(method: string, ...params: readonly unknown[]): Promise<unknown>;
  /** Ends it, and with it the chain. Rejects if it does not end. */
  stop(): Promise<void>;
}

/** Account number `index`, which has coins on every chain with more accounts than that. */
export function anvilAccount(index: number): AnvilAccount {
  return accountOf(`account ${index}`);
}

function accountOf(name: string): AnvilAccount {
  const privateKey = keccak256(stringToHex(`EncroCam test chain, ${name}`));
  return { address: privateKeyToAccount(privateKey).address.toLowerCase() as Address, privateKey };
}

export async function startAnvil(options: AnvilOptions = {}): Promise<Anvil> {
  const chainId = options.chainId ?? 31337;
  const args = ['--host', '127.0.0.1', '--port', `${options.port ?? 0}`, '--chain-id', `${chainId}`];
  args.push('--accounts', '1');
  if (options.blockSeconds !== undefined) args.push('--block-time', `${options.blockSeconds}`);
  if (options.isManual) args.push('--no-mining');
  if (options.startSeconds !== undefined) args.push('--timestamp', `${options.startSeconds}`);
  args.push(...(options.args ?? []));
  // Goes with this process, however that ends.
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', anvilProgram(), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // A process group of its own: Ctrl-C in a terminal reaches who started it alone.
    detached: true,
  });
  const ended = once(child, 'exit');
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-4000);
  });
  const port = await new Promise<number>((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`anvil does not listen after ${startTimeoutMs} ms: ${said}`));
    }, startTimeoutMs);
    child.once('error', (cause) => {
      clearTimeout(timer);
      reject(new Error('setpriv, of util-linux, cannot be started', { cause }));
    });
    child.once('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`anvil ended (${code}): ${said}`));
    });
    // Read to the end: a full pipe would stop it.
    createInterface({ input: child.stdout }).on('line', (line) => {
      said = `${said}${line}\n`.slice(-4000);
      const found = /^Listening on \S+:(\d+)$/.exec(line);
      if (!found) return;
      clearTimeout(timer);
      resolve(Number(found[1]));
    });
  });
  const url = `http://127.0.0.1:${port}`;
  const rpc = (method: string, ...params: readonly unknown[]): Promise<unknown> => call(url, method, params);
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
    await ended;
    clearTimeout(timer);
  };
  const accounts = Array.from({ length: options.accounts ?? 4 }, (_, index) => anvilAccount(index));
  const coins = numberToHex(parseEther(`${options.coins ?? 1000}`));
  try {
    for (const { address } of [...accounts, deployer]) await rpc('anvil_setBalance', address, coins);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, port, chainId, pid: child.pid ?? -1, accounts, rpc, stop };
}

/** Not one of the accounts: their first transaction is that of the test. */
const deployer = accountOf('deployer');

/** Puts both contracts on a chain of `startAnvil`: at the same addresses each time. Waits for the chain's blocks. */
export async function deployContracts(url: string): Promise<ContractAddresses> {
  const { ownership, checkpoints } = await deploy(url, privateKeyToAccount(deployer.privateKey));
  return { ownership: ownership.address, checkpoints: checkpoints.address };
}

/** The program itself, from the package for this computer's processor: a script would stand between it and our signals. */
function anvilProgram(): string {
  const name = `@foundry-rs/anvil-linux-${process.arch === 'x64' ? 'amd64' : process.arch}`;
  return createRequire(import.meta.url).resolve(`${name}/bin/anvil`);
}

async function call(url: string, method: string, params: readonly unknown[]): Promise<unknown> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
  });
  const answer = (await response.json()) as { result?: unknown; error?: { message: string } };
  if (answer.error) throw new Error(`${method}: ${answer.error.message}`);
  return answer.result;
}
