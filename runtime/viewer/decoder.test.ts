import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { before, describe, test } from 'node:test';
import { encodeKeyPacket, type Skip, VideoEncrypter } from '../encrocrypt/index.ts';
import { EncroCamError } from '../errors.ts';
import { keyFileDecrypter } from '../pgp/key-file-decrypter.ts';
import { cachingOpener, createKeyOpener, type KeyOpener } from '../pgp/open.ts';
import { findTrustedSigner } from '../pgp/trusted-signer.ts';
import { Decoder } from './decoder.ts';
import { type TimeRange, wholeRange } from './time.ts';

interface Expected {
  files: {
    file: string;
    from: string | null;
    plaintextBytes: number;
    plaintextSha256: string;
    what: string;
  }[];
}

const vectors = path.join(import.meta.dirname, '../../test/vectors/encrocrypt2');
const expected = JSON.parse(await readFile(path.join(vectors, 'expected.json'), 'utf8')) as Expected;
const startMs = Date.UTC(2026, 0, 1);
const minuteMs = 60_000;

interface Outcome {
  readonly video: Buffer;
  readonly skips: Skip[];
  readonly badKeys: string[];
  readonly decoder: Decoder;
}

async function decode(
  bytes: Buffer,
  opener: KeyOpener,
  range: TimeRange = wholeRange,
  chunkBytes: (index: number) => number = () => bytes.length,
): Promise<Outcome> {
  const skips: Skip[] = [];
  const badKeys: string[] = [];
  const decoder = new Decoder({
    opener,
    range,
    onSkip: (skip) => skips.push(skip),
    onBadKey: (_, error) => badKeys.push(error.code),
  });
  const parts: Buffer[] = [];
  for (let position = 0, index = 0; position < bytes.length; index++) {
    const end = position + chunkBytes(index);
    parts.push(...(await decoder.push(bytes.subarray(position, end))));
    position = end;
  }
  parts.push(...(await decoder.end()));
  return { video: Buffer.concat(parts), skips, badKeys, decoder };
}

const neverAsk = async (): Promise<string> => assert.fail('asked for a passphrase');

async function vectorOpener(signer: string): Promise<KeyOpener> {
  const decrypter = await keyFileDecrypter(path.join(vectors, 'owner.secret.asc'), neverAsk);
  return cachingOpener(createKeyOpener(decrypter, await findTrustedSigner(path.join(vectors, signer))));
}

describe('recordings of the original implementation', () => {
  let opener: KeyOpener;
  before(async () => {
    opener = await vectorOpener('camera.public.asc');
  });

  const chunkings: Record<string, (index: number) => number> = {
    whole: () => Number.MAX_SAFE_INTEGER,
    'byte by byte': () => 1,
    'in odd chunks': (index) => 1 + ((index * 7919) % 5003),
  };
  for (const { file, from, plaintextBytes, plaintextSha256, what } of expected.files) {
    for (const [name, chunkBytes] of Object.entries(chunkings)) {
      test(`${what}: gives exactly the listed bytes (${file}, ${name})`, async () => {
        const bytes = await readFile(path.join(vectors, file));
        const range = { fromMs: from === null ? undefined : Date.parse(from), toMs: undefined };
        const { video, decoder } = await decode(bytes, opener, range, chunkBytes);
        assert.equal(video.length, plaintextBytes);
        assert.equal(createHash('sha256').update(video).digest('hex'), plaintextSha256);
        assert.equal(decoder.damaged, file !== 'whole.encrocam');
        assert.equal(decoder.notAuthentic, false);
      });
    }
  }

  test('give nothing when another signer is trusted', async () => {
    const bytes = await readFile(path.join(vectors, 'whole.encrocam'));
    const { video, decoder } = await decode(bytes, await vectorOpener('owner.public.asc'));
    assert.equal(video.length, 0);
    assert.equal(decoder.notAuthentic, true);
  });
});

/** Opens messages that say `good` and the key's first byte. */
const plainOpener: KeyOpener = {
  async open(message) {
    const text = Buffer.from(message).toString();
    if (text.startsWith('good ')) return { key: Buffer.alloc(16, text[5]), signedBy: '' as never };
    throw new EncroCamError(text === 'locked' ? 'KEY_LOCKED' : 'NOT_AUTHENTIC', 'no');
  },
};
const key = (name: string): Buffer => encodeKeyPacket(Buffer.from(`good ${name}`));
const foreignKey = encodeKeyPacket(Buffer.from('foreign'));
const video = (name: string, text: string, minute = 0): Buffer =>
  new VideoEncrypter(Buffer.alloc(16, name)).encrypt(Buffer.from(text), startMs + minute * minuteMs);

describe('key packets', () => {
  test('the most recent one applies', async () => {
    const bytes = Buffer.concat([key('a'), video('a', '1'), key('b'), video('b', '2'), video('a', '3')]);
    const { video: got, skips } = await decode(bytes, plainOpener);
    assert.equal(got.toString(), '12');
    assert.deepEqual(
      skips.map((skip) => skip.reason),
      ['not-authentic'],
    );
  });

  test('one of another camera, spliced in with its video, shows none of it and hides nothing else', async () => {
    const bytes = Buffer.concat([
      ...[
        key('a'),
        video('a', '1'),
        foreignKey,
        video('x', 'forged'),
        video('a', '2'),
        key('a'),
        video('a', '3'),
      ],
    ]);
    const { video: got, decoder, badKeys } = await decode(bytes, plainOpener);
    assert.equal(got.toString(), '123');
    assert.equal(decoder.notAuthentic, true);
    assert.equal(decoder.damaged, true);
    assert.deepEqual(badKeys, ['NOT_AUTHENTIC']);
  });

  test('video before the first one is reported as without a key', async () => {
    const { video: got, skips } = await decode(
      Buffer.concat([video('a', '1'), key('a'), video('a', '2')]),
      plainOpener,
    );
    assert.equal(got.toString(), '2');
    assert.deepEqual(skips, [{ kind: 'skip', offset: 0, length: video('a', '1').length, reason: 'no-key' }]);
  });

  test('one whose length swallows good packets is gone back into', async () => {
    const swallowing = Buffer.concat([foreignKey.subarray(0, 14), Buffer.from([0, 0, 0, 250])]);
    const bytes = Buffer.concat([
      key('a'),
      swallowing,
      ...['1', '2', '3', '4', '5'].map((text) => video('a', text)),
    ]);
    const { video: got } = await decode(bytes, plainOpener);
    assert.equal(got.toString(), '12345');
  });

  test('a secret key that stays locked ends it: no other key packet would open', async () => {
    const bytes = Buffer.concat([encodeKeyPacket(Buffer.from('locked')), video('a', '1')]);
    await assert.rejects(
      decode(bytes, plainOpener),
      (error) => error instanceof EncroCamError && error.code === 'KEY_LOCKED',
    );
  });
});

describe('a time range', () => {
  const minutes = [0, 1, 2, 3, 4, 5, 12];
  const packets = minutes.map((minute) => video('a', `${minute},`, minute));
  const range = (from: number | undefined, to: number | undefined): TimeRange => ({
    fromMs: from === undefined ? undefined : startMs + from * minuteMs,
    toMs: to === undefined ? undefined : startMs + to * minuteMs,
  });

  test('begins with its minute and ends before the other one', async () => {
    const { video: got, decoder } = await decode(
      Buffer.concat([key('a'), ...packets]),
      plainOpener,
      range(1, 4),
    );
    assert.equal(got.toString(), '1,2,3,');
    assert.equal(decoder.finished, true);
  });

  test('goes on when the clock was set back in between', async () => {
    const bytes = Buffer.concat([
      key('a'),
      ...[3, 5, 2, 3, 9].map((minute) => video('a', `${minute},`, minute)),
    ]);
    const { video: got } = await decode(bytes, plainOpener, range(2, 4));
    assert.equal(got.toString(), '3,2,3,');
  });

  test('does not count damage outside it', async () => {
    const garbage = Buffer.from('garbage');
    const bytes = Buffer.concat([
      key('a'),
      ...packets.slice(0, 2),
      garbage,
      ...packets.slice(2),
      garbage,
      ...packets.slice(5),
    ]);
    assert.deepEqual((await decode(bytes, plainOpener, range(3, 5))).skips, []);
    assert.equal((await decode(bytes, plainOpener, range(1, 5))).skips.length, 1);
  });

  test('counts damage at its edges, which may have been inside', async () => {
    const garbage = Buffer.from('garbage');
    const bytes = Buffer.concat([key('a'), ...packets.slice(0, 2), garbage, ...packets.slice(2)]);
    assert.equal((await decode(bytes, plainOpener, range(2, 4))).skips.length, 1);
    assert.equal((await decode(bytes, plainOpener, range(0, 2))).skips.length, 1);
  });
});
