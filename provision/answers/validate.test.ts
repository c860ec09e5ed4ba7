import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError, type ConfigProblem } from '../../runtime/config/validate.ts';
import { missingAnswers, validateAnswers, validatePartialAnswers } from './validate.ts';

const least = {
  unlocking: { passphrase: 'six words picked at random' },
  owner: { keys: [{ from: 'file', file: 'owner.asc' }] },
  cameras: [{ name: 'front-door', input: { device: '/dev/video0' } }],
};

function problemsOf(run: () => unknown): readonly ConfigProblem[] {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    assert.equal(error.code, 'CONFIG_INVALID');
    return error.problems;
  }
  return [];
}

test('the least answers are complete, and everything else gets its default', () => {
  const answers = validateAnswers(least);
  assert.equal(answers.hostName, 'encrocam');
  assert.equal(answers.timeZone, 'Etc/UTC');
  assert.deepEqual(answers.signing, { from: 'generate' });
  assert.deepEqual(answers.storage, { driver: 'none' });
  assert.equal(answers.unlocking.recoveryKey, false);
  assert.equal(answers.cameras[0].encoder.name, 'auto');
  assert.equal(answers.recordings.retentionDays, 14);
  assert.equal('account' in answers, false);
});

test('answers that are checked are not changed', () => {
  const given = structuredClone(least);
  validateAnswers(given);
  assert.deepEqual(given, least);
});

test('partial answers keep what is missing missing, and say what still has to be asked', () => {
  const partial = validatePartialAnswers({ hostName: 'gate', cameras: least.cameras });
  assert.deepEqual(Object.keys(partial).sort(), ['cameras', 'hostName']);
  assert.equal(partial.cameras?.[0].burnInTime, true);
  assert.deepEqual(missingAnswers(partial), ['unlocking', 'owner']);
});

test('something missing inside an answer is a problem of partial answers too', () => {
  const problems = problemsOf(() =>
    validatePartialAnswers({ storage: { driver: 'ftp', host: 'drive.example.com', user: 'camera' } }),
  );
  assert.deepEqual(
    problems.map(({ setting }) => setting),
    ['storage.password'],
  );
});

const wrong: [setting: string, change: Record<string, unknown>][] = [
  ['hostName', { hostName: 'front door' }],
  ['hostName', { hostName: '-gate' }],
  ['timeZone', { timeZone: 'Mars/Olympus' }],
  ['timeZone', { timeZone: '+01:00' }],
  ['network.wifi.country', { network: { wifi: { ssid: 'home', passphrase: 'long enough', country: 'de' } } }],
  ['network.wifi.passphrase', { network: { wifi: { ssid: 'home', passphrase: 'short', country: 'DE' } } }],
  ['account.name', { account: { name: 'root' } }],
  ['account.name', { account: { name: 'Maria' } }],
  ['account.authorizedKeys[0]', { account: { name: 'maria', authorizedKeys: ['command="x" ssh-rsa AAAA'] } }],
  ['unlocking.passphrase', { unlocking: { passphrase: 'short' } }],
  ['unlocking.passphrase', { unlocking: {} }],
  [
    'unlocking.tang.thumbprint',
    { unlocking: { ...least.unlocking, tang: { url: 'http://t', thumbprint: '!' } } },
  ],
  ['signing.from', { signing: { from: 'dream' } }],
  ['signing.secretKey', { signing: { from: 'import' } }],
  ['signing.secretKey', { signing: { from: 'import', secretKey: 'hello' } }],
  ['owner.keys', { owner: { keys: [] } }],
  ['owner.keys[0].from', { owner: { keys: [{ from: 'thin air' }] } }],
  ['owner.keys[0].fingerprint', { owner: { keys: [{ from: 'url', url: 'https://example.com/owner.asc' }] } }],
  [
    'owner.keys[0].fingerprint',
    { owner: { keys: [{ from: 'wkd', address: 'a@example.com', fingerprint: '12' }] } },
  ],
  [
    'owner.keys[0].url',
    { owner: { keys: [{ from: 'url', url: 'http://e.com/k', fingerprint: '0'.repeat(40) }] } },
  ],
  ['owner.keys[0].file', { owner: { keys: [{ from: 'file', file: '../../etc/shadow' }] } }],
  ['owner.keys[0].armored', { owner: { keys: [{ from: 'text', armored: 'not a key' }] } }],
  ['cameras[0].input.device', { cameras: [{ name: 'a', input: {} }] }],
  ['cameras[1].name', { cameras: [...least.cameras, ...least.cameras] }],
  ['storage.driver', { storage: { driver: 'cloud' } }],
  ['storage.port', { storage: { driver: 'ftp', host: 'h', user: 'u', password: 'p', port: 70_000 } }],
  ['monitor.url', { monitor: { url: 'hc-ping.com' } }],
  ['recordings.retentionDays', { recordings: { retentionDays: 0 } }],
  ['hostname', { hostname: 'gate' }],
];
for (const [setting, change] of wrong) {
  test(`${setting} is refused as in ${JSON.stringify(change)}`, () => {
    const problems = problemsOf(() => validateAnswers({ ...least, ...change }));
    assert.ok(
      problems.some((problem) => problem.setting === setting),
      JSON.stringify(problems),
    );
    assert.deepEqual(
      problemsOf(() => validatePartialAnswers(change)).filter((problem) => problem.setting === setting)
        .length,
      1,
    );
  });
}

test('a refusal never holds a secret', () => {
  const secret = 'hunter2';
  for (const change of [
    { unlocking: { passphrase: secret } },
    { network: { wifi: { ssid: 'home', country: 'DE', passphrase: secret } } },
    { storage: { driver: 'ftp', host: 'h', user: 'u', password: `${secret}\n` } },
    { signing: { from: 'import', secretKey: secret } },
    { monitor: { url: secret } },
    { unlocking: secret },
    { storage: { driver: { password: secret } } },
  ]) {
    const problems = problemsOf(() => validateAnswers({ ...least, ...change }));
    assert.ok(problems.length > 0);
    assert.ok(!JSON.stringify(problems).includes(secret), JSON.stringify(problems));
  }
});

test('a name that is nearly right is suggested', () => {
  const [problem] = problemsOf(() => validateAnswers({ ...least, timezone: 'Europe/Berlin' }));
  assert.match(problem?.hint ?? '', /timeZone/);
});
