/**
 * Bundles `encrocam` for a camera into `build/bundle/`, or the directory that is named: `cli.js` with its chunks (loaded only when a command needs
 * them), the systemd units and the launcher. The schemas' validators go in as finished code, without ajv's compiler.
 */

import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Ajv2020 } from 'ajv/dist/2020.js';
import standaloneCode from 'ajv/dist/standalone/index.js';
import { type BuildOptions, build, type Plugin } from 'esbuild';
import { createAjv } from '../runtime/config/ajv.ts';
import { answersSchema, configSchema } from '../runtime/config/schema.ts';
import { memoryFlags } from './node-flags.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const usualTarget = `${root}build/bundle`;
/** What reads QR codes is WebAssembly, which `--lite-mode` has not. */
const webAssemblyCommands = ['watch-codes'];

const finishedValidators: Plugin = {
  name: 'finished-validators',
  setup(builder) {
    for (const [filter, schema] of [
      [/runtime\/config\/validator\.ts$/, configSchema],
      [/provision\/answers\/validator\.ts$/, answersSchema],
    ] as const) {
      builder.onLoad({ filter }, () => {
        const ajv: Ajv2020 = createAjv(true);
        const code = standaloneCode.default(ajv, ajv.compile(schema));
        return { contents: code, loader: 'js', resolveDir: root };
      });
    }
  },
};

/** How anything of ours becomes a bundle that runs on a camera. */
export const buildOptions = {
  absWorkingDir: root,
  bundle: true,
  splitting: true,
  platform: 'node',
  format: 'esm',
  target: 'node24',
  minify: true,
  keepNames: true,
  legalComments: 'none',
  banner: { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" },
  plugins: [finishedValidators],
  logLevel: 'warning',
} satisfies BuildOptions;

/** @param target replaced as a whole. Who builds beside others has one of its own. */
export async function bundle(target: string = usualTarget): Promise<void> {
  const temporary = `${target}.${process.pid}`;
  await rm(temporary, { recursive: true, force: true });
  await mkdir(`${temporary}/units`, { recursive: true });
  await build({
    ...buildOptions,
    entryPoints: { cli: 'runtime/cli.ts' },
    outdir: temporary,
  });
  // What `encrocam export` puts beside a video: read from where the code lies.
  await cp(`${root}runtime/sharing/encrocrypt3.py`, `${temporary}/encrocrypt3.py`);
  // The reader of QR codes, beside the code that loads it.
  await cp(
    fileURLToPath(import.meta.resolve('zxing-wasm/reader/zxing_reader.wasm')),
    `${temporary}/zxing_reader.wasm`,
  );
  await writeFile(`${temporary}/package.json`, '{"type":"module"}\n');
  for (const units of ['runtime/systemd', 'provision/systemd']) {
    if (existsSync(`${root}${units}`)) await cp(`${root}${units}`, `${temporary}/units`, { recursive: true });
  }
  await writeFile(`${temporary}/encrocam`, launcher());
  await chmod(`${temporary}/encrocam`, 0o755);
  await rm(target, { recursive: true, force: true });
  await rename(temporary, target);
}

/** `/usr/lib/encrocam/encrocam`: uses the Node.js beside it, or, in a checkout, the one the lock file pins. */
function launcher(): string {
  return [
    '#!/bin/sh',
    'here=$(dirname "$(readlink -f "$0")")',
    'node=$here/node',
    '[ -x "$node" ] || node=$here/../../node_modules/.bin/node',
    'lite=--lite-mode',
    `case $1 in ${webAssemblyCommands.join('|')}) lite= ;; esac`,
    `exec "$node" $lite ${memoryFlags.join(' ')} "$here/cli.js" "$@"`,
    '',
  ].join('\n');
}

if (import.meta.main) {
  const [target = usualTarget] = process.argv.slice(2);
  await bundle(target);
  console.log(`bundled into ${target}`);
}
