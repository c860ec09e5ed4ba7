/** A file is filled with what costs whoever checks it time and memory, so that nobody checks. */
import { writeFile } from 'node:fs/promises';
import test from 'node:test';
import { encodePacket, marker, packetType } from '../../runtime/encrocrypt/v3/index.ts';
import { assertTold, exitCode, scene } from './scene.ts';

const fillBytes = 8_000_000;
/** More than a hundred times what an honest file of that size takes. */
const timeout = 60_000;

function filledWith(piece: Buffer): Buffer {
  return Buffer.concat(Array.from({ length: Math.ceil(fillBytes / piece.length) }, () => piece));
}

/** Says that 10 MB follow. */
const lyingLength = Buffer.from([...marker, packetType.data, 0xa0, 0, 0]);
const fills: readonly (readonly [what: string, fill: Buffer])[] = [
  ['markers', filledWith(marker)],
  ['lengths that lie', filledWith(lyingLength)],
  ['checkpoints that nobody signed', filledWith(encodePacket(packetType.checkpoint, Buffer.alloc(142)))],
  [
    'notes',
    filledWith(
      encodePacket(packetType.note, Buffer.alloc(6), Buffer.from('{"what":"gap","milliseconds":9}')),
    ),
  ],
];
for (const [what, fill] of fills) {
  test(`${what} without end: what was recorded around them is found all the same`, {
    timeout,
  }, async (context) => {
    const { place, recordings } = await scene(context, 3);
    await writeFile(recordings[1].file, Buffer.concat([fill, recordings[1].run.bytes]));
    await assertTold(
      place,
      exitCode.unsound,
      /08:00:00 to 08:03:00 +3 min {2}intact/,
      new RegExp(`${recordings[1].fileName}: \\d+ bytes that belong to nothing`),
    );
  });
}
