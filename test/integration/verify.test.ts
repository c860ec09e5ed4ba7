/** `encrocam verify` as people run it: files, directories and a drive, whole and tampered with. */
import assert from 'node:assert/strict';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, it } from 'node:test';
import { packetType } from '../../runtime/encrocrypt/v3/index.ts';
import { startFtpServer } from '../ftp-servers/index.ts';
import { cameraFile, cameraKeys, ownerFile, recordMinutes } from '../support/camera-recordings.ts';
import { certificateOf, linkOfPacket } from '../support/synthetic-run.ts';
import { verify } from '../support/verify-command.ts';

const root = path.join(import.meta.dirname, '../..');
const vectors = path.join(root, 'test/vectors/encrocrypt3');

let directory: string;
before(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), 'encrocam-verify-'));
});
after(() => rm(directory, { recursive: true, force: true }));

it('an intact directory is as the camera recorded it, in one line', async () => {
  const place = path.join(directory, 'intact');
  await recordMinutes(place, 3);
  const { exitCode, output } = await verify([place, '--signed-by', cameraFile]);
  assert.equal(exitCode, 0);
  assert.match(output, /08:00:00 to 08:03:00 +3 min {2}intact\n/);
  assert.match(output, /3 files, intact 3 min, as the camera recorded it/);
});

it('a recording that was taken away is named by what is missing, and JSON says the same', async () => {
  const place = path.join(directory, 'taken');
  const [, second] = await recordMinutes(place, 3);
  await rm(second.file);
  const { exitCode, output } = await verify([place, '--signed-by', cameraFile]);
  assert.equal(exitCode, 2);
  assert.match(output, /08:01:00 to 08:02:00 +1 min {2}missing: the recording before this one is not here/);
  const json = await verify([place, '--signed-by', cameraFile, '--json']);
  assert.equal(json.exitCode, 2);
  const { places } = JSON.parse(json.output) as {
    places: { sound: boolean; intervals: { state: string; from: string; to: string }[] }[];
  };
  assert.equal(places[0]?.sound, false);
  assert.deepEqual(
    places[0]?.intervals.map(({ state, from }) => [state, from]),
    [
      ['intact', '2027-01-15T08:00:00.000Z'],
      ['missing', '2027-01-15T08:01:00.000Z'],
      ['intact', '2027-01-15T08:02:00.000Z'],
    ],
  );
});

it('a page is written with everything in it, and none that exists is overwritten', async () => {
  const place = path.join(directory, 'drawn');
  const page = path.join(directory, 'page.html');
  await recordMinutes(place, 2);
  assert.equal((await verify([place, '--signed-by', cameraFile, '--html', page])).exitCode, 0);
  const html = await readFile(page, 'utf8');
  assert.match(html, /<h3>2027-01-15/);
  assert.match(html, /<title>08:00:00 to 08:02:00: intact/);
  const again = await verify([place, '--signed-by', cameraFile, '--html', page]);
  assert.equal(again.exitCode, 1);
  assert.match(again.errors, /does not exist yet/);
  assert.equal(await readFile(page, 'utf8'), html);
});

it('one changed byte costs the seconds around it, and the rest stays intact', async () => {
  const place = path.join(directory, 'changed');
  const [, second] = await recordMinutes(place, 3);
  const { file } = second;
  const bytes = await readFile(file);
  bytes[20_000] = (bytes[20_000] ?? 0) ^ 1;
  await writeFile(file, bytes);
  const { exitCode, output } = await verify([place, '--signed-by', cameraFile]);
  assert.equal(exitCode, 2);
  assert.match(output, /5 s {2}tampered: /);
  assert.match(output, /intact 2 min 55 s/);
});

it('what was recorded while locked is told apart from the rest, with the time at which the camera certified it', async () => {
  const place = path.join(directory, 'locked');
  const keys = await cameraKeys();
  const [, second] = await recordMinutes(place, 3, { run: (minute) => ({ isLocked: minute === 1 }) });
  const locked = await verify([place, '--signed-by', cameraFile]);
  assert.equal(locked.exitCode, 2);
  assert.match(
    locked.output,
    /08:01:00 to 08:02:00 +1 min {2}locked: recorded while locked; the camera has not/,
  );

  const at = new Date(Date.UTC(2027, 0, 15, 9, 30));
  const whole = await certificateOf(second.run, keys, { at });
  await writeFile(second.file, Buffer.concat([second.run.bytes, whole]));
  const certified = await verify([place, '--signed-by', cameraFile]);
  assert.equal(certified.exitCode, 0, certified.output);
  const when = 'recorded while locked, certified at 2027-01-15 09:30:00 \\+00:00';
  assert.match(certified.output, new RegExp(`08:01:00 to 08:02:00 +1 min {2}intact: ${when}\n`));
  assert.match(certified.output, /08:00:00 to 08:01:00 +1 min {2}intact\n/);
  const { output } = await verify([place, '--signed-by', cameraFile, '--json']);
  const { places } = JSON.parse(output) as { places: { intervals: { certifiedAt?: string }[] }[] };
  assert.deepEqual(
    places[0]?.intervals.map(({ certifiedAt }) => certifiedAt),
    [undefined, '2027-01-15T09:30:00.000Z', undefined],
  );

  const at35s = second.run.packets.filter((packet) => packet[3] === packetType.checkpoint).at(6);
  const half = await certificateOf(second.run, keys, {
    at,
    link: linkOfPacket(second.run, at35s ?? Buffer.of()),
  });
  await writeFile(second.file, Buffer.concat([second.run.bytes, half]));
  const part = await verify([place, '--signed-by', cameraFile]);
  assert.equal(part.exitCode, 3);
  assert.match(part.output, new RegExp(`08:01:00 to 08:01:35 +35 s {2}intact: ${when}\n`));
  assert.match(part.output, /08:01:35 to 08:02:00 +25 s {2}not authentic: behind what the camera certified/);
});

it('a certificate that stands behind a later run, as when the camera went on while it was locked, is found', async () => {
  const place = path.join(directory, 'later');
  const recording = 'rec-20270115T080000Z-60s.encrocam';
  const [first, second] = await recordMinutes(place, 2, {
    run: (minute) => ({ isLocked: minute === 0, statement: { recording } }),
  });
  await rm(second.file);
  const certificate = await certificateOf(first.run, await cameraKeys());
  await writeFile(first.file, Buffer.concat([first.run.bytes, second.run.bytes, certificate]));
  const { exitCode, output } = await verify([place, '--signed-by', cameraFile]);
  assert.equal(exitCode, 0, output);
  assert.match(output, /08:00:00 to 08:01:00 +1 min {2}intact: recorded while locked, certified at/);
  assert.match(output, /08:01:00 to 08:02:00 +1 min {2}intact\n/);
});

it('samples tell of a whole directory that it is sound, and find what is damaged in half of it', async () => {
  const place = path.join(directory, 'sampled');
  const [first, second] = await recordMinutes(place, 2);
  const sound = await verify([place, '--signed-by', cameraFile, '--sample', '40']);
  assert.equal(sound.exitCode, 0, sound.output);
  assert.match(sound.output, /40 samples in 2 files/);
  assert.match(
    sound.output,
    /95 % confidence less than 7\.2 % of these bytes are not what the camera signed/,
  );
  const { file } = second;
  const bytes = await readFile(file);
  for (let at = 5000; at < bytes.length; at += 600) bytes[at] = (bytes[at] ?? 0) ^ 1;
  await writeFile(file, bytes);
  const damaged = await verify([place, '--signed-by', cameraFile, '--sample', '40']);
  assert.equal(damaged.exitCode, 2);
  assert.match(damaged.output, new RegExp(`! damaged, or not all there: .*${second.fileName} behind byte`));
  assert.doesNotMatch(damaged.output, new RegExp(`! damaged.*${first.fileName}`));
  const json = JSON.parse(
    (await verify([place, '--signed-by', cameraFile, '--sample', '5', '--json'])).output,
  ) as {
    places: { samples: unknown[] }[];
  };
  assert.equal(json.places[0]?.samples.length, 5);
  for (const wrong of ['0', 'many', '1.5']) {
    assert.equal((await verify([place, '--signed-by', cameraFile, '--sample', wrong])).exitCode, 1);
  }
  const nobodys = await verify([first.file, '--signed-by', ownerFile, '--sample', '5']);
  assert.equal(nobodys.exitCode, 3);
  assert.match(nobodys.output, /somebody else than the camera signed it/);
});

it("recordings under another camera's key are nobody's", async () => {
  const { exitCode, output } = await verify([path.join(vectors, 'whole.encrocam'), '--signed-by', ownerFile]);
  assert.equal(exitCode, 3);
  assert.match(output, /not authentic/);
});

it('a drive is checked as a directory is', async () => {
  const server = await startFtpServer({ software: 'proftpd' });
  try {
    await recordMinutes(path.join(server.rootDirectory, 'front'), 2);
    const address = `ftps://${server.user}@${server.host}:${server.port}/front`;
    const { exitCode, output, errors } = await verify(
      [address, '--signed-by', cameraFile, '--ca', server.caFile],
      { ENCROCAM_FTP_PASSWORD: server.password },
    );
    assert.equal(exitCode, 0, errors);
    assert.match(output, /08:00:00 to 08:02:00 +2 min {2}intact/);
  } finally {
    await server.stop();
  }
});

it('of EncroCrypt2 it says what cannot be told', async () => {
  const file = path.join(vectors, '../encrocrypt2/whole.encrocam');
  const { exitCode, output } = await verify([file, '--signed-by', cameraFile]);
  assert.equal(exitCode, 2);
  assert.match(output, /EncroCrypt2[\s\S]*cannot be told/);
});

it('what only begins like EncroCrypt2 is no recording', async () => {
  const file = path.join(directory, 'magic.encrocam');
  await writeFile(file, Buffer.concat([Buffer.from('__EncroCrypt2'), Buffer.alloc(5000)]));
  const { exitCode, output } = await verify([file, '--signed-by', cameraFile]);
  assert.equal(exitCode, 2);
  assert.match(output, /magic.encrocam: no recording/);
  assert.doesNotMatch(output, /EncroCrypt2/);
});

it('what is no recording, a missing file and a missing key are told', async () => {
  const noise = path.join(directory, 'noise.encrocam');
  await copyFile(path.join(root, 'package.json'), noise);
  const nothing = await verify([noise, '--signed-by', cameraFile]);
  assert.equal(nothing.exitCode, 2);
  assert.match(nothing.output, /no recording/);
  const missing = await verify([path.join(directory, 'nowhere'), '--signed-by', cameraFile]);
  assert.equal(missing.exitCode, 1);
  assert.match(missing.errors, /INPUT_UNREADABLE/);
  const keyless = await verify([noise]);
  assert.equal(keyless.exitCode, 1);
  assert.match(keyless.errors, /--signed-by/);
});

it('files of one directory, as a shell names them all, are followed from one to the next', async () => {
  const place = path.join(directory, 'globbed');
  const [first, second, third] = await recordMinutes(place, 3);
  const whole = await verify([first.file, third.file, second.file, '--signed-by', cameraFile]);
  assert.equal(whole.exitCode, 0, whole.output);
  assert.match(whole.output, /globbed\n/);
  assert.match(whole.output, /08:00:00 to 08:03:00 +3 min {2}intact\n/);
  const { exitCode, output } = await verify([first.file, third.file, '--signed-by', cameraFile]);
  assert.equal(exitCode, 2, output);
  assert.match(output, /08:01:00 to 08:02:00 +1 min {2}missing: the recording before this one is not here/);
  // What lies elsewhere may be another copy, and stands for itself.
  const elsewhere = path.join(directory, 'globbed-elsewhere');
  await mkdir(elsewhere);
  await copyFile(third.file, path.join(elsewhere, third.fileName));
  const apart = [first.file, path.join(elsewhere, third.fileName)];
  assert.equal((await verify([...apart, '--signed-by', cameraFile])).exitCode, 0);
});

it('a recording that somebody appended to, and that went on in a copy beside it, is here as a whole', async () => {
  const place = path.join(directory, 'conflict');
  const [, second] = await recordMinutes(place, 3);
  const begun = Buffer.concat([...second.run.packets.slice(0, 30), Buffer.from('evil')]);
  await writeFile(second.file, begun);
  const name = second.fileName.replace('.encrocam', '.conflict-1.encrocam');
  await writeFile(path.join(place, name), second.run.bytes);
  const { exitCode, output } = await verify([place, '--signed-by', cameraFile]);
  assert.equal(exitCode, 2, output);
  assert.match(output, /08:00:00 to 08:03:00 +3 min {2}intact\n/);
  assert.doesNotMatch(output, /missing|unfinished/);
  assert.match(output, new RegExp(`${second.fileName}: \\d+ bytes that belong to nothing`));
  assert.match(output, new RegExp(`${second.fileName} holds a run that is in .*${name} as well`));
});
