/** Every vector through the real command on standard input, in pieces of all sizes. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';

const root = path.join(import.meta.dirname, '../..');
const vectors = path.join(root, 'test/vectors/encrocrypt2');
const { files } = JSON.parse(await readFile(path.join(vectors, 'expected.json'), 'utf8')) as {
  files: { file: string; from: string | null; plaintextSha256: string }[];
};

/** So many bytes take in a key packet, and the beginning of a video packet. */
const singleBytes = 4000;

const sizes: Record<string, (position: number) => number> = {
  // What waits in a pipe is read at once, so some bytes are joined: decoder.test.ts pushes each one alone.
  'byte by byte, then in large pieces': (position) => (position < singleBytes ? 1 : 65_536),
  'in odd pieces': (position) => 1 + ((position * 7919) % 5003),
};

for (const { file, from, plaintextSha256 } of files) {
  for (const [how, size] of Object.entries(sizes)) {
    test(`${file} from ${from ?? 'its beginning'}, given to standard input ${how}, gives the listed bytes`, async () => {
      const bytes = await readFile(path.join(vectors, file));
      const child = spawn(
        path.join(root, 'bin/encrocam'),
        [
          ...['decrypt', '-', '-', '--signed-by', path.join(vectors, 'camera.public.asc')],
          ...['--key', path.join(vectors, 'owner.secret.asc')],
          ...(from === null ? [] : ['--from', from]),
        ],
        { stdio: ['pipe', 'pipe', 'ignore'] },
      );
      const ended = once(child, 'close') as Promise<[number | null]>;
      const hash = createHash('sha256');
      child.stdout.on('data', (part: Buffer) => hash.update(part));
      for (let position = 0; position < bytes.length; ) {
        const end = position + size(position);
        if (!child.stdin.write(bytes.subarray(position, end))) await once(child.stdin, 'drain');
        await setImmediate();
        position = end;
      }
      child.stdin.end();
      const [code] = await ended;
      assert.equal(code, file === 'whole.encrocam' ? 0 : 2);
      assert.equal(hash.digest('hex'), plaintextSha256);
    });
  }
}
