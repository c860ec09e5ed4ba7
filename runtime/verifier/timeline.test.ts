import assert from 'node:assert/strict';
import test from 'node:test';
import type { Header } from '../encrocrypt/v3/index.ts';
import { type CheckedRun, isWhole, timelineOf } from './timeline.ts';

const hour = 3_600_000;

interface Options extends Partial<Omit<CheckedRun, 'header' | 'link'>> {
  /** The run before, or none. */
  readonly after?: CheckedRun;
  readonly namesAnotherLink?: boolean;
}

/** Run number `number`, an hour long unless it is said otherwise. */
function run(number: number, startMs: number, options: Options = {}): CheckedRun {
  const { after, namesAnotherLink, ...changes } = options;
  const previous = after && {
    runId: after.header.statement.runId,
    link: namesAnotherLink ? Buffer.alloc(32, 99) : after.link,
  };
  const statement = {
    runId: Buffer.alloc(16, number),
    startMs,
    checkpointMs: 5000,
    ...(previous ? { previous } : {}),
  };
  return {
    file: `rec-${number}`,
    header: { statement, hash: Buffer.alloc(32, number) } as unknown as Header,
    voucher: 'signed',
    stretches: [{ verdict: 'intact', fromMs: 0, toMs: hour, found: 1, expected: 1 }],
    gaps: [],
    ended: 'time',
    link: Buffer.alloc(32, number),
    ...changes,
  };
}

/** As `intact 0-60`, in minutes. */
function told(...runs: CheckedRun[]): string[] {
  return timelineOf(runs).intervals.map(
    ({ state, fromMs, toMs, cause }) =>
      `${state} ${fromMs / 60_000}-${toMs / 60_000}${cause ? `: ${cause}` : ''}`,
  );
}

test('runs that follow each other are whole, in whatever order they are found', () => {
  const first = run(1, 0);
  const second = run(2, hour, { after: first });
  for (const runs of [
    [first, second],
    [second, first],
  ]) {
    assert.deepEqual(told(...runs), ['intact 0-60', 'intact 60-120']);
    assert.ok(isWhole(timelineOf(runs)));
  }
});

test('time between two runs has the cause that the end of the first tells', () => {
  for (const [ended, cause] of [
    ['stop', 'the recorder was stopped'],
    ['clock', 'the clock was set'],
    ['time', 'change to the next recording'],
    [undefined, 'the power was lost, or the recorder was killed'],
  ] as const) {
    const first = run(1, 0, { ended });
    const runs = [first, run(2, hour + 30_000, { after: first })];
    assert.deepEqual(told(...runs), ['intact 0-60', `not recorded 60-60.5: ${cause}`, 'intact 60.5-120.5']);
    assert.ok(isWhole(timelineOf(runs)));
  }
});

test('an outage between two runs has the cause that the later one tells, and is not told as routine', () => {
  const unplugged = { fromMs: -120_000, toMs: 1000, cause: 'the camera was unplugged' };
  const short = { ...unplugged, fromMs: -1000 };
  for (const [ended, gaps, cause] of [
    ['time', [unplugged], 'the camera was unplugged'],
    ['time', [short], 'the camera does not say why; the camera was unplugged'],
    ['time', [], 'the camera does not say why'],
    ['stop', [unplugged], 'the recorder was stopped; the camera was unplugged'],
    ['stop', [{ ...unplugged, cause: 'the recorder was stopped' }], 'the recorder was stopped'],
  ] as const) {
    const first = run(1, 0, { ended });
    const [, between] = told(first, run(2, hour + 120_000, { after: first, gaps }));
    assert.equal(between, `not recorded 60-62: ${cause}`);
  }
});

test('a file that was taken away is missing, and so is an end that was cut off', () => {
  const first = run(1, 0);
  const second = run(2, hour, { after: first });
  const third = run(3, 2 * hour, { after: second });
  assert.deepEqual(told(first, third), [
    'intact 0-60',
    'missing 60-120: the recording before this one is not here',
    'intact 120-180',
  ]);
  const cut = run(2, hour, { after: first, namesAnotherLink: true });
  assert.deepEqual(told(first, cut), [
    'intact 0-60',
    'missing 60-60: the end of the recording before is not here',
    'intact 60-120',
  ]);
  const anew = run(2, hour);
  assert.match(told(first, anew)[1] ?? '', /^missing 60-60: the camera began anew/);
  for (const runs of [
    [first, third],
    [first, cut],
    [first, anew],
  ])
    assert.ok(!isWhole(timelineOf(runs)));
});

test('the first run of all may name one that is not here: nobody asked for that', () => {
  const first = run(1, 0);
  assert.ok(isWhole(timelineOf([run(2, hour, { after: first })])));
  assert.ok(isWhole(timelineOf([])));
});

test('gaps that the camera told of are cut out of what is intact', () => {
  const gaps = [
    { fromMs: 600_000, toMs: 1_200_000, cause: 'the camera was unplugged' },
    { fromMs: 0, toMs: 60_000, cause: 'ffmpeg ended' },
    { fromMs: 1_100_000, toMs: 1_260_000, cause: 'disk full' },
  ];
  assert.deepEqual(told(run(1, 0, { gaps })), [
    'gap 0-1: ffmpeg ended',
    'intact 1-10',
    'gap 10-20: the camera was unplugged',
    'gap 20-21: disk full',
    'intact 21-60',
  ]);
  assert.ok(isWhole(timelineOf([run(1, 0, { gaps })])));
});

test('what nobody vouches for is told apart', () => {
  assert.match(told(run(1, 0, { voucher: 'locked' }))[0] ?? '', /^locked 0-60: recorded while locked/);
  assert.deepEqual(told(run(1, 0, { voucher: 'not authentic' })), ['not authentic 0-60']);
  const tampered = { verdict: 'tampered', fromMs: 0, toMs: hour, found: 1, expected: 2 } as const;
  assert.deepEqual(told(run(1, 0, { voucher: 'locked', stretches: [tampered] })), ['tampered 0-60']);
  assert.ok(!isWhole(timelineOf([run(1, 0, { voucher: 'locked' })])));
});

test("what was recorded while locked is intact as far as a certificate reaches, and nobody's beyond", () => {
  process.env.TZ = 'UTC';
  const atMs = Date.UTC(2027, 0, 15, 8);
  const certified = (toMs: number | undefined): string[] => told(run(1, 0, { voucher: { atMs, toMs } }));
  const when = 'certified at 2027-01-15 08:00:00 +00:00';
  assert.deepEqual(certified(hour), [`intact 0-60: recorded while locked, ${when}`]);
  assert.deepEqual(certified(hour / 2), [
    `intact 0-30: recorded while locked, ${when}`,
    'not authentic 30-60: behind what the camera certified at 2027-01-15 08:00:00 +00:00',
  ]);
  assert.deepEqual(certified(0), [
    'not authentic 0-60: behind what the camera certified at 2027-01-15 08:00:00 +00:00',
  ]);
  assert.deepEqual(certified(undefined), [
    `locked 0-60: recorded while locked; the end that was ${when} is not here`,
  ]);
  assert.ok(isWhole(timelineOf([run(1, 0, { voucher: { atMs, toMs: hour } })])));
  for (const toMs of [hour - 1, undefined])
    assert.ok(!isWhole(timelineOf([run(1, 0, { voucher: { atMs, toMs } })])));
});

test('a run that stands in two files, and a clock that went back, are told', () => {
  const first = run(1, 0);
  const twice = timelineOf([first, { ...first, file: 'copy' }]);
  assert.equal(twice.intervals.length, 1);
  assert.match(twice.problems[0] ?? '', /copy holds a run that is in rec-1 as well/);
  const back = timelineOf([first, run(2, hour / 2, { after: first })]);
  assert.match(back.problems[0] ?? '', /clock was set back/);
  assert.ok(!isWhole(back));
  // A step that is too small for the recorder to notice.
  assert.ok(isWhole(timelineOf([first, run(2, hour - 999, { after: first })])));
  assert.ok(!isWhole(timelineOf([first, run(2, hour - 1001, { after: first })])));
});

test('a clock that the camera says was set back, at the end of one run and by naming it in the next, is no fault', () => {
  const first = run(1, 0, { ended: 'clock' });
  const second = run(2, hour - 20_000, { after: first });
  assert.deepEqual(timelineOf([first, second]).problems, []);
  assert.ok(isWhole(timelineOf([first, second])));
  const other = run(3, hour - 20_000);
  const cut = run(2, hour - 20_000, { after: first, namesAnotherLink: true });
  const stopped = run(1, 0, { ended: 'stop' });
  for (const runs of [
    [first, other],
    [first, cut],
    [stopped, run(2, hour - 20_000, { after: stopped })],
  ])
    assert.match(timelineOf(runs).problems.join(), /clock was set back/);
});

test('a last run without an end is not whole: it may have been cut off', () => {
  const first = run(1, 0);
  const open = run(2, hour, { after: first, ended: undefined });
  assert.match(told(first, open).at(-1) ?? '', /^unfinished 120-120: without an end/);
  assert.ok(!isWhole(timelineOf([first, open])));
  assert.ok(!isWhole(timelineOf([run(1, 0, { ended: undefined, stretches: [] })])), 'nothing but a header');
});

test("a stranger's run hides nothing of the camera's, whatever id it has, and breaks no chain", () => {
  const first = run(1, 0);
  const second = run(2, hour, { after: first });
  const forged = run(2, hour / 2, { voucher: 'not authentic', file: 'forged' });
  const stranger = { ...forged, header: { ...forged.header, hash: Buffer.alloc(32, 77) } };
  const lines = told(first, second, stranger);
  assert.deepEqual(
    lines.filter((line) => !line.startsWith('not authentic')),
    ['intact 0-60', 'intact 60-120'],
  );
  assert.ok(lines.some((line) => line.startsWith('not authentic')));
});

test('two runs that name the same one before are told: one of them is another past', () => {
  const first = run(1, 0);
  const second = run(2, hour, { after: first });
  const other = run(3, 2 * hour, { after: first });
  assert.match(
    timelineOf([first, second, other]).problems.join(),
    /rec-3 is not the only one that follows rec-1/,
  );
});

test('a run that nobody signed bridges nothing, with or without video', () => {
  const first = run(1, 0);
  const third = run(3, 2 * hour, { after: run(2, hour, { after: first }) });
  for (const stretches of [[], first.stretches]) {
    const forged = run(9, 2 * hour - 1, { after: first, voucher: 'locked', stretches });
    const { intervals } = timelineOf([first, forged, third]);
    assert.deepEqual(
      intervals.filter(({ state }) => state === 'missing').map(({ fromMs, toMs }) => [fromMs, toMs]),
      [[hour, 2 * hour]],
    );
    assert.ok(!isWhole(timelineOf([first, forged])), 'at the end');
    assert.doesNotMatch(told(first, forged).join(), /not recorded/);
  }
});

test('what was recorded while locked stands between two others once one that is signed names its end', () => {
  const first = run(1, 0);
  const locked = run(2, hour + 60_000, { after: first, voucher: 'locked' });
  const more = run(3, 2 * hour + 60_000, { after: locked, voucher: 'locked' });
  const signed = run(4, 3 * hour + 60_000, { after: more });
  assert.deepEqual(told(first, locked, more, signed), [
    'intact 0-60',
    'not recorded 60-61: change to the next recording',
    'locked 61-121: recorded while locked; the camera has not certified it',
    'locked 121-181: recorded while locked; the camera has not certified it',
    'intact 181-241',
  ]);
  const unsigned = run(4, 3 * hour + 60_000, { after: more, voucher: 'locked' });
  assert.doesNotMatch(told(first, locked, more, unsigned).join(), /not recorded/);
});

test('of twins the end counts that a later run names, and of vouchers the best', () => {
  const first = run(1, 0);
  const second = run(2, hour, { after: first });
  const more = { verdict: 'intact', fromMs: 0, toMs: 2 * hour, found: 1, expected: 1 } as const;
  const forked = { ...first, file: 'forked', stretches: [more], link: Buffer.alloc(32, 9) };
  assert.doesNotMatch(told(first, forked, second).join(), /missing/);
  const locked = { ...second, file: 'copy', voucher: 'locked' } as const;
  for (const runs of [
    [first, second, locked],
    [locked, second, first],
  ])
    assert.deepEqual(told(...runs), ['intact 0-60', 'intact 60-120']);
});

test('a run of very many stretches, and one at a time that no date has, stop nothing', () => {
  const stretches = Array.from({ length: 200_000 }, (_, index) => {
    const verdict = index % 2 === 0 ? 'intact' : ('missing' as const);
    return { ...{ fromMs: index, toMs: index + 1, found: 1, expected: 1 }, verdict } as const;
  });
  const first = run(1, 0, { stretches });
  assert.equal(timelineOf([first, run(2, hour, { after: first })]).intervals.length, 200_002);
  const last = run(3, 8_640_000_000_000_000, { after: first });
  for (const { fromMs, toMs } of timelineOf([first, last]).intervals)
    for (const timeMs of [fromMs, toMs]) assert.ok(new Date(timeMs).getUTCFullYear() <= 9999);
});

test('of the newest run, while it is recorded, it is told how far it is vouched for', () => {
  process.env.TZ = 'UTC';
  const first = run(1, 0);
  const tail = { verdict: 'unfinished', fromMs: hour, toMs: hour + 4000, found: 4, expected: 4 } as const;
  const live = run(2, hour, {
    ...{ after: first, ended: undefined, stretches: [...first.stretches, tail] },
  });
  const limitMs = 12 * 5000;
  const toMs = 2 * hour;
  for (const nowMs of [toMs + 4000 - limitMs, toMs + 4000, toMs + limitMs]) {
    const timeline = timelineOf([first, live], nowMs);
    assert.ok(isWhole(timeline), `${nowMs}`);
    assert.deepEqual(timeline.intervals.at(-1), {
      ...{ state: 'being recorded', fromMs: toMs, toMs: toMs + 4000, file: live.file },
      cause: 'vouched for up to 02:00:00',
    });
    assert.ok(timeline.intervals.every(({ state }) => state !== 'unfinished'));
    assert.equal(timeline.recordedIn, live.file);
  }
  for (const nowMs of [toMs + 4000 - limitMs - 1, toMs + limitMs + 1, undefined])
    assert.ok(!isWhole(timelineOf([first, live], nowMs)), `${nowMs}`);
  const soon = toMs + 4000;
  const tampered = { ...tail, verdict: 'tampered' } as const;
  const later = { ...tail, toMs: hour + 4000 + limitMs + 1 } as const;
  for (const [what, runs] of [
    ['it has its end', [first, { ...live, ended: 'stop' as const }]],
    ['it is not the newest', [first, live, run(3, 3 * hour, { after: live, ended: undefined })]],
    ['what follows is not unfinished', [first, { ...live, stretches: [...first.stretches, tampered] }]],
    ['what follows is later than now', [first, { ...live, stretches: [...first.stretches, later] }]],
    ['nobody signed it', [first, { ...live, voucher: 'locked' as const }]],
  ] as const)
    assert.ok(!isWhole(timelineOf(runs, soon)), what);
});
