import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { GpgHome } from '../../test/support/gpg-home.ts';
import { EncroCamError } from '../errors.ts';
import { makeKeyFiles } from './keygen-command.ts';
import { loadSealingKeys, seal } from './seal.ts';

const owner = path.join(import.meta.dirname, '../../test/vectors/encrocrypt2/owner.public.asc');
const exists = (error: unknown): boolean =>
  error instanceof EncroCamError && error.code === 'INPUT_UNREADABLE';

describe('a new signing key', () => {
  let directory: string;
  let home: GpgHome;
  before(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'keygen-'));
    home = await GpgHome.create();
  });
  after(async () => {
    await home.remove();
    await rm(directory, { recursive: true });
  });

  test('is known to gpg under the fingerprint that is told, and seals', async () => {
    const made = await makeKeyFiles(path.join(directory, 'camera'), 'Front door');
    assert.equal((await stat(made.secretFile)).mode & 0o777, 0o600);
    const shown = await home.gpg('--with-colons', '--show-keys', made.publicFile);
    assert.equal(/^fpr:+([0-9A-F]{40}):/m.exec(shown)?.[1], made.fingerprint);
    assert.match(shown, /Front door/);
    assert.ok((await seal(Buffer.alloc(16), await loadSealingKeys([owner], made.secretFile))).length > 0);
  });

  test('never overwrites a file, and leaves no half of a pair', async () => {
    const out = path.join(directory, 'taken');
    for (const [taken, other] of [
      ['secret', 'public'],
      ['public', 'secret'],
    ]) {
      await writeFile(`${out}.${taken}.asc`, 'mine');
      await assert.rejects(makeKeyFiles(out, 'x'), exists);
      assert.equal(await readFile(`${out}.${taken}.asc`, 'utf8'), 'mine');
      await assert.rejects(stat(`${out}.${other}.asc`), { code: 'ENOENT' });
      await rm(`${out}.${taken}.asc`);
    }
  });
});
