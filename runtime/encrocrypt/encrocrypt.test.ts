import assert from 'node:assert/strict';
import { createSecretKey, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  decryptVideo,
  encodeKeyPacket,
  FormatError,
  findHeader,
  headerBytes,
  magic,
  maxKeyBodyBytes,
  maxPlaintextBytes,
  maxVideoBodyBytes,
  PacketReader,
  packetOverheadBytes,
  type Skip,
  VideoEncrypter,
} from './index.ts';

const key = Buffer.alloc(16, 7);
const keyObject = createSecretKey(key);
const noon = Date.UTC(2026, 10, 22, 12, 0, 30);

interface ReadResult {
  plaintexts: Buffer[];
  keyMessages: Buffer[];
  skips: Skip[];
  /** Sum of what packets and skips cover. */
  coveredBytes: number;
}

/** Reads a stream that came in `chunks`, all under one key, as a viewer does. */
function readAll(chunks: Iterable<Uint8Array>): ReadResult {
  const reader = new PacketReader();
  const result: ReadResult = { plaintexts: [], keyMessages: [], skips: [], coveredBytes: 0 };
  let position = 0;
  const drain = (): void => {
    for (let item = reader.next(); item; item = reader.next()) {
      assert.equal(item.offset, position, 'packets and skips lie end to end');
      if (item.kind === 'skip') {
        result.skips.push(item);
        position += item.length;
      } else if (item.kind === 'key') {
        result.keyMessages.push(Buffer.from(item.message));
        position += headerBytes + item.message.length;
      } else {
        const plaintext = decryptVideo(keyObject, item.body);
        if (plaintext) {
          result.plaintexts.push(plaintext);
          position += headerBytes + item.body.length;
        } else reader.reject();
      }
    }
  };
  for (const chunk of chunks) {
    reader.push(chunk);
    drain();
  }
  reader.end();
  drain();
  result.coveredBytes = position;
  return result;
}

function* slices(bytes: Buffer, length: number): Generator<Buffer> {
  for (let start = 0; start < bytes.length; start += length) yield bytes.subarray(start, start + length);
}

function stream(...sizes: number[]): { bytes: Buffer; plaintexts: Buffer[] } {
  const encrypter = new VideoEncrypter(key);
  const plaintexts = sizes.map((size) => randomBytes(size));
  const packets = plaintexts.map((plaintext) => encrypter.encrypt(plaintext, noon));
  return { bytes: Buffer.concat([encodeKeyPacket(Buffer.from('message')), ...packets]), plaintexts };
}

/** `part` is `whole` with elements left out. */
function isSubsequence(part: Buffer[], whole: Buffer[]): boolean {
  let index = 0;
  for (const element of whole) if (part[index]?.equals(element)) index += 1;
  return index === part.length;
}

describe('writing', () => {
  test('a video packet has the bytes that the format says', () => {
    const encrypter = new VideoEncrypter(key, (bytes) => bytes.fill(9));
    const packet = encrypter.encrypt(Buffer.from('abc'), noon);
    assert.equal(packet.length, packetOverheadBytes + 3);
    assert.equal(packet.subarray(0, 13).toString(), '__EncroCrypt2');
    assert.equal(packet[13], 2);
    assert.equal(packet.readUInt32BE(14), 36 + 3);
    assert.equal(packet.readUInt32BE(18), Math.floor(noon / 60_000));
    assert.deepEqual(packet.subarray(22, 38), Buffer.alloc(16, 9));
    assert.deepEqual(decryptVideo(keyObject, packet.subarray(18)), Buffer.from('abc'));
  });

  test('no nonce is used twice over several draws', () => {
    const encrypter = new VideoEncrypter(key);
    const nonces = new Set<string>();
    for (let index = 0; index < 1000; index++) {
      nonces.add(encrypter.encrypt(Buffer.of(1), noon).toString('hex', 22, 38));
    }
    assert.equal(nonces.size, 1000);
    assert.equal(encrypter.packets, 1000);
  });

  test('the largest packet is written and read; one byte more is refused', () => {
    const encrypter = new VideoEncrypter(key);
    const packet = encrypter.encrypt(Buffer.alloc(maxPlaintextBytes), noon);
    assert.equal(packet.length - headerBytes, maxVideoBodyBytes);
    assert.equal(readAll([packet]).plaintexts[0]?.length, maxPlaintextBytes);
    assert.throws(() => encrypter.encrypt(Buffer.alloc(maxPlaintextBytes + 1), noon), FormatError);
  });

  test('what does not fit the format is refused', () => {
    const encrypter = new VideoEncrypter(key);
    assert.throws(() => encrypter.encrypt(Buffer.alloc(0), noon), FormatError);
    assert.throws(() => encrypter.encrypt(Buffer.of(1), -1), FormatError);
    assert.throws(() => encrypter.encrypt(Buffer.of(1), Number.NaN), FormatError);
    assert.throws(() => encrypter.encrypt(Buffer.of(1), 2 ** 32 * 60_000), FormatError);
    assert.throws(() => encodeKeyPacket(Buffer.alloc(0)), FormatError);
    assert.throws(() => encodeKeyPacket(Buffer.alloc(maxKeyBodyBytes + 1)), FormatError);
    assert.throws(() => new VideoEncrypter(Buffer.alloc(15)), FormatError);
  });
});

describe('reading', () => {
  const { bytes, plaintexts } = stream(1, 100, 5000, 17, 40_000);

  for (const size of [1, 2, 7, 13, 18, 1000, 4096, bytes.length]) {
    test(`gives the same in chunks of ${size}`, () => {
      const result = readAll(slices(bytes, size));
      assert.deepEqual(result.plaintexts, plaintexts);
      assert.deepEqual(result.skips, []);
      assert.deepEqual(result.keyMessages, [Buffer.from('message')]);
    });
  }

  test('a file of the original gives every packet and no skip', () => {
    const file = readFileSync(new URL('../../test/vectors/encrocrypt2/whole.encrocam', import.meta.url));
    const reader = new PacketReader();
    reader.push(file);
    reader.end();
    const kinds = { key: 0, video: 0, skip: 0 };
    for (let item = reader.next(); item; item = reader.next()) kinds[item.kind] += 1;
    assert.deepEqual(kinds, { key: 1, video: 240, skip: 0 });
  });

  test('a magic inside a ciphertext does not tear a good packet apart', () => {
    // The ciphertext is chosen, and the plaintext that leads to it computed: GCM is a stream cipher.
    const nonce = (fill: Buffer): void => void fill.fill(5);
    const stretch = new VideoEncrypter(key, nonce).encrypt(Buffer.alloc(64), noon).subarray(38, 102);
    const wanted = Buffer.alloc(64, 1);
    wanted.set(magic, 20);
    const plaintext = Buffer.from(wanted.map((byte, index) => byte ^ (stretch[index] ?? 0)));
    const packet = new VideoEncrypter(key, nonce).encrypt(plaintext, noon);
    assert.equal(packet.indexOf(magic, 1), 58);
    const result = readAll(slices(Buffer.concat([packet, packet]), 33));
    assert.deepEqual(result.plaintexts, [plaintext, plaintext]);
    assert.deepEqual(result.skips, []);
  });

  test('a packet that was cut short swallows nothing of what follows', () => {
    const first = stream(3000);
    const second = stream(20, 30);
    const cut = first.bytes.subarray(0, first.bytes.length - 1000);
    const result = readAll(slices(Buffer.concat([cut, second.bytes, second.bytes]), 501));
    assert.deepEqual(result.plaintexts, [...second.plaintexts, ...second.plaintexts]);
    assert.deepEqual(
      result.skips.map(({ offset, length, reason }) => ({ offset, length, reason })),
      [{ offset: 25, length: cut.length - 25, reason: 'cut' }],
    );
  });

  test('a magic that begins just before the claimed end of a cut packet is found, in any chunking', () => {
    for (let overlap = 1; overlap < magic.length; overlap++) {
      const first = new VideoEncrypter(key).encrypt(Buffer.alloc(500), noon);
      const next = new VideoEncrypter(key).encrypt(Buffer.from('next'), noon);
      const bytes = Buffer.concat([first.subarray(0, first.length - overlap), next]);
      for (const size of [1, 5, first.length, bytes.length]) {
        assert.deepEqual(
          readAll(slices(bytes, size)).plaintexts,
          [Buffer.from('next')],
          `${overlap} ${size}`,
        );
      }
    }
  });

  test('the end of a file in the middle of a packet is reported', () => {
    for (const length of [1, 12, 13, 17, 18, 30, 100]) {
      const packet = new VideoEncrypter(key).encrypt(Buffer.alloc(200), noon).subarray(0, length);
      const result = readAll([bytes, packet]);
      assert.deepEqual(result.plaintexts, plaintexts);
      assert.equal(
        result.skips.reduce((sum, skip) => sum + skip.length, 0),
        length,
      );
    }
  });

  test('impossible types and lengths are passed over', () => {
    const header = (type: number, length: number): Buffer => {
      const bytes = Buffer.alloc(headerBytes);
      magic.copy(bytes);
      bytes[13] = type;
      bytes.writeUInt32BE(length, 14);
      return bytes;
    };
    const bad = [
      header(0, 5),
      header(3, 50),
      header(255, 50),
      header(1, 0),
      header(1, maxKeyBodyBytes + 1),
      header(2, 35),
      header(2, maxVideoBodyBytes + 1),
      header(2, 0xffff_ffff),
    ];
    const good = stream(10);
    const result = readAll(slices(Buffer.concat([...bad, good.bytes]), 11));
    assert.deepEqual(result.plaintexts, good.plaintexts);
    assert.equal(result.skips[0]?.reason, 'bad-header');
  });

  test('headers that all claim 10 MiB cost no more than a bounded number of passes over the file', () => {
    const header = Buffer.alloc(headerBytes);
    magic.copy(header);
    header[13] = 2;
    header.writeUInt32BE(maxVideoBodyBytes, 14);
    const hostile = Buffer.alloc(maxVideoBodyBytes * 2);
    for (let start = 0; start + headerBytes <= hostile.length; start += headerBytes)
      hostile.set(header, start);
    const good = stream(10);
    const reader = new PacketReader();
    let attempted = 0;
    let found = 0;
    for (const chunk of slices(Buffer.concat([hostile, good.bytes]), 1 << 20)) {
      reader.push(chunk);
      for (let item = reader.next(); item; item = reader.next()) {
        if (item.kind !== 'video') continue;
        attempted += item.body.length;
        if (decryptVideo(keyObject, item.body)) found += 1;
        else reader.reject();
      }
    }
    reader.end();
    for (let item = reader.next(); item; item = reader.next()) {
      if (item.kind === 'video' && decryptVideo(keyObject, item.body)) found += 1;
    }
    assert.equal(found, 1);
    assert.ok(attempted < 10 * hostile.length, `${attempted} bytes were decrypted in vain`);
  });

  test('rejecting without a packet is a mistake of the caller', () => {
    assert.throws(() => new PacketReader().reject(), TypeError);
  });
});

describe('whatever the bytes', () => {
  const damage = fc.record({
    kind: fc.constantFrom('flip', 'zero', 'cut', 'insert', 'duplicate', 'magic', 'remove'),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    length: fc.integer({ min: 1, max: 400 }),
    byte: fc.integer({ min: 1, max: 255 }),
  });

  test('2,000 random damages: what comes out was put in, in order, and every byte is accounted for', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 12 }),
        fc.array(damage, { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 900 }),
        (sizes, damages, chunk) => {
          const { bytes, plaintexts } = stream(...sizes);
          let damaged = bytes;
          for (const { kind, at, length, byte } of damages) {
            const start = Math.floor(at * damaged.length);
            const end = Math.min(damaged.length, start + length);
            const [before, inside, after] = [
              damaged.subarray(0, start),
              damaged.subarray(start, end),
              damaged.subarray(end),
            ];
            const middle = {
              flip: Buffer.from(inside.map((value) => value ^ byte)),
              zero: Buffer.alloc(inside.length),
              cut: Buffer.alloc(0),
              insert: Buffer.concat([Buffer.alloc(length, byte), inside]),
              duplicate: Buffer.concat([inside, inside]),
              magic: Buffer.concat([magic, inside]),
              remove: Buffer.alloc(0),
            }[kind];
            damaged = kind === 'cut' ? before : Buffer.concat([before, middle, after]);
          }
          const result = readAll(slices(damaged, chunk));
          assert.equal(result.coveredBytes, damaged.length);
          // EncroCrypt2 cannot tell a packet that was repeated or moved: then only where it came from is sure.
          if (damages.some(({ kind }) => kind === 'duplicate')) {
            const known = new Set(plaintexts.map((plaintext) => plaintext.toString('hex')));
            assert.ok(result.plaintexts.every((plaintext) => known.has(plaintext.toString('hex'))));
          } else assert.ok(isSubsequence(result.plaintexts, plaintexts));
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('2,000 random damages lose no packet that they did not touch', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 2, maxLength: 12 }),
        fc.nat(),
        fc.nat(),
        fc.uint8Array({ minLength: 1, maxLength: 60 }),
        fc.integer({ min: 1, max: 900 }),
        (sizes, which, where, noise, chunk) => {
          const encrypter = new VideoEncrypter(key);
          const plaintexts = sizes.map((size) => randomBytes(size));
          const packets = plaintexts.map((plaintext) => encrypter.encrypt(plaintext, noon));
          const hit = which % packets.length;
          const victim = packets[hit] ?? Buffer.alloc(0);
          const start = where % victim.length;
          const spoilt = Buffer.from(victim);
          spoilt.set(noise.subarray(0, victim.length - start), start);
          const expected = plaintexts.filter((_, index) => index !== hit || spoilt.equals(victim));
          packets[hit] = spoilt;
          const result = readAll(slices(Buffer.concat(packets), chunk));
          // The minutes are not authenticated: damage there leaves the packet readable.
          const others = result.plaintexts.filter(
            (plaintext) => !plaintext.equals(plaintexts[hit] ?? plaintext),
          );
          assert.ok(expected.filter((_, index) => index !== hit).length <= others.length + 1);
          assert.deepEqual(
            others,
            plaintexts.filter(
              (plaintext, index) => index !== hit && !plaintext.equals(plaintexts[hit] ?? plaintext),
            ),
          );
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('random bytes with magics among them never throw and never give plaintext', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.uint8Array({ maxLength: 80 }), fc.constant(new Uint8Array(magic))), {
          maxLength: 40,
        }),
        fc.integer({ min: 1, max: 100 }),
        (parts, chunk) => {
          const bytes = Buffer.concat(parts);
          const result = readAll(slices(bytes, chunk));
          assert.equal(result.coveredBytes, bytes.length);
          assert.deepEqual(result.plaintexts, []);
        },
      ),
      { numRuns: 1000 },
    );
  });
});

describe('scanning for headers', () => {
  test('finds key and video headers with their times', () => {
    const { bytes } = stream(100);
    assert.deepEqual(findHeader(bytes), { offset: 0, kind: 'key', packetBytes: 25, timeMs: undefined });
    const video = findHeader(bytes, 1);
    assert.equal(video?.offset, 25);
    assert.equal(video?.timeMs, Math.floor(noon / 60_000) * 60_000);
    assert.equal(video?.packetBytes, packetOverheadBytes + 100);
  });

  test('passes over a stray magic and gives nothing where a header is not whole', () => {
    const { bytes } = stream(100);
    assert.equal(findHeader(Buffer.concat([magic, Buffer.alloc(30), bytes]))?.offset, 43);
    assert.equal(findHeader(bytes.subarray(0, 21)), undefined);
    assert.equal(findHeader(Buffer.alloc(0)), undefined);
  });
});
