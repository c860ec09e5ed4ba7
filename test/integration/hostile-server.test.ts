/** What a drive may send that no honest drive sends: it ends in an error of ours, in bounded time and memory. */
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { createServer } from 'node:net';
import { describe, it } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { isEncroCamError } from '../../runtime/errors.ts';
import { drivePath } from '../../runtime/storage/storage.ts';
import { connectFails, flood, liarsPassword, withLies } from '../support/lies.ts';
import { appendBytes, collect, hasCode } from './storage-contract.ts';

const file = drivePath('/', 'x');
const root = drivePath('/');

async function listingOf(text: string | Buffer, features = '211 None'): Promise<string[]> {
  let names: string[] = [];
  await withLies({ answers: { FEAT: features }, data: (socket) => socket.end(text) }, async (storage) => {
    await storage.connect();
    names = (await storage.list(root)).map(({ name, sizeBytes }) => `${name}=${sizeBytes}`);
  });
  return names;
}

describe('a server that lies about sizes', () => {
  for (const size of [
    '-1',
    'NaN',
    '1e9',
    '0x10',
    '99999999999999999999',
    '17592186044417',
    '',
    '1 2',
    'Infinity',
  ]) {
    it(`is caught when SIZE says "${size}"`, async () => {
      await withLies({ answers: { SIZE: `213 ${size}` } }, async (storage) => {
        await storage.connect();
        await assert.rejects(storage.size(file), hasCode('STORAGE_PROTOCOL'));
      });
    });
  }

  it('is believed at the bound', async () => {
    await withLies({ answers: { SIZE: '213 17592186044416' } }, async (storage) => {
      await storage.connect();
      assert.equal(await storage.size(file), 2 ** 44);
    });
  });

  it('confirms an append that it did not store: the size tells', async () => {
    const answers = { SIZE: '213 0' };
    await withLies({ answers }, async (storage) => {
      await storage.connect();
      await appendBytes(storage, file, Buffer.from('stored?'));
      assert.equal(await storage.size(file), 0);
    });
  });

  it('is caught when it confirms an append before its end', async () => {
    const answers = { APPE: (control: Socket) => void control.write('150 Go\r\n226 Stored\r\n') };
    await withLies({ answers }, async (storage) => {
      await storage.connect();
      const appender = await storage.append(file);
      await assert.rejects(
        async () => {
          for (let count = 0; count < 100; count++) await appender.write(Buffer.alloc(65_536));
        },
        hasCode('STORAGE_PROTOCOL', 'STORAGE_UNREACHABLE'),
      );
    });
  });

  it('sends no more of a file than was asked for', async () => {
    await withLies({ data: (socket) => flood(socket, 'x'.repeat(65_536)) }, async (storage) => {
      await storage.connect();
      assert.equal((await collect(storage.read(file, 0))).length, 1000);
      assert.equal((await collect(storage.read(file, 10, 20))).length, 20);
    });
  });
});

describe('a long read', () => {
  it('keeps nothing of what it brought', async () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage: () => void = runInNewContext('gc');
    const sizeBytes = 256 * 2 ** 20;
    const scene = {
      answers: { SIZE: `213 ${sizeBytes}` },
      data: (socket: Socket) => flood(socket, 'x'.repeat(65_536)),
    };
    await withLies(scene, async (storage) => {
      await storage.connect();
      let read = 0;
      let held = 0;
      for await (const chunk of storage.read(file, 0)) {
        read += chunk.length;
        if (sizeBytes - read > 1_000_000) continue;
        collectGarbage();
        held = Math.max(held, process.memoryUsage().arrayBuffers);
      }
      assert.equal(read, sizeBytes);
      assert.ok(held > 0 && held < 64 * 2 ** 20, `${held} bytes are held`);
    });
  });
});

describe('a server that lies in listings', () => {
  const unix = (size: string, name: string): string =>
    `-rw-r--r-- 1 ftp ftp ${size} Nov 22 13:00 ${name}\r\n`;
  const mlsd = (size: string, name: string): string => `type=file;size=${size}; ${name}\r\n`;

  for (const [format, line, features] of [
    ['LIST', unix, '211 None'],
    ['MLSD', mlsd, '211-Features\r\n MLST type*;size*;\r\n211 End'],
  ] as const) {
    it(`gets no unsafe name and no impossible size through ${format}`, async () => {
      const lines = [
        line('1', '../../etc/passwd'),
        line('2', '..'),
        line('3', 'a/b'),
        line('4', 'a\\b'),
        line('5', '\u001b[2Jcleared'),
        line('6', 'x'.repeat(256)),
        line('-7', 'negative'),
        line('99999999999999999999', 'huge'),
        line('NaN', 'nan'),
        line('10', '/absolute'),
        line('11', 'nul\u0000'),
        line('12', 'good'),
        'complete nonsense\r\n',
        `${'='.repeat(3000)}\r\n`,
        line('13', ' good too'),
      ];
      assert.deepEqual(await listingOf(lines.join(''), features), ['good=12', ' good too=13']);
    });
  }

  it('is read in pieces that end anywhere', async () => {
    const text = unix('12', 'füür') + unix('13', 'last').trimEnd();
    const names: string[] = [];
    await withLies(
      {
        data: (socket) => {
          socket.setNoDelay(true);
          const bytes = Buffer.from(text);
          let at = 0;
          const next = (): void => {
            if (at === bytes.length) return void socket.end();
            socket.write(bytes.subarray(at, ++at), () => setImmediate(next));
          };
          next();
        },
      },
      async (storage) => {
        await storage.connect();
        names.push(...(await storage.list(root)).map(({ name }) => name));
      },
    );
    assert.deepEqual(names, ['füür', 'last']);
  });

  it('is cut off after a million entries', async () => {
    let number = 0;
    const data = (socket: Socket): void => {
      const pour = (): void => {
        for (let more = true; more && !socket.destroyed; ) {
          let piece = '';
          for (let count = 0; count < 1000; count++) piece += unix('1', `f${number++}`);
          more = socket.write(piece);
        }
      };
      socket.on('drain', pour);
      pour();
    };
    await withLies({ data, timeoutSeconds: 60 }, async (storage) => {
      await storage.connect();
      await assert.rejects(storage.list(root), hasCode('STORAGE_PROTOCOL'));
    });
    assert.ok(number < 1_200_000, `${number} entries were taken`);
  });

  it('is cut off in a line without end', async () => {
    await withLies({ data: (socket) => flood(socket, 'x'.repeat(65_536)) }, async (storage) => {
      await storage.connect();
      await assert.rejects(storage.list(root), hasCode('STORAGE_PROTOCOL'));
    });
  });
});

describe('a server that lies on the control connection', () => {
  it('is cut off in a reply line without end', async () => {
    await connectFails(
      { answers: { greeting: (socket) => flood(socket, '2'.repeat(65_536)) } },
      'STORAGE_PROTOCOL',
    );
  });

  it('is cut off in a reply of endless lines', async () => {
    await connectFails(
      { answers: { greeting: (socket) => flood(socket, '220-still talking\r\n'.repeat(1000)) } },
      'STORAGE_UNREACHABLE',
      'STORAGE_PROTOCOL',
    );
  });

  it('is understood when its replies come in pieces', async () => {
    const answers = {
      EPSV: '229 (|||1|)',
      SIZE: (control: Socket) => {
        control.write('213 12');
        setImmediate(() => control.write('345\r\n'));
      },
    };
    await withLies({ answers }, async (storage) => {
      await storage.connect();
      assert.equal(await storage.size(file), 12_345);
    });
  });

  it('is caught when it answers twice', async () => {
    await withLies({ answers: { SIZE: '213 1\r\n213 999' } }, async (storage) => {
      await storage.connect();
      assert.equal(await storage.size(file), 1);
      await assert.rejects(storage.size(file), hasCode('STORAGE_PROTOCOL', 'STORAGE_UNREACHABLE'));
    });
  });

  it('is given up when it says nothing, whatever the command', async () => {
    for (const command of ['greeting', 'PASS', 'TYPE', 'SIZE', 'EPSV', 'LIST']) {
      await withLies({ answers: { [command]: () => undefined }, timeoutSeconds: 0.3 }, async (storage) => {
        await assert.rejects(async () => {
          await storage.connect();
          await storage.size(file);
          await storage.list(root);
        }, hasCode('STORAGE_UNREACHABLE'));
      });
    }
  });

  it('is given up when it drips and never finishes', async () => {
    const timers: NodeJS.Timeout[] = [];
    const SIZE = (control: Socket): void => {
      timers.push(setInterval(() => void (control.destroyed || control.write('2')), 20));
    };
    await withLies({ answers: { SIZE }, timeoutSeconds: 0.5 }, async (storage) => {
      await storage.connect();
      await assert.rejects(storage.size(file), hasCode('STORAGE_UNREACHABLE'));
    });
    for (const timer of timers) clearInterval(timer);
  });

  it('sends the data connection nowhere else', async () => {
    let elsewhere = 0;
    const other = createServer(() => elsewhere++);
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.3', resolve));
    const address = other.address();
    assert.ok(typeof address === 'object' && address);
    const { port } = address;
    const answers = { EPSV: '500 No', PASV: `227 Passive (127,0,0,3,${port >> 8},${port & 255})` };
    await withLies({ answers }, async (storage) => {
      await storage.connect();
      await assert.rejects(storage.list(root), hasCode('STORAGE_UNREACHABLE'));
    });
    await new Promise<void>((resolve) => other.close(() => resolve()));
    assert.equal(elsewhere, 0);
  });

  for (const reply of ['229 (|||0|)', '229 (|||65536|)', '229 (|||-1|)', '229 nothing', '229 (|||1e3|)']) {
    it(`opens no data connection with "${reply}"`, async () => {
      await withLies({ answers: { EPSV: reply } }, async (storage) => {
        await storage.connect();
        await assert.rejects(storage.list(root), hasCode('STORAGE_PROTOCOL'));
      });
    });
  }

  it('brings neither the password nor control characters into a message', async () => {
    const PASS = `530 \u001b]0;title\u0007 "${liarsPassword}" is wrong ${'!'.repeat(1000)}`;
    await withLies({ answers: { PASS } }, async (storage) => {
      await assert.rejects(storage.connect(), (error) => {
        assert.ok(isEncroCamError(error, 'STORAGE_REFUSED'));
        const shown = [error.message, error.hint, error.stack, String(error.cause)].join('|');
        assert.ok(!shown.includes(liarsPassword), shown);
        assert.ok(!shown.includes('\u001b') && !shown.includes('\u0007'), JSON.stringify(shown));
        assert.ok(error.message.length < 400);
        return true;
      });
    });
  });
});
