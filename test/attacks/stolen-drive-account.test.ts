/**
 * A thief has the camera, and so the password of its account on the drive. On a drive that is set up as
 * docs/guide/append-only-drives.md says, every recording that is there stays as it is; what can be done is to append.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chown, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { loadSealingKeys } from '../../runtime/pgp/seal.ts';
import { recordingAt } from '../../runtime/recordings/names.ts';
import { type FtpSoftware, ftpSoftware } from '../ftp-servers/index.ts';
import { Attacker, startAppendOnlyDrive } from '../support/append-only-drive.ts';
import { signedRun } from '../support/synthetic-run.ts';

const root = path.join(import.meta.dirname, '../..');
const keys = path.join(root, 'test/vectors/encrocrypt2');
const camera = 'front-door';
const minuteMs = 60_000;
const startMs = Date.UTC(2027, 0, 15, 8);
const recording = recordingAt(startMs, minuteMs);
const target = `/${camera}/${recording.fileName}`;
const other = `/${camera}/other`;
const directory = `/${camera}`;
const evil = Buffer.from('evil');

interface Scene {
  readonly attacker: Attacker;
  readonly refused: (line: string) => Promise<void>;
  readonly put: (line: string) => Promise<boolean>;
  /** A second session. */
  readonly another: () => Promise<Attacker>;
}

/** What is tried, each in a session of its own. `refused` is what no server may agree to. */
const attacks: Readonly<Record<string, (scene: Scene) => Promise<unknown>>> = {
  'deleting it': ({ refused }) => refused(`DELE ${target}`),
  'renaming it': async ({ attacker, refused }) => {
    await attacker.say(`RNFR ${target}`);
    await refused(`RNTO ${other}`);
  },
  'renaming another file onto it': async ({ attacker, put, refused }) => {
    await put(`APPE ${other}`);
    await attacker.say(`RNFR ${other}`);
    await refused(`RNTO ${target}`);
  },
  'renaming its directory': async ({ attacker, refused }) => {
    await attacker.say(`RNFR ${directory}`);
    await refused('RNTO /gone');
  },
  'removing its directory': ({ refused }) => refused(`RMD ${directory}`),
  // pure-ftpd takes the bytes under a name of its own.
  'STOR over it': ({ put }) => put(`STOR ${target}`),
  'REST 0 and STOR': async ({ attacker, put }) => {
    await attacker.say('REST 0');
    await put(`STOR ${target}`);
  },
  'REST 1 and STOR': async ({ attacker, put }) => {
    await attacker.say('REST 1');
    assert.equal(await put(`STOR ${target}`), false);
  },
  'REST 1 and STOR without a data connection': async ({ attacker, refused }) => {
    await attacker.say('REST 1');
    await refused(`STOR ${target}`);
  },
  'REST 1 and APPE without a data connection': async ({ attacker, refused }) => {
    await attacker.say('REST 1');
    await refused(`APPE ${target}`);
  },
  'STOU by its name': ({ put }) => put(`STOU ${target}`),
  'changing its mode': ({ refused }) => refused(`SITE CHMOD 000 ${target}`),
  'changing its group': ({ refused }) => refused(`SITE CHGRP 0 ${target}`),
  'a link in its place': async ({ refused }) => {
    await refused(`SITE SYMLINK /etc/passwd ${target}`);
    await refused(`SITE LINK ${other} ${target}`);
  },
  'copying onto it': async ({ attacker, put, refused }) => {
    await put(`APPE ${other}`);
    await attacker.say(`SITE CPFR ${other}`);
    await refused(`SITE CPTO ${target}`);
    await refused(`SITE COPY ${other} ${target}`);
  },
  // pure-ftpd does change the time: retention goes by the time that nobody can set.
  'making it look old': async ({ attacker }) => {
    await attacker.say(`MFMT 19700102000000 ${target}`);
    await attacker.say(`MDTM 19700102000000 ${target}`);
    await attacker.say(`SITE UTIME 19700102000000 ${target}`);
    await attacker.say(`MFF modify=19700102000000;UNIX.mode=000; ${target}`);
  },
  'a directory by its name': ({ refused }) => refused(`MKD ${target}`),
};

/** What only adds to it. APPE is what the account is for. */
const appends: Readonly<Record<string, (scene: Scene) => Promise<unknown>>> = {
  APPE: ({ put }) => put(`APPE ${target}`),
  'APPE in ASCII': async ({ attacker, put }) => {
    await attacker.say('TYPE A');
    await put(`APPE ${target}`);
  },
  'APPE after a refused REST 1': async ({ attacker, put }) => {
    await attacker.say('REST 1');
    await put(`APPE ${target}`);
  },
  'APPE after a RANG': async ({ attacker, put }) => {
    await attacker.say('RANG 0 2');
    await put(`APPE ${target}`);
  },
  // In pure-ftpd the first makes the second one write a file of its own, and move it over the recording.
  'APPE after a STOR': async ({ put }) => {
    await put(`STOR ${other}`);
    await put(`APPE ${target}`);
  },
  // It may write over what comes behind its beginning (not in vsftpd, which locks), and never over what was there before.
  'an APPE that is held open while somebody else appends': async ({ attacker, another }) => {
    const more = await attacker.hold(`APPE ${target}`, evil);
    const camerasOwn = await another();
    await camerasOwn.put(`APPE ${target}`, Buffer.from('the next seconds of video'));
    camerasOwn.leave();
    await more(evil);
  },
  'an APPE that is cut off': ({ attacker }) => attacker.cutOff(`APPE ${target}`, evil),
};

async function recorded(context: TestContext, software: FtpSoftware, options = {}) {
  const { server, directory: place } = await startAppendOnlyDrive(context, software, camera, options);
  const sealing = await loadSealingKeys(
    [path.join(keys, 'owner.public.asc')],
    path.join(keys, 'camera.secret.asc'),
  );
  const run = await signedRun(sealing, {
    seconds: 60,
    statement: { startMs, recording: recording.fileName },
  });
  const file = path.join(place, recording.fileName);
  await writeFile(file, run.bytes);
  const { uid, gid } = await stat(place);
  await chown(file, uid, gid);
  return { server, file, place, bytes: run.bytes };
}

for (const software of ftpSoftware) {
  test(`${software}: what was uploaded stays as it is, whatever the account tries`, async (context) => {
    const { server, file, bytes } = await recorded(context, software);
    const before = await stat(file);
    const attack = async (work: (scene: Scene) => Promise<unknown>): Promise<Attacker> => {
      const attacker = await Attacker.enter(server);
      const refused = async (line: string): Promise<void> => {
        assert.equal(await attacker.say(line), false, `${line}: ${attacker.replies.at(-1)}`);
      };
      await work({
        ...{ attacker, refused, put: (line) => attacker.put(line, evil) },
        another: () => Attacker.enter(server),
      });
      attacker.leave();
      return attacker;
    };
    for (const [name, work] of Object.entries(attacks)) {
      await context.test(name, async () => {
        const { replies } = await attack(work);
        assert.ok((await readFile(file)).equals(bytes), `${name} changed it: ${replies.join(' | ')}`);
        const { ino, mode, uid, gid, nlink } = await stat(file);
        assert.deepEqual(
          { ino, mode, uid, gid, nlink },
          { ino: before.ino, mode: before.mode, uid: before.uid, gid: before.gid, nlink: 1 },
        );
      });
    }
    let held = bytes;
    for (const [name, work] of Object.entries(appends)) {
      await context.test(name, async () => {
        const { replies } = await attack(work);
        const now = await readFile(file);
        const heldStill = now.subarray(0, held.length).equals(held);
        assert.ok(heldStill, `${name} changed what was there: ${replies.join(' | ')}`);
        held = now;
      });
    }
    assert.ok(held.length > bytes.length, 'an append did nothing');
    await context.test('verify tells of the bytes behind it, and all before them is intact', async () => {
      const { exitCode, output } = await verify(path.dirname(file));
      assert.equal(exitCode, 2, output);
      assert.match(output, /08:00:00 to 08:01:00 +1 min {2}intact/, output);
      assert.match(output, /\d+ bytes that belong to nothing/, output);
    });
  });
}

test('pure-ftpd: its options alone do not hold, as the guide says', async (context) => {
  const { server, file, bytes } = await recorded(context, 'pure-ftpd', { guard: false });
  const { uid, gid } = await stat(file);
  const told: Readonly<Record<string, readonly string[]>> = {
    'RNFR and RNTO': [`RNFR ${target}`, `RNTO ${other}`],
    'REST 1 and STOR': ['REST 1', `> STOR ${target}`],
    'REST 1 and APPE without a data connection': ['REST 1', `APPE ${target}`],
    'STOR of any file and then APPE': [`> STOR ${other}`, `> APPE ${target}`],
  };
  for (const [name, lines] of Object.entries(told)) {
    await writeFile(file, bytes);
    await chown(file, uid, gid);
    const attacker = await Attacker.enter(server);
    for (const line of lines) {
      if (line.startsWith('> ')) await attacker.put(line.slice(2), evil);
      else await attacker.say(line);
    }
    attacker.leave();
    const now = await readFile(file).catch(() => Buffer.alloc(0));
    assert.ok(!now.subarray(0, bytes.length).equals(bytes), `${name} does no harm any more: tell the guide`);
  }
});

function verify(place: string): Promise<{ exitCode: number; output: string }> {
  const args = ['verify', place, '--signed-by', path.join(keys, 'camera.public.asc')];
  const env = { ...process.env, TZ: 'UTC' };
  return new Promise((resolve) => {
    execFile(path.join(root, 'bin/encrocam'), args, { env }, (error, output) =>
      resolve({ exitCode: error ? Number(error.code) : 0, output }),
    );
  });
}
