/**
 * `make chain`: a chain of one's own on this computer, with both contracts on it, to try a camera's ledger without coins of
 * any worth. Goes on until Ctrl-C, and is gone then. `PORT=8545` by default; a block every `SECONDS=2`.
 */
import { createInterface } from 'node:readline';
import { parseEther, toHex } from 'viem';
import { ledgerSection } from '../ledger/deploy/section.ts';
import { type Anvil, deployContracts, startAnvil } from '../test/support/anvil.ts';

const coins = 10;

async function main(): Promise<number> {
  const port = numberFrom('PORT', 8545, 65_535);
  const blockSeconds = numberFrom('SECONDS', 2, 3600);
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stopping.abort());
  const anvil = await startAnvil({ port, blockSeconds });
  try {
    const contracts = await deployContracts(anvil.url);
    // A chain of one node, which nobody reorganises.
    const section = ledgerSection(anvil.chainId, anvil.url, contracts, {
      periodMinutes: 10,
      confirmations: 2,
    });
    console.log(
      [
        `A chain of your own: ${anvil.url}, a block every ${blockSeconds} s. Nobody else reaches it: a camera on another`,
        `computer needs a tunnel to it (ssh -R ${anvil.port}:127.0.0.1:${anvil.port} CAMERA).`,
        '',
        'For the configuration of a camera:',
        '',
        section,
        '',
        `A camera pays for its transactions. To give it ${coins} coins, type its address here and press Enter, or run`,
        '',
        `  curl -H 'content-type: application/json' ${anvil.url} \\`,
        `    -d '{"jsonrpc":"2.0","id":1,"method":"anvil_setBalance","params":["ADDRESS","${toHex(parseEther(`${coins}`))}"]}'`,
        '',
        'Ctrl-C ends it, and everything on it is gone.',
      ].join('\n'),
    );
    const input = createInterface({ input: process.stdin });
    input.on('line', (line) => void fill(anvil, line.trim()));
    if (!stopping.signal.aborted) {
      await new Promise((resolve) => stopping.signal.addEventListener('abort', resolve, { once: true }));
    }
    input.close();
    console.log('\nEnded.');
    return 0;
  } finally {
    await anvil.stop();
  }
}

async function fill(anvil: Anvil, address: string): Promise<void> {
  if (address === '') return;
  if (!/^0x[0-9a-f]{40}$/i.test(address)) {
    console.log('That is no address: 0x and 40 hexadecimal digits.');
    return;
  }
  try {
    await anvil.rpc('anvil_setBalance', address, toHex(parseEther(`${coins}`)));
    console.log(`${address} has ${coins} coins.`);
  } catch (error) {
    console.log(`${address} got nothing: ${error instanceof Error ? error.message : error}`);
  }
}

function numberFrom(variable: string, standard: number, most: number): number {
  const given = process.env[variable] ?? '';
  if (given === '') return standard;
  const value = Number(given);
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw new Error(`${variable} is a whole number from 1 to ${most}, not ${given}.`);
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
process.stdin.destroy();
