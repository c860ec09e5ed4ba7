import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { decodeBase45, encodeBase45 } from './base45.ts';
import { CodeCollector, encodeCodes, maxOpenMessages, maxParts, type Seen } from './codes.ts';

/** The last thing that was seen. */
function feed(collector: CodeCollector, codes: readonly string[]): Seen | undefined {
  return codes.map((code) => collector.take(code)).at(-1);
}

function whole(seen: Seen | undefined): Buffer | undefined {
  return seen?.outcome === 'message' ? seen.message : undefined;
}

/** Codes of anything, a bomb say, with an id that is right. */
function codesOf(deflated: Buffer, parts: number): string[] {
  const id = createHash('sha256').update(deflated).digest('hex').slice(0, 8).toUpperCase();
  const size = Math.ceil(deflated.length / parts);
  return Array.from({ length: parts }, (_, index) => {
    const data = encodeBase45(deflated.subarray(index * size, (index + 1) * size));
    return `ENCROCAM1/${id}/${index}/${parts}/${data}`;
  });
}

test('base 45 is that of RFC 9285, 4.3', () => {
  for (const [plain, text] of [
    ['AB', 'BB8'],
    ['Hello!!', '%69 VD92EX0'],
    ['base-45', 'UJCLQE7W581'],
    ['ietf!', 'QED8WEX0'],
  ] as const) {
    assert.equal(encodeBase45(Buffer.from(plain)), text);
    assert.equal(decodeBase45(text)?.toString(), plain);
  }
  for (const text of ['GGW', '::', ':::', 'A', 'ABCD', 'aB8', 'B B'.toLowerCase()]) {
    assert.equal(decodeBase45(text), undefined, text);
  }
});

test('any message comes back from its codes in any order, some seen twice, others in between', () => {
  const sizes = fc.integer({ min: 20, max: 600 });
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 5000 }),
      sizes,
      fc.infiniteStream(fc.nat()),
      (bytes, size, dice) => {
        const codes = encodeCodes(bytes, size);
        const shuffled = [...codes, ...codes.slice(0, 3)]
          .map((code) => ({ code, at: dice.next().value }))
          .sort((one, other) => one.at - other.at)
          .map(({ code }) => code);
        const collector = new CodeCollector();
        const messages = shuffled.flatMap((code) => {
          collector.take('https://example.com/');
          return whole(collector.take(code)) ?? [];
        });
        assert.ok(messages.length >= 1);
        for (const message of messages) assert.deepEqual(message, Buffer.from(bytes));
      },
    ),
  );
});

test('every code is of the characters that QR codes pack best, and bounded', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 0, maxLength: 12_000 }), (bytes) => {
      const codes = encodeCodes(bytes);
      assert.ok(codes.length <= maxParts);
      for (const code of codes) assert.match(code, /^[0-9A-Z $%*+\-./:]{20,930}$/);
    }),
  );
  assert.throws(() => encodeCodes(randomBytes(20_000)), RangeError);
  assert.throws(() => encodeCodes(Buffer.alloc(65 * 1024)), RangeError);
  assert.equal(encodeCodes(randomBytes(19_000)).length, maxParts);
});

test('a series that is shown again gives its message again', () => {
  const codes = encodeCodes(randomBytes(500));
  const collector = new CodeCollector();
  assert.ok(whole(feed(collector, codes)));
  assert.deepEqual(collector.take(codes[0] ?? ''), {
    outcome: 'part',
    id: codes[0]?.slice(10, 18),
    have: 1,
    count: codes.length,
  });
  assert.equal(collector.take(codes[0] ?? '').outcome, 'again');
  assert.ok(whole(feed(collector, codes.slice(1))));
});

test('what is no pairing code, or a malformed one, is refused with a reason that quotes nothing of it', () => {
  const [good = ''] = encodeCodes(randomBytes(500));
  const [prefix, id, index, count, data = ''] = good.split('/');
  const bad = [
    '',
    'https://example.com/secret',
    'encrocam1/00000000/0/1/BB8',
    'ENCROCAM2/00000000/0/1/BB8',
    'ENCROCAM1/',
    [prefix, id?.toLowerCase(), index, count, data].join('/'),
    [prefix, id, count, count, data].join('/'),
    [prefix, id, '00', count, data].join('/'),
    [prefix, id, '-1', count, data].join('/'),
    [prefix, id, 0, 0, data].join('/'),
    [prefix, id, 0, 33, data].join('/'),
    [prefix, id, 0, 1, ''].join('/'),
    [prefix, id, 0, 1, 'secret'].join('/'),
    [prefix, id, 0, 1, '::::::'].join('/'),
    [prefix, id, 0, 1, 'BB8'.repeat(301)].join('/'),
    [prefix, id, 0, 1, 'BB8'.repeat(1_000_000)].join('/'),
    `${good}\n`,
  ];
  for (const text of bad) {
    const seen = new CodeCollector().take(text);
    assert.equal(seen.outcome, 'refused', text.slice(0, 80));
    assert.ok(seen.outcome !== 'refused' || !/secret|BB8/.test(seen.reason));
  }
});

test('parts that contradict each other, or do not belong together, make no message', () => {
  const codes = encodeCodes(randomBytes(500));
  const [first = '', second = ''] = codes;
  const other = [...first.split('/').slice(0, 4), 'BB8'].join('/');
  const collector = new CodeCollector();
  collector.take(other);
  assert.equal(collector.take(first).outcome, 'refused');
  // The series began again: what was right is enough now.
  assert.ok(whole(feed(collector, codes)));
  assert.equal(feed(collector, [other, ...codes.slice(1)])?.outcome, 'refused');
  collector.take(first);
  const longer = second.replace(`/1/${codes.length}/`, `/1/${codes.length + 1}/`);
  assert.equal(collector.take(longer).outcome, 'refused');
});

test('only so many messages are kept, those that grew last', () => {
  const series = Array.from({ length: maxOpenMessages + 1 }, () => encodeCodes(randomBytes(500)));
  const collector = new CodeCollector();
  for (const [first = ''] of series.slice(0, -1)) collector.take(first);
  collector.take(series[0]?.[1] ?? '');
  collector.take(series.at(-1)?.[0] ?? '');
  // The second was the one that had waited longest: its first part is gone, that of the first is not.
  assert.equal(collector.take(series[1]?.[0] ?? '').outcome, 'part');
  assert.ok(whole(feed(collector, series[0]?.slice(2) ?? [])));
});

test('codes that nobody means are forgotten, however many there are', () => {
  const collector = new CodeCollector();
  const data = encodeBase45(randomBytes(600));
  const see = (number: number, index: number): Seen => {
    const id = number.toString(16).toUpperCase().padStart(8, '0');
    return collector.take(`ENCROCAM1/${id}/${index}/32/${data}`);
  };
  for (let number = 0; number < 1000; number++) see(number, 0);
  const kept = Array.from({ length: 1000 }, (_, number) => 999 - number).filter((number) => {
    const seen = see(number, 1);
    return seen.outcome === 'part' && seen.have === 2;
  });
  assert.deepEqual(kept, [999, 998, 997, 996]);
});

test('a bomb does not inflate', () => {
  const bomb = deflateRawSync(Buffer.alloc(10_000_000), { level: 9 });
  assert.ok(bomb.length < 32 * 600);
  const seen = feed(new CodeCollector(), codesOf(bomb, 20));
  assert.match(seen?.outcome === 'refused' ? seen.reason : '', /inflate/);
  const most = deflateRawSync(Buffer.alloc(64 * 1024));
  assert.equal(whole(feed(new CodeCollector(), codesOf(most, 1)))?.length, 64 * 1024);
  assert.equal(feed(new CodeCollector(), codesOf(Buffer.from('no deflate'), 1))?.outcome, 'refused');
});

test('no text, and no changed code, does anything but be refused or make a part', () => {
  const codes = encodeCodes(randomBytes(2000));
  const collector = new CodeCollector();
  const changed = fc
    .tuple(fc.constantFrom(...codes), fc.nat(), fc.string({ minLength: 0, maxLength: 2 }))
    .map(([code, at, text]) => code.slice(0, at % code.length) + text + code.slice((at % code.length) + 1));
  const texts = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), changed);
  fc.assert(
    fc.property(texts, (text) => {
      const seen = collector.take(text);
      const message = whole(seen);
      if (message) assert.deepEqual(encodeCodes(message), codes);
    }),
    { numRuns: 3000 },
  );
});
