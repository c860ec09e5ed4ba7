/** Signing digests for the chain: with a file, and with SoftHSM2 through a process of pkcs11-tool for each. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { buildOptions } from '../../ci/bundle.ts';
import { nodeFlags } from '../../ci/node-flags.ts';
import { openSigner } from '../../ledger/identity/index.ts';
import type { LedgerIdentity } from '../../runtime/config/types.ts';
import { createSoftToken } from '../../test/support/soft-token.ts';
import { type Figure, quantile } from '../report.ts';
import { type SigningTimes, signingTimes } from '../signing-times.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
const fileRounds = 500;
const elementRounds = 100;
/** Bundled, and in the Node.js of a camera, which compiles nothing while it runs. */
async function timesOnCamera(
  directory: string,
  identity: LedgerIdentity,
  rounds: number,
): Promise<SigningTimes> {
  const entry = path.join(directory, 'signing-entry.ts');
  const outfile = path.join(directory, 'signing-bundle.mjs');
  await writeFile(
    entry,
    `import { signingTimes } from ${JSON.stringify(path.join(root, 'bench/signing-times.ts'))};
     console.log(JSON.stringify(await signingTimes(${JSON.stringify(identity)}, ${rounds})));`,
  );
  const { splitting: _, ...options } = buildOptions;
  await build({ ...options, entryPoints: [entry], outfile });
  const { stdout } = await run(process.execPath, [...nodeFlags, outfile]);
  return JSON.parse(stdout) as SigningTimes;
}

export async function measureSigning(directory: string): Promise<Figure[]> {
  const file: LedgerIdentity = { driver: 'file', key: path.join(directory, 'ledger.key') };
  const token = await createSoftToken();
  try {
    const startMs = performance.now();
    await (await openSigner(token.identity)).close();
    const makingMs = performance.now() - startMs;
    await (await openSigner(file)).close();
    const withFile = await signingTimes(file, fileRounds);
    const onCamera = await timesOnCamera(directory, file, fileRounds / 5);
    const withElement = await signingTimes(token.identity, elementRounds);
    return [
      { name: 'signing with a file, median', value: quantile(withFile.signMs, 0.5), unit: 'ms' },
      {
        name: 'signing with a file, as on a camera (bundled, --lite-mode)',
        value: quantile(onCamera.signMs, 0.5),
        unit: 'ms',
        target: { atMost: 1000 },
      },
      { name: 'opening the file, as on a camera', value: onCamera.openMs, unit: 'ms' },
      {
        name: 'signing with SoftHSM2, median',
        value: quantile(withElement.signMs, 0.5),
        unit: 'ms',
        target: { atMost: 1000 },
      },
      {
        name: 'signing with SoftHSM2, slowest of a hundred',
        value: Math.max(...withElement.signMs),
        unit: 'ms',
      },
      { name: 'opening SoftHSM2, with a signature', value: withElement.openMs, unit: 'ms' },
      { name: 'opening SoftHSM2 and making the key', value: makingMs, unit: 'ms' },
    ];
  } finally {
    await token.remove();
  }
}
