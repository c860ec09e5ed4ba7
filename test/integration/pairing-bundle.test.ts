/** The reader of codes as a camera has it: bundled, its module beside the code, and no packages anywhere near. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { buildOptions } from '../../ci/bundle.ts';
import { nodeFlags } from '../../ci/node-flags.ts';
import { pairingCodes, pairingOwner, pictureOfCode } from '../support/pairing.ts';

const run = promisify(execFile);
const size = { width: 640, height: 480 };

test('the bundled reader reads a code with what lies beside it, and says why it cannot in --lite-mode', async (context) => {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'encrocam-reader-'));
  context.after(() => rm(directory, { recursive: true, force: true }));
  const entry = `
    import { readFileSync } from 'node:fs';
    import { createCodeReader } from './provision/pairing/reader.ts';
    const read = await createCodeReader();
    const pixels = readFileSync(process.argv[2]);
    console.log(JSON.stringify(await read({ width: ${size.width}, height: ${size.height}, pixels })));`;
  await build({
    ...buildOptions,
    stdin: { contents: entry, resolveDir: buildOptions.absWorkingDir, loader: 'ts' },
    outdir: directory,
    outExtension: { '.js': '.mjs' },
  });
  await cp(
    fileURLToPath(import.meta.resolve('zxing-wasm/reader/zxing_reader.wasm')),
    path.join(directory, 'zxing_reader.wasm'),
  );
  const [text = ''] = await pairingCodes(pairingOwner());
  const picture = path.join(directory, 'picture.gray');
  await writeFile(picture, (await pictureOfCode(text, size)).pixels);
  const script = path.join(directory, 'stdin.mjs');
  const { stdout } = await run(process.execPath, [script, picture], { cwd: directory });
  assert.deepEqual(JSON.parse(stdout), [text]);
  await assert.rejects(run(process.execPath, [...nodeFlags, script, picture]), /no WebAssembly/);
});
