/** Something that happened is given another time: in its packets, or by the name of its recording. */
import { cp, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { conflictName, parseRecordingName } from '../../runtime/recordings/names.ts';
import { assertVersion2CannotTell, recordVersion2 } from '../support/version-2.ts';
import { assertTold, exitCode, indexOfSecond, rewrite, scene, temporaryDirectory } from './scene.ts';

/** Of the time in a packet, its last byte. */
const timeAt = 12;

test('times that are changed in packets are told', async (context) => {
  const { place, recordings } = await scene(context, 3);
  await rewrite(recordings[1], (packets) => {
    const packet = Buffer.from(packets[indexOfSecond(32)] ?? Buffer.of());
    packet[timeAt - 1] = (packet[timeAt - 1] ?? 0) ^ 1;
    return packets.with(indexOfSecond(32), packet);
  });
  await assertTold(place, exitCode.unsound, /08:01:30 to 08:01:35 +5 s {2}tampered/);
});

test('recordings whose names were exchanged are told with both names, and stand at their own times', async (context) => {
  const { place, recordings } = await scene(context, 3);
  await writeFile(recordings[0].file, recordings[1].run.bytes);
  await writeFile(recordings[1].file, recordings[0].run.bytes);
  await assertTold(
    place,
    exitCode.unsound,
    /08:00:00 to 08:03:00 +3 min {2}intact/,
    new RegExp(`${recordings[0].fileName}: its name is another recording's; .* as ${recordings[1].fileName}`),
    new RegExp(`${recordings[1].fileName}: its name is another recording's; .* as ${recordings[0].fileName}`),
  );
});

test('a recording that is shown again under a later name is told', async (context) => {
  const { place, recordings } = await scene(context, 3);
  await cp(recordings[0].file, path.join(place, 'rec-20270115T080300Z-60s.encrocam'));
  await assertTold(
    place,
    exitCode.unsound,
    /rec-20270115T080300Z-60s.encrocam holds a run that is in .*rec-20270115T080000Z-60s.encrocam as well/,
    /rec-20270115T080300Z-60s.encrocam: its name is another recording's/,
  );
});

test("a name of somebody's own, and that of a copy kept beside another one, are no fault", async (context) => {
  const { recordings } = await scene(context, 2);
  const [own, other] = recordings;
  const burglary = path.join(path.dirname(own.file), 'burglary.encrocam');
  await rename(own.file, burglary);
  await assertTold(
    burglary,
    exitCode.sound,
    new RegExp(`burglary.encrocam: the camera recorded it as ${own.fileName}`),
  );
  const name = parseRecordingName(other.fileName);
  const kept = path.join(path.dirname(other.file), name ? conflictName(name, 1).fileName : '');
  await rename(other.file, kept);
  await assertTold(kept, exitCode.sound, /1 file, intact 1 min, as the camera recorded it/);
});

test('of EncroCrypt2 it cannot be told', async (context) => {
  const file = path.join(await temporaryDirectory(context), 'rec-20270115T090000Z-3600s.encrocam');
  const { keyPacket, packets } = await recordVersion2('front', 2);
  const [one = Buffer.of(), other = Buffer.of()] = packets.map((packet) => Buffer.from(packet));
  // The minutes stand behind magic, type and length: an hour later.
  for (const packet of [one, other]) packet.writeUInt32BE(packet.readUInt32BE(18) + 60, 18);
  await assertVersion2CannotTell(file, [keyPacket, one, other], 'front 0 front 1 ');
});
