/**
 * What each call of the contracts takes in gas, and a camera's year of them in coins, on anvil. Gas is exact: the same
 * on every machine. The table in `docs/design/ledger.md` is `gasTables`, and a test keeps it so.
 */
import { type Address, keccak256, numberToHex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { deployContracts } from '../../contracts/deploy.ts';
import { anvilAccount, startAnvil } from '../../test/support/anvil.ts';
import {
  type Call,
  type Checkpoint,
  checkpointOf,
  startContracts,
} from '../../test/support/contracts-on-anvil.ts';
import type { Figure } from '../report.ts';

/** How many of each a year of 365.25 days has. */
const periods = { 'a day': 365.25, 'an hour': 8766, 'ten minutes': 52_596 } as const;
/** A quiet rollup, the main chain at night, the main chain in a hurry. */
const gasPricesGwei = [0.01, 1, 20] as const;
/** Stated, not measured. */
const dollarsPerCoin = 3000;
/** Gas follows from the rules of the chain: these are named, so that a newer anvil does not change the figures. */
const anvilOptions = { accounts: 4, args: ['--hardfork', 'prague'] };
const hourMs = 3_600_000n;

export interface GasOfCall {
  readonly name: string;
  readonly gas: number;
}

export async function measureGas(): Promise<GasOfCall[]> {
  return [...(await gasOfDeployment()), ...(await gasOfCalls())];
}

async function gasOfDeployment(): Promise<GasOfCall[]> {
  const anvil = await startAnvil(anvilOptions);
  try {
    const account = privateKeyToAccount(anvilAccount(0).privateKey);
    const { ownership, checkpoints } = await deployContracts(anvil.url, account);
    return [
      { name: 'deploying `Ownership`', gas: Number(ownership.gasUsed) },
      { name: 'deploying `Checkpoints`', gas: Number(checkpoints.gasUsed) },
    ];
  } finally {
    await anvil.stop();
  }
}

async function gasOfCalls(): Promise<GasOfCall[]> {
  const chain = await startContracts(anvilOptions);
  try {
    const [camera, owner, next] = chain.accounts as [Address, Address, Address];
    let hours = 500_000n;
    const tree = (): Checkpoint => {
      const firstMs = hours++ * hourMs;
      const root = keccak256(numberToHex(firstMs));
      return checkpointOf(camera, { leaves: 12, root, firstMs, lastMs: firstMs + hourMs });
    };
    const trees = (count: number): Call => ({
      functionName: 'commitAll',
      args: [Array.from({ length: count }, tree)],
    });
    const calls: readonly (readonly [name: string, call: Call])[] = [
      ['`claim`, the first', { functionName: 'claim', args: [owner] }],
      ['`claim`, the same owner', { functionName: 'claim', args: [owner] }],
      ['`claim`, another owner', { functionName: 'claim', args: [next] }],
      ['`commit`, the first', { functionName: 'commit', args: [tree()] }],
      [eachCommit, { functionName: 'commit', args: [tree()] }],
      ['`commitAll` of 2', trees(2)],
      ['`commitAll` of 24', trees(24)],
    ];
    const measured: GasOfCall[] = [];
    for (const [name, call] of calls) {
      const outcome = await chain.send(0, call);
      if (!('events' in outcome)) throw new Error(`${name}: refused with ${outcome.error}`);
      measured.push({ name, gas: Number(outcome.gasUsed) });
    }
    return measured;
  } finally {
    await chain.anvil.stop();
  }
}

const eachCommit = '`commit`, each later one';

/** In Markdown, as the design has them. */
export function gasTables(measured: readonly GasOfCall[]): string {
  const commit = measured.find(({ name }) => name === eachCommit)?.gas ?? Number.NaN;
  const coins = (count: number, gwei: number): number => (count * commit * gwei) / 1e9;
  return [
    '| call | gas |',
    '| --- | ---: |',
    ...measured.map(({ name, gas }) => `| ${name} | ${gas.toLocaleString('en')} |`),
    '',
    `| a checkpoint for | transactions a year | ${gasPricesGwei.map((gwei) => `at ${gwei} gwei`).join(' | ')} |`,
    `| --- | ---: |${gasPricesGwei.map(() => ' ---: |').join('')}`,
    ...Object.entries(periods).map(([name, count]) => {
      const costs = gasPricesGwei.map((gwei) => cost(coins(count, gwei)));
      return `| ${name} | ${Math.round(count).toLocaleString('en')} | ${costs.join(' | ')} |`;
    }),
  ].join('\n');
}

function cost(coins: number): string {
  const dollars = coins * dollarsPerCoin;
  const rounded = dollars < 100 ? dollars.toFixed(2) : Math.round(dollars).toLocaleString('en');
  return `${Number(coins.toPrecision(3))} coins, $${rounded}`;
}

export async function measureContracts(): Promise<Figure[]> {
  const measured = await measureGas();
  const commit = measured.find(({ name }) => name === eachCommit)?.gas ?? Number.NaN;
  return [
    ...measured.map(({ name, gas }) => ({ name: name.replaceAll('`', ''), value: gas, unit: 'gas' })),
    ...Object.entries(periods).flatMap(([name, count]) =>
      gasPricesGwei.map((gwei) => ({
        name: `a year, a checkpoint for ${name}, at ${gwei} gwei`,
        value: (count * commit * gwei) / 1e9,
        unit: 'coins',
      })),
    ),
  ];
}
