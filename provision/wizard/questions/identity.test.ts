import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { EncroCamError } from '../../../runtime/errors.ts';
import { type Reply, ScriptedDialogue } from '../dialogue/scripted.ts';
import { fakeMachine } from '../fake-machine.ts';
import { emptyDraft } from '../progress.ts';
import { Back } from '../signals.ts';
import { account } from './account.ts';
import { ask } from './asking.ts';
import { hostName } from './host-name.ts';
import { network } from './network.ts';
import { ownerKeys } from './owner-keys.ts';
import { passphrase } from './passphrase.ts';
import { recoveryKey } from './recovery-key.ts';
import { signing } from './signing.ts';
import { timeZone } from './time-zone.ts';

const vector = (name: string): string =>
  readFileSync(new URL(`../../../test/vectors/encrocrypt2/${name}`, import.meta.url), 'utf8').trim();
const ownerKey = vector('owner.public.asc');
const sshKey =
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOhRx3cQxZ9YwS0m5n1bY0p2Jt5cH6mXyqkqW0cQJpXk maria@laptop';

test('a time zone is picked from those that the system has', async () => {
  const { change } = await ask(timeZone, [[/Time zone/, 'Europe/Berlin']]);
  assert.deepEqual(change.answers, { timeZone: 'Europe/Berlin' });
});

test("a host name is asked again until it keeps to the schema's rule", async () => {
  const { change, dialogue } = await ask(hostName, [
    [/Host name/, 'front door'],
    [/Host name/, '-x'],
    [/Host name/, 'front-door'],
  ]);
  assert.deepEqual(change.answers, { hostName: 'front-door' });
  assert.equal(dialogue.refused.length, 2);
});

test('network, account and names are not asked for on a system that was there before', async () => {
  const machine = fakeMachine({ kind: 'installed', hasRadio: async () => true });
  for (const question of [timeZone, hostName, network, account]) {
    const context = { dialogue: new ScriptedDialogue([]), machine, draft: emptyDraft, passphrase: undefined };
    assert.equal(await question.isAsked?.(context), false, question.id);
  }
});

test('the network is asked for only where there is a radio', async () => {
  const context = { dialogue: new ScriptedDialogue([]), draft: emptyDraft, passphrase: undefined };
  assert.equal(await network.isAsked?.({ ...context, machine: fakeMachine() }), false);
  assert.equal(
    await network.isAsked?.({ ...context, machine: fakeMachine({ hasRadio: async () => true }) }),
    true,
  );
});

test('a wireless network is joined at once, in the country of the time zone', async () => {
  const { change, dialogue, machine } = await ask(
    network,
    [
      [/^Network$/, 'wifi'],
      [/SSID/, 'home'],
      [/Password/, 'short'],
      [/Password/, 'long enough'],
      [/Country/, ''],
    ],
    { draft: { answers: { timeZone: 'Europe/Berlin' } } },
  );
  assert.deepEqual(change.answers?.network, {
    wifi: { ssid: 'home', passphrase: 'long enough', country: 'DE', hidden: false },
  });
  assert.deepEqual(machine.done, ['join home']);
  assert.equal(dialogue.refused.length, 1);
});

test('SSH keys are taken one a line, comments left out, and each is checked', async () => {
  const { change, dialogue } = await ask(account, [
    [/^Account$/, 'make'],
    [/Name of the account/, 'root'],
    [/Name of the account/, 'maria'],
    [/Paste your SSH/, 'not a key\n'],
    [/Paste your SSH/, `# laptop\n${sshKey}\n${sshKey}\n`],
  ]);
  assert.deepEqual(change.answers?.account, { name: 'maria', authorizedKeys: [sshKey] });
  assert.equal(dialogue.refused.length, 2);
});

test('no account is an answer, and takes an earlier one back', async () => {
  const { change } = await ask(account, [[/^Account$/, 'none']], {
    draft: { answers: { account: { name: 'maria', authorizedKeys: [sshKey] } } },
  });
  assert.deepEqual(change.without, ['account']);
});

test('a passphrase is asked for twice, and makes the volume', async () => {
  const { change, machine } = await ask(passphrase, [
    [/^Passphrase$/, 'garden lamp river stone'],
    [/again/, 'garden lamp river stome'],
    [/^Passphrase$/, 'garden lamp river stone'],
    [/again/, 'garden lamp river stone'],
  ]);
  assert.equal(change.passphrase, 'garden lamp river stone');
  assert.deepEqual(machine.done, ['make volume']);
});

test('a short passphrase is refused, and a weak one has to be confirmed', async () => {
  const { dialogue } = await ask(passphrase, [
    [/^Passphrase$/, 'short'],
    [/^Passphrase$/, 'password1'],
    [/weak/, false],
    [/^Passphrase$/, 'password1'],
    [/weak/, true],
    [/again/, 'password1'],
  ]);
  assert.equal(dialogue.refused.length, 1);
});

test('going back to the passphrase can leave the volume as it is', async () => {
  const machine = fakeMachine();
  machine.passphrase = 'garden lamp river stone';
  const { change } = await ask(passphrase, [[/made already/, 'keep']], {
    machine,
    passphrase: 'garden lamp river stone',
  });
  assert.deepEqual(change, {});
  assert.deepEqual(machine.done, []);
});

test('another passphrase makes the volume anew, and the recovery key has to be made anew too', async () => {
  const machine = fakeMachine();
  machine.passphrase = 'garden lamp river stone';
  const { change } = await ask(
    passphrase,
    [
      [/made already/, 'change'],
      [/^Passphrase$/, 'paper cloud river stone'],
      [/again/, 'paper cloud river stone'],
    ],
    { machine, passphrase: 'garden lamp river stone' },
  );
  assert.equal(machine.passphrase, 'paper cloud river stone');
  assert.deepEqual(change.reopens, ['recoveryKey']);
  assert.equal(change.facts?.hasRecoveryKey, false);
});

test('a passphrase from an answers file is not asked for', async () => {
  const { change } = await ask(passphrase, [], {
    draft: { answers: { unlocking: { passphrase: 'from the answers file', recoveryKey: false } } },
  });
  assert.equal(change.passphrase, 'from the answers file');
});

test('a recovery key is shown as words and as a QR code, again if need be, and then taken off the screen', async () => {
  const { change, dialogue } = await ask(
    recoveryKey,
    [
      [/Make a recovery key/, true],
      [/written down/, false],
      [/again/, true],
      [/written down/, true],
    ],
    { passphrase: 'garden lamp river stone' },
  );
  assert.equal(change.facts?.hasRecoveryKey, true);
  assert.equal(dialogue.said.filter((text) => text.includes('lusab-babad-')).length, 2);
  assert.equal(dialogue.said.at(-1), '(cleared)');
  assert.ok(dialogue.said.some((text) => text.includes('█▀▀▀█') || text.includes('█ ▄▄▄▄▄ █')));
});

test('a signing key that is imported must be able to sign', async () => {
  const { change, dialogue } = await ask(signing, [
    [/Signing key/, 'import'],
    [/Paste/, `${ownerKey.replaceAll('PUBLIC', 'PRIVATE')}`],
    [/Paste/, vector('camera.secret.asc')],
  ]);
  assert.equal(change.answers?.signing?.from, 'import');
  assert.equal(dialogue.refused.length, 1);
});

const stored = { from: 'text', armored: ownerKey } as const;

test("an owner's key is taken after its fingerprint was confirmed, wherever it comes from", async () => {
  const machine = fakeMachine();
  for (const name of ['owner.asc', 'https://example.com/owner.asc', 'owner@example.com']) {
    machine.keys.set(name, ownerKey);
  }
  const ways: Reply[][] = [
    [
      [/Where is/, 'text'],
      [/Paste/, ownerKey],
    ],
    [
      [/Where is/, 'file'],
      [/File/, 'owner.asc'],
    ],
    [
      [/Where is/, 'url'],
      [/Address/, 'https://example.com/owner.asc'],
    ],
    [
      [/Where is/, 'wkd'],
      [/Mail address/, 'owner@example.com'],
    ],
  ];
  for (const way of ways) {
    const { change, dialogue } = await ask(
      ownerKeys,
      [...way, [/Is this the fingerprint/, true], [/somebody else/, 'done']],
      { machine },
    );
    const [key] = change.answers?.owner?.keys ?? [];
    assert.equal(key?.from, 'text');
    assert.match(key?.fingerprint ?? '', /^[0-9A-F]{40}$/);
    const grouped = key?.fingerprint?.match(/.{4}/g)?.join(' ') ?? 'none';
    assert.ok(dialogue.said.some((text) => text.includes(grouped)));
  }
});

test('a key whose fingerprint is not confirmed is not taken', async () => {
  const { change } = await ask(ownerKeys, [
    [/Where is/, 'text'],
    [/Paste/, ownerKey],
    [/Is this the fingerprint/, false],
    [/Where is/, 'text'],
    [/Paste/, ownerKey],
    [/Is this the fingerprint/, true],
    [/somebody else/, 'done'],
  ]);
  assert.equal(change.answers?.owner?.keys.length, 1);
});

test('a key that cannot be fetched, is none, or cannot encrypt is explained, and another way can be taken', async () => {
  const machine = fakeMachine();
  machine.keys.set('https://example.com/key', 'this is a web page');
  machine.keys.set('https://example.com/camera', vector('camera.public.asc'));
  machine.failures.key.push(new EncroCamError('KEY_UNREACHABLE', 'There is no network.'));
  const { dialogue } = await ask(
    ownerKeys,
    [
      [/Where is/, 'url'],
      [/Address/, 'ftp://example.com/'],
      [/Address/, 'https://example.com/key'],
      [/Where is/, 'url'],
      [/Address/, 'https://example.com/key'],
      [/Where is/, 'url'],
      [/Address/, 'https://example.com/camera'],
      [/Where is/, 'text'],
      [/Paste/, ownerKey],
      [/Is this the fingerprint/, true],
      [/somebody else/, 'done'],
    ],
    { machine },
  );
  assert.equal(dialogue.refused.length, 1);
  assert.ok(dialogue.said.some((text) => text.includes('There is no network.')));
});

test('Esc while a key is given leads to the list of ways, and from there to the question before', async () => {
  await assert.rejects(
    ask(ownerKeys, [
      [/Where is/, 'text'],
      [/Paste/, new Back()],
      [/Where is/, new Back()],
    ]),
    Back,
  );
});

test('the same key twice is one', async () => {
  const { change } = await ask(
    ownerKeys,
    [
      [/somebody else/, 'text'],
      [/Paste/, ownerKey],
      [/Is this the fingerprint/, true],
      [/somebody else/, 'done'],
    ],
    {
      draft: {
        answers: {
          owner: { keys: [{ ...stored, fingerprint: '6C0A912390346CAF44CD5A677AC03D23A73F2D5D' }] },
        },
      },
    },
  );
  assert.equal(change.answers?.owner?.keys.length, 1);
});
