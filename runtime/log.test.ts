import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { createLogger, localTime, printable } from './log.ts';

function lines(level: 'error' | 'info' | 'debug', format: 'text' | 'journal' | 'json'): string[] {
  const written: string[] = [];
  const log = createLogger({
    level,
    format,
    write: (line) => void written.push(line),
    now: () => new Date(Date.UTC(2026, 10, 22, 12)),
  }).with({ camera: 'front door' });
  log.error('no video', { gapMs: 12 });
  log.info('a\nb\u001b[31m');
  log.debug('detail', { missing: undefined });
  return written;
}

test('the level decides what is written', () => {
  assert.equal(lines('error', 'text').length, 1);
  assert.equal(lines('info', 'text').length, 2);
  assert.equal(lines('debug', 'text').length, 3);
});

test('the journal gets priorities and no time of ours', () => {
  assert.equal(lines('error', 'journal')[0], '<3>no video camera="front door" gapMs=12\n');
});

test('json is one object a line', () => {
  assert.deepEqual(JSON.parse(lines('error', 'json')[0] ?? ''), {
    time: '2026-11-22T12:00:00.000Z',
    level: 'error',
    message: 'no video',
    camera: 'front door',
    gapMs: 12,
  });
});

test('control characters reach neither terminal nor journal', () => {
  const [, line] = lines('info', 'text');
  assert.match(line ?? '', /a\ufffdb\ufffd\[31m camera=/);
  assert.equal(line?.split('\n').length, 2);
  assert.equal(printable('a\u202eb'), 'a\ufffdb');
});

test('text has local time with its offset, in any zone', () => {
  const inZone = (zone: string): string =>
    spawnSync(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        `import { localTime } from ${JSON.stringify(new URL('log.ts', import.meta.url).href)};
         process.stdout.write(localTime(new Date(Date.UTC(2026, 6, 1, 12, 0, 0, 7))));`,
      ],
      { env: { ...process.env, TZ: zone }, encoding: 'utf8' },
    ).stdout;
  assert.equal(inZone('Europe/Berlin'), '2026-07-01 14:00:00.007 +02:00');
  assert.equal(inZone('America/St_Johns'), '2026-07-01 09:30:00.007 -02:30');
  assert.equal(inZone('UTC'), '2026-07-01 12:00:00.007 +00:00');
  assert.match(localTime(new Date()), /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} [+-]\d\d:\d\d$/);
});

test('whoever read the log may go: what logs goes on', async () => {
  const script = `
    import { createLogger } from ${JSON.stringify(new URL('./log.ts', import.meta.url).href)};
    const logger = createLogger({ level: 'info', format: 'text' });
    logger.info('first');
    for await (const _ of process.stdin) {
      logger.info('nobody hears this');
      createLogger({ level: 'info', format: 'json' }).error('nor this');
      process.stdout.write('alive');
    }`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script]);
  const exit = once(child, 'exit');
  await once(child.stderr, 'data');
  child.stderr.destroy();
  await once(child.stderr, 'close');
  for (let line = 0; line < 2; line++) {
    child.stdin.write('go on');
    await Promise.race([
      once(child.stdout, 'data'),
      exit.then(([code]) => assert.fail(`it ended with code ${code}`)),
    ]);
  }
  child.stdin.end();
  assert.deepEqual(await exit, [0, null]);
});
