import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Reply, ScriptedDialogue } from './dialogue/scripted.ts';
import { askOpenQuestions, type Session, type WizardContext } from './engine.ts';
import { type FakeMachine, fakeMachine } from './fake-machine.ts';
import { emptyDraft, parseDraft, type QuestionId } from './progress.ts';
import type { Question } from './questions/question.ts';
import { begin } from './resume.ts';
import { completeAnswers, driveLocation, review } from './review.ts';
import { Back, Cancelled, Stopped } from './signals.ts';

const begun: Session = { draft: emptyDraft, passphrase: undefined };

/** A question that takes its answer as the host name. */
function question(id: QuestionId, more: Partial<Question> = {}): Question {
  return {
    id,
    title: id,
    why: '',
    ask: async ({ dialogue }) => ({ answers: { hostName: await dialogue.ask({ message: id }) } }),
    summary: () => id,
    ...more,
  };
}

function context(replies: readonly Reply[], questions: readonly Question[], machine = fakeMachine()) {
  return { dialogue: new ScriptedDialogue(replies), machine, questions } satisfies WizardContext;
}

const three = [question('timeZone'), question('hostName'), question('account')];

test('questions are asked in order, and each answer is kept at once', async () => {
  const machine = fakeMachine();
  const wizard = context(
    [
      [/timeZone/, 'a'],
      [/hostName/, 'b'],
      [/account/, 'c'],
    ],
    three,
    machine,
  );
  const session = await askOpenQuestions(wizard, begun);
  assert.deepEqual([...session.draft.answered], ['timeZone', 'hostName', 'account']);
  assert.deepEqual(machine.done, ['write progress', 'write progress', 'write progress']);
});

test('Esc leads to the question before, and its answer leads on to the first open one', async () => {
  const wizard = context(
    [
      [/timeZone/, 'a'],
      [/hostName/, 'b'],
      [/account/, new Back()],
      [/hostName/, new Back()],
      [/timeZone/, 'changed'],
      [/account/, 'c'],
    ],
    three,
  );
  await askOpenQuestions(wizard, begun);
  assert.ok(wizard.dialogue.isUsedUp);
});

test('Esc at the first question asks it again', async () => {
  const wizard = context(
    [
      [/timeZone/, new Back()],
      [/timeZone/, 'a'],
    ],
    three.slice(0, 1),
  );
  await askOpenQuestions(wizard, begun);
  assert.ok(wizard.dialogue.isUsedUp);
});

test('a question that makes no sense here is passed over, also on the way back', async () => {
  const wizard = context(
    [
      [/timeZone/, 'a'],
      [/account/, new Back()],
      [/timeZone/, 'a'],
      [/account/, 'c'],
    ],
    [question('timeZone'), question('hostName', { isAsked: () => false }), question('account')],
  );
  const session = await askOpenQuestions(wizard, begun);
  assert.equal(session.draft.answered.has('hostName'), false);
});

test('what was given up with Ctrl-C is asked again', async () => {
  const wizard = context(
    [
      [/timeZone/, new Cancelled()],
      [/timeZone/, 'a'],
    ],
    three.slice(0, 1),
  );
  await askOpenQuestions(wizard, begun);
  assert.ok(wizard.dialogue.isUsedUp);
});

test('an answer opens the questions that follow from it again', async () => {
  const wizard = context(
    [
      [/retention/, new Back()],
      [/cameras/, 'a'],
      [/retention/, 'b'],
    ],
    [
      question('cameras', {
        ask: async ({ dialogue }) => {
          await dialogue.ask({ message: 'cameras' });
          return { reopens: ['retention'] };
        },
      }),
      question('retention'),
    ],
  );
  const draft = { ...emptyDraft, answered: new Set<QuestionId>(['cameras']) };
  await askOpenQuestions(wizard, { ...begun, draft });
  assert.ok(wizard.dialogue.isUsedUp);
});

test('a wizard that was stopped goes on at the question that was open', async () => {
  const machine = fakeMachine();
  await assert.rejects(
    askOpenQuestions(
      context(
        [
          [/timeZone/, 'a'],
          [/hostName/, new Stopped()],
        ],
        three,
        machine,
      ),
      begun,
    ),
    Stopped,
  );
  const second = context(
    [
      [/hostName/, 'b'],
      [/account/, 'c'],
    ],
    three,
    machine,
  );
  await askOpenQuestions(second, await begin(second));
  assert.ok(second.dialogue.isUsedUp);
});

test('an answer can be changed from the list of all answers, and Esc leads back to the list', async () => {
  const wizard = context(
    [
      [/like this/, 'change'],
      [/Which/, 'hostName'],
      [/hostName/, 'gate'],
      [/like this/, 'change'],
      [/Which/, new Back()],
      [/like this/, 'yes'],
    ],
    three,
  );
  const answered = new Set(three.map(({ id }) => id));
  const session = await review(wizard, { ...begun, draft: { ...emptyDraft, answered } });
  assert.equal(session.draft.answers.hostName, 'gate');
});

const secretDraft = {
  answered: new Set<QuestionId>(['hostName', 'network', 'passphrase', 'storage', 'monitor', 'cameras']),
  facts: { hasRecoveryKey: true, videoBytesPerSecond: 7 },
  answers: {
    hostName: 'gate',
    network: { wifi: { ssid: 'home', passphrase: 'wifi-hunter2', country: 'DE', hidden: false } },
    unlocking: { passphrase: 'luks-hunter2', recoveryKey: false },
    monitor: {
      url: 'https://example.com/hunter2',
      intervalSeconds: 300,
      startAndFailSignals: false,
      timeoutSeconds: 10,
    },
  },
};

async function keepSecrets(machine: FakeMachine, passphrase: string): Promise<void> {
  machine.passphrase = passphrase;
  const wizard = context([], [question('timeZone', { ask: async () => ({}) })], machine);
  await askOpenQuestions(wizard, { draft: secretDraft, passphrase });
}

test('no secret is kept outside the volume, and the passphrase nowhere', async () => {
  const machine = fakeMachine();
  await keepSecrets(machine, 'luks-hunter2');
  assert.doesNotMatch((await machine.progress.read()) ?? '', /hunter2/);
  assert.match((await machine.secretProgress.read()) ?? '', /wifi-hunter2/);
  assert.doesNotMatch((await machine.secretProgress.read()) ?? '', /luks-hunter2/);
});

test('without the volume, an answer that is not whole is open again: no network becomes an open one', async () => {
  const machine = fakeMachine();
  await keepSecrets(machine, 'luks-hunter2');
  const draft = parseDraft(await machine.progress.read());
  assert.deepEqual(Object.keys(draft?.answers ?? {}), ['hostName']);
  assert.equal(draft?.answered.has('network'), false);
  assert.equal(draft?.answered.has('hostName'), true);
});

test('with the passphrase, everything is there again', async () => {
  const machine = fakeMachine();
  await keepSecrets(machine, 'luks-hunter2');
  const wizard = context(
    [
      [/Passphrase/, 'wrong'],
      [/What now/, 'again'],
      [/Passphrase/, 'luks-hunter2'],
    ],
    three,
    machine,
  );
  const session = await begin(wizard);
  assert.equal(session.draft.answers.network?.wifi?.passphrase, 'wifi-hunter2');
  assert.equal(session.draft.facts.videoBytesPerSecond, 7);
  assert.equal(session.passphrase, 'luks-hunter2');
});

test('a forgotten passphrase costs the secrets, and nothing else', async () => {
  const machine = fakeMachine();
  await keepSecrets(machine, 'luks-hunter2');
  const wizard = context(
    [
      [/Passphrase/, 'wrong'],
      [/What now/, 'over'],
    ],
    three,
    machine,
  );
  const session = await begin(wizard);
  assert.equal(session.passphrase, undefined);
  assert.equal(session.draft.answers.hostName, 'gate');
  assert.equal(session.draft.answered.has('passphrase'), false);
  assert.equal(session.draft.facts.hasRecoveryKey, false);
});

test('a volume that was made just before the power went counts as answered', async () => {
  const machine = fakeMachine();
  machine.passphrase = 'luks-hunter2';
  const session = await begin(context([[/Passphrase/, 'luks-hunter2']], three, machine));
  assert.deepEqual([...session.draft.answered], ['passphrase']);
});

test('answers from the boot partition are taken over where there are none yet', async () => {
  const machine = fakeMachine({
    givenAnswers: async () => ({
      answers: { hostName: 'gate', timeZone: 'Europe/Berlin' },
      notes: ['a note'],
    }),
  });
  await machine.progress.write(
    JSON.stringify({
      version: 1,
      answered: ['hostName'],
      facts: {},
      answers: { hostName: 'typed' },
      withheld: [],
    }),
  );
  const wizard = context([], three, machine);
  const { draft } = await begin(wizard);
  assert.deepEqual(draft.answers, { hostName: 'typed', timeZone: 'Europe/Berlin' });
  assert.deepEqual([...draft.answered].sort(), ['hostName', 'timeZone']);
  assert.ok(wizard.dialogue.said.includes('a note'));
});

for (const [what, text] of [
  ['half a file', '{"version":1,"answ'],
  ['another version', '{"version":2,"answered":[],"answers":{}}'],
  ['nonsense', 'null'],
  ['answers that are no longer valid', '{"version":1,"answered":["hostName"],"answers":{"hostName":"a b"}}'],
] as const) {
  test(`progress that is ${what} is no obstacle`, () => {
    assert.equal(parseDraft(text)?.answered.size ?? 0, 0);
  });
}

test('complete answers carry the passphrase and whether there is a recovery key', () => {
  const answers = completeAnswers({
    passphrase: 'luks-hunter2',
    draft: {
      ...secretDraft,
      answers: {
        owner: { keys: [{ from: 'file', file: 'owner.asc' }] },
        cameras: [{ name: 'a', input: { device: '/dev/video0' } }],
      } as unknown as Session['draft']['answers'],
    },
  });
  assert.deepEqual(answers.unlocking, { passphrase: 'luks-hunter2', recoveryKey: true });
  assert.equal(answers.timeZone, 'Etc/UTC');
});

test('the place of the recordings is told as the viewer takes it', () => {
  const ftp = { driver: 'ftp', host: '2001:db8::21', port: 2121, user: 'a@b', directory: '/my cams/' };
  assert.equal(
    driveLocation(ftp as Parameters<typeof driveLocation>[0]),
    'ftps://a%40b@[2001:db8::21]:2121/my%20cams',
  );
  assert.equal(
    driveLocation({ driver: 'directory', directory: '/mnt/nas', retentionDays: 1, retention: 'camera' }),
    '/mnt/nas',
  );
});
