/** The lengths that `docs/ref/encrocrypt3.md` gives packets, at their limits and one byte beyond. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { decodeCertificate, encodeCertificate } from './chain.ts';
import { encodePacket, envelopeBytes, FormatError, packetType } from './format.ts';
import { PacketReader } from './reader.ts';

/** What a reader with keys takes a packet with a body of so many zero bytes for; another packet follows. */
function kindOf(type: number, bodyBytes: number): string | undefined {
  const reader = new PacketReader();
  reader.push(Buffer.concat([encodePacket(type, Buffer.alloc(bodyBytes)), Buffer.from('EC3')]));
  reader.end();
  return reader.next()?.kind;
}

const limits: readonly (readonly [kind: string, type: number, least: number, most: number])[] = [
  ['header', packetType.header, 1, 213_080],
  ['checkpoint', packetType.checkpoint, 142, 142],
  ['final', packetType.final, 106, 106],
  ['certificate', packetType.certificate, 81, 16_464],
  ['note', packetType.note, 7, 4102],
  ['event', packetType.event, 19, 4114],
  ['data', packetType.data, 19, 10_485_778],
];
for (const [kind, type, least, most] of limits) {
  test(`a ${kind} has ${least} to ${most} bytes, and what has others is none`, () => {
    assert.deepEqual(
      [least, most].map((bytes) => kindOf(type, bytes)),
      [kind, kind],
    );
    assert.deepEqual(
      [least - 1, most + 1].map((bytes) => kindOf(type, bytes)),
      ['skip', 'skip'],
    );
  });
}

test('a certificate with a signature that no reader takes is neither written nor read', () => {
  const named = { runId: Buffer.alloc(16), headerHash: Buffer.alloc(32), link: Buffer.alloc(32) };
  const longest = encodeCertificate({ ...named, cameraSignature: Buffer.alloc(16_384) });
  assert.equal(decodeCertificate(longest.subarray(envelopeBytes)).cameraSignature.length, 16_384);
  for (const bytes of [0, 16_385]) {
    const cameraSignature = Buffer.alloc(bytes);
    assert.throws(() => encodeCertificate({ ...named, cameraSignature }), FormatError);
    assert.throws(() => decodeCertificate(Buffer.alloc(80 + bytes)), FormatError);
  }
});
