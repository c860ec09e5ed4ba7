/** Two readers of EncroCrypt3 that share nothing but the document: ours, and one in Python. They agree. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash, randomBytes, randomInt } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { decrypt, readKey, readMessage, readPrivateKey } from 'openpgp';
import {
  commitmentOf,
  envelopeBytes,
  givenNode,
  type Header,
  type HeaderPlace,
  idOfWrapped,
  noteContent,
  PacketReader,
  RunOpener,
  readHeader,
  readHeaderIndex,
  rootOf,
  type TreeNode,
  unwrapSecret,
} from '../../runtime/encrocrypt/v3/index.ts';
import { fingerprintOf } from '../../runtime/pgp/keys.ts';
import { checkFile } from '../../runtime/verifier/check-file.ts';
import { isSound, verificationOf } from '../../runtime/verifier/report.ts';

const run = promisify(execFile);
const vectors = path.join(import.meta.dirname, '../vectors/encrocrypt3');
const keys = path.join(import.meta.dirname, '../vectors/encrocrypt2');
const python = path.join(import.meta.dirname, '../../runtime/sharing/encrocrypt3.py');
const cameraFile = path.join(keys, 'camera.public.asc');
const fromText = path.join(import.meta.dirname, 'encrocrypt3_from_text.py');
const maxOutputBytes = 10_000_000;

interface RunReport {
  readonly state: string;
  readonly certifiedToMs?: number;
  readonly ended: boolean;
  readonly stretches: readonly string[];
}

interface Expected {
  readonly files: readonly {
    readonly file: string;
    readonly what: string;
    readonly runs: readonly RunReport[];
    readonly plaintextBytes: number;
    readonly plaintextSha256: string;
    /** With the camera's key, where it is another one. */
    readonly camera?: string;
    readonly symmetricKey?: { readonly id: string; readonly key: string };
    readonly index?: readonly { readonly timeMs: number; readonly offset: number }[];
  }[];
  readonly keyTree: {
    readonly runId: string;
    readonly secret: string;
    readonly commitment: string;
    readonly range: {
      readonly file: string;
      readonly nodes: readonly { readonly depth: number; readonly index: number; readonly key: string }[];
      readonly plaintextBytes: number;
      readonly plaintextSha256: string;
    };
  };
}

const expected = JSON.parse(await readFile(path.join(vectors, 'expected.json'), 'utf8')) as Expected;
let gnupgHome: string;
let directory: string;

before(async () => {
  gnupgHome = await mkdtemp(path.join(os.tmpdir(), 'encrocam-gnupg-'));
  directory = await mkdtemp(path.join(os.tmpdir(), 'encrocam-interop-'));
  await run('gpg', [
    '--homedir',
    gnupgHome,
    '--batch',
    '--quiet',
    '--import',
    path.join(keys, 'owner.secret.asc'),
  ]);
});
after(async () => {
  await run('gpgconf', ['--homedir', gnupgHome, '--kill', 'all']).catch(() => undefined);
  await Promise.all([gnupgHome, directory].map((made) => rm(made, { recursive: true, force: true })));
});

interface Told {
  readonly runs: readonly RunReport[];
  readonly skippedBytes: number;
  readonly isSound: boolean;
}

/** Ours: what can be told without any secret, as `encrocam verify` tells it. */
async function verifyOurs(file: Buffer, keyFile = cameraFile): Promise<Told> {
  const camera = await readKey({ armoredKey: await readFile(keyFile, 'utf8') });
  const chunks = (async function* () {
    yield file;
  })();
  const checked = await checkFile('file', chunks, camera);
  const verification = verificationOf('place', fingerprintOf(camera), [checked], Date.now());
  const runs = checked.runs.map(({ voucher, stretches, ended }): RunReport => {
    const isCertified = typeof voucher === 'object' && voucher.toMs !== undefined;
    return {
      state: isCertified ? 'certified' : typeof voucher === 'object' ? 'locked' : voucher,
      ended: ended !== undefined,
      stretches: stretches.map(({ verdict, fromMs, toMs }) => `${verdict} ${fromMs}-${toMs}`),
      ...(isCertified ? { certifiedToMs: voucher.toMs } : {}),
    };
  });
  return { runs, skippedBytes: checked.skippedBytes, isSound: isSound(verification) };
}

async function nodesOf(header: Header, symmetric?: { id: string; key: string }): Promise<TreeNode[]> {
  const { runId, commitment } = header.statement;
  if (symmetric) {
    const [id, key] = [symmetric.id, symmetric.key].map((text) => Buffer.from(text, 'hex'));
    const mine = header.sealed.wrapped.find((wrapped) => id?.equals(idOfWrapped(wrapped)));
    const secret = mine && key && unwrapSecret(mine, runId, key);
    assert.ok(secret);
    assert.deepEqual(commitmentOf(secret, runId), commitment);
    return [rootOf(secret, runId)];
  }
  const privateKey = await readPrivateKey({
    armoredKey: await readFile(path.join(keys, 'owner.secret.asc'), 'utf8'),
  });
  const message = await readMessage({ binaryMessage: header.sealed.openpgp ?? Buffer.alloc(0) });
  const { data } = await decrypt({ message, decryptionKeys: privateKey, format: 'binary' });
  assert.deepEqual(commitmentOf(data, runId), commitment);
  return [rootOf(data, runId)];
}

interface Owner {
  /** Instead of a secret. */
  readonly given?: readonly TreeNode[];
  /** Of an owner without OpenPGP. */
  readonly symmetricKey?: { readonly id: string; readonly key: string } | undefined;
}

/** Ours: everything that opens, with the run's secret or with nodes that were given. */
async function decryptOurs(file: Buffer, { given, symmetricKey }: Owner = {}): Promise<Buffer> {
  const reader = new PacketReader();
  reader.push(file);
  reader.end();
  const video: Buffer[] = [];
  let current: Buffer | undefined;
  let opener: RunOpener | undefined;
  for (let item = reader.next(); item; item = reader.next()) {
    if (item.kind === 'header') {
      const header = readHeader(item.body);
      if (!header) {
        reader.reject();
        continue;
      }
      if (current?.equals(header.hash)) continue;
      current = header.hash;
      const { runId, segmentMs, initialisation } = header.statement;
      opener = new RunOpener({ runId, segmentMs, nodes: given ?? (await nodesOf(header, symmetricKey)) });
      if (initialisation) video.push(initialisation);
    } else if (item.kind === 'data') {
      const opened = opener?.open(item);
      if (opened && opener?.isNext(item)) video.push(opened);
      if (!opened && !given) reader.reject();
    }
  }
  return Buffer.concat(video);
}

async function python3(...args: string[]): Promise<{ output: Buffer; errors: string; exitCode: number }> {
  return new Promise((resolve, reject) => {
    execFile(
      'python3',
      [python, ...args],
      { encoding: 'buffer', maxBuffer: maxOutputBytes, env: { ...process.env, GNUPGHOME: gnupgHome } },
      (error, output, errors) => {
        const said = errors.toString();
        const isFailure = error && (typeof error.code !== 'number' || /Error|Exception/.test(said));
        if (isFailure) reject(new Error(said));
        else resolve({ output, errors: said, exitCode: Number(error?.code ?? 0) });
      },
    );
  });
}

async function verifyPythons(file: string, camera = cameraFile): Promise<Told> {
  const { output, errors, exitCode } = await python3('verify', file, '--camera', camera);
  if (output.length === 0) throw new Error(errors);
  const reports = JSON.parse(output.toString()) as (RunReport & { readonly camera: string })[];
  const runs = reports.map(({ camera: claimed, ...report }) => {
    assert.match(claimed, /^[0-9A-F]{40}$/);
    return report;
  });
  const [, skipped] = /^(\d+) bytes that belong to nothing$/m.exec(errors) ?? [];
  return { runs, skippedBytes: Number(skipped ?? 0), isSound: exitCode === 0 };
}

/** A file with the nodes that an owner's symmetric key opens. */
async function unwrappedByPython(file: string, { id, key }: { id: string; key: string }): Promise<string> {
  const { stdout } = await run('python3', [fromText, 'unwrap', file, id, key]);
  const nodesFile = path.join(directory, 'unwrapped.json');
  await writeFile(nodesFile, stdout);
  return nodesFile;
}

function lastIndexIn(file: Buffer): HeaderPlace[] | undefined {
  const reader = new PacketReader();
  reader.push(file);
  reader.end();
  let places: HeaderPlace[] | undefined;
  for (let item = reader.next(); item; item = reader.next()) {
    if (item.kind === 'note') places = readHeaderIndex(noteContent(item)) ?? places;
  }
  return places;
}

/** The body of the packet that begins there. */
function bytesOfPacketAt(file: Buffer, offset: number): Buffer {
  const start = offset + envelopeBytes;
  return file.subarray(start, start + file.readUIntBE(start - 3, 3));
}

function digest(bytes: Buffer): string {
  return `${bytes.length} ${createHash('sha256').update(bytes).digest('hex')}`;
}

it('is enough of a document for a reader of less than three hundred lines', async () => {
  const lines = (await readFile(python, 'utf8')).trimEnd().split('\n').length;
  assert.ok(lines < 300, `${lines} lines`);
});

for (const {
  file,
  what,
  runs,
  plaintextBytes,
  plaintextSha256,
  camera,
  symmetricKey,
  index,
} of expected.files) {
  describe(`${file}: ${what}`, () => {
    const whole = path.join(vectors, file);

    it('is judged alike by both, as listed', async () => {
      const ours = await verifyOurs(await readFile(whole), camera && path.join(vectors, camera));
      assert.deepEqual(ours.runs, runs);
      // gpg knows no key of version 6, and so cannot tell whether it signed.
      if (camera)
        await assert.rejects(verifyPythons(whole, path.join(vectors, camera)), /holds 0 OpenPGP keys/);
      else assert.deepEqual(await verifyPythons(whole), ours);
    });

    it('gives the listed video to both', async () => {
      const listed = `${plaintextBytes} ${plaintextSha256}`;
      assert.equal(digest(await decryptOurs(await readFile(whole), { symmetricKey })), listed);
      const nodes = symmetricKey ? ['--nodes', await unwrappedByPython(whole, symmetricKey)] : [];
      assert.equal(digest((await python3('decrypt', whole, ...nodes)).output), listed);
    });

    if (!index) return;
    it('says where its headers stand, to both', async () => {
      const bytes = await readFile(whole);
      const places = lastIndexIn(bytes)?.map(({ wallMs, offset }) => ({ timeMs: wallMs, offset }));
      assert.deepEqual(places, index);
      const { stdout } = await run('python3', [fromText, 'index', whole]);
      assert.deepEqual(
        JSON.parse(stdout),
        index.map(({ timeMs, offset }) => [timeMs, offset]),
      );
      for (const { offset } of index) assert.ok(readHeader(bytesOfPacketAt(bytes, offset)));
    });
  });
}

describe('the tree of keys', () => {
  const { runId, secret, commitment, range } = expected.keyTree;

  it('is made as listed', () => {
    const bytes = Buffer.from(secret, 'hex');
    assert.equal(commitmentOf(bytes, Buffer.from(runId, 'hex')).toString('hex'), commitment);
  });

  it('opens a range and nothing beside it, for both', async () => {
    const file = path.join(vectors, range.file);
    const listed = `${range.plaintextBytes} ${range.plaintextSha256}`;
    const nodes = range.nodes.map(({ depth, index, key }) =>
      givenNode(depth, index, Buffer.from(key, 'hex')),
    );
    assert.equal(digest(await decryptOurs(await readFile(file), { given: nodes })), listed);
    const nodesFile = path.join(directory, 'nodes.json');
    await writeFile(nodesFile, JSON.stringify(range.nodes));
    assert.equal(digest((await python3('decrypt', file, '--nodes', nodesFile)).output), listed);
  });
});

describe('whatever was done to a file', () => {
  it('both say the same of it, and get the same out of it', async () => {
    const original = await readFile(path.join(vectors, 'two-runs.encrocam'));
    for (let round = 0; round < 20; round++) {
      const at = randomInt(original.length);
      const length = 1 + randomInt(3000);
      const kinds = {
        noise: [original.subarray(0, at), randomBytes(length), original.subarray(at + length)],
        cut: [original.subarray(0, at), original.subarray(at + length)],
        repeated: [original.subarray(0, at + length), original.subarray(at)],
        end: [original.subarray(0, at)],
      };
      const [kind, parts] = Object.entries(kinds)[round % 4] ?? ['', []];
      const damaged = Buffer.concat(parts);
      const file = path.join(directory, 'damaged');
      await writeFile(file, damaged);
      const what = `${kind} at ${at}, ${length} bytes`;
      const [pythons, ours] = [await verifyPythons(file), await verifyOurs(damaged)];
      // Where a signed packet stands twice, the one in Python calls more tampered.
      if (kind === 'repeated') assert.equal(pythons.isSound, ours.isSound, what);
      else assert.deepEqual(pythons, ours, what);
      assert.equal(digest((await python3('decrypt', file)).output), digest(await decryptOurs(damaged)), what);
    }
  });
});
