import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cloudInitAnswers } from './cloud-init.ts';

const sshKey =
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOhRx3cQxZ9YwS0m5n1bY0p2Jt5cH6mXyqkqW0cQJpXk maria@laptop';

/** As Raspberry Pi Imager 2 writes it with everything filled in. */
const userData = `#cloud-config
hostname: front-door
manage_etc_hosts: true
packages:
- avahi-daemon
apt:
  conf: |
    Acquire {
      Check-Date "false";
    };
timezone: Europe/Berlin
keyboard:
  model: pc105
  layout: "de"
enable_ssh: true
users:
- name: maria
  groups: users,adm,dialout,audio,netdev,video,plugdev,cdrom,games,input,gpio,spi,i2c,render,sudo
  shell: /bin/bash
  lock_passwd: true
  ssh_authorized_keys:
    - ${sshKey}
  sudo: ALL=(ALL) NOPASSWD:ALL
runcmd:
  - [ rfkill, unblock, wifi ]
`;
const networkConfig = `network:
  version: 2
  wifis:
    wlan0:
      dhcp4: true
      regulatory-domain: "DE"
      access-points:
        "my \\"home\\"":
          hidden: true
          password: "${'0a'.repeat(32)}"
      optional: true
`;

test('everything that Raspberry Pi Imager asks for is taken over', () => {
  const { answers, notes } = cloudInitAnswers({ userData, networkConfig });
  assert.deepEqual(answers, {
    hostName: 'front-door',
    timeZone: 'Europe/Berlin',
    account: { name: 'maria', authorizedKeys: [sshKey] },
    network: { wifi: { ssid: 'my "home"', country: 'DE', passphrase: '0a'.repeat(32), hidden: true } },
  });
  assert.deepEqual(notes, []);
});

test('the older form of the network file, without its first line, is understood', () => {
  const older = networkConfig.replace('network:\n', '').replaceAll(/^ {2}/gm, '');
  assert.equal(cloudInitAnswers({ networkConfig: older }).answers.network?.wifi?.country, 'DE');
});

test('nothing there gives no answers and no notes', () => {
  for (const files of [{}, { userData: '#cloud-config\n' }, { userData: '', networkConfig: '' }]) {
    assert.deepEqual(cloudInitAnswers(files), { answers: {}, notes: [] });
  }
});

test('an account with a password only is left out, and the password is not told', () => {
  const { answers, notes } = cloudInitAnswers({
    userData: 'users:\n- name: pi\n  lock_passwd: false\n  passwd: $5$salt$geheim\nssh_pwauth: true\n',
  });
  assert.deepEqual(answers, {});
  assert.equal(notes.length, 1);
  assert.doesNotMatch(notes.join(), /geheim/);
});

test('what is wrong is left out and told, and the rest is taken over', () => {
  const { answers, notes } = cloudInitAnswers({
    userData: 'hostname: "front door"\ntimezone: Europe/Berlin\n',
  });
  assert.deepEqual(answers, { timeZone: 'Europe/Berlin' });
  assert.match(notes.join(), /^hostName /);
});

test('a wireless network without a country is left out', () => {
  const { answers, notes } = cloudInitAnswers({
    networkConfig: networkConfig.replace('      regulatory-domain: "DE"\n', ''),
  });
  assert.deepEqual(answers, {});
  assert.equal(notes.length, 1);
});

test('an open wireless network has no password', () => {
  const { answers } = cloudInitAnswers({
    networkConfig: networkConfig.replace(/password: ".*"/, 'password: ""'),
  });
  assert.equal(answers.network?.wifi?.passphrase, undefined);
});

test('the first user with a key is the account', () => {
  const { answers } = cloudInitAnswers({
    userData: `users:\n- default\n- name: guest\n- name: maria\n  ssh_authorized_keys: ["${sshKey}", "${sshKey}"]\n`,
  });
  assert.deepEqual(answers.account, { name: 'maria', authorizedKeys: [sshKey] });
});

for (const [what, text] of [
  ['broken YAML', 'hostname: "front\nusers: ['],
  ['a list', '- hostname: front'],
  ['a sentence', 'hello'],
  ['a bomb of aliases', `a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n`],
  ['more than it could ever be', `hostname: a\n#${'x'.repeat(70_000)}`],
] as const) {
  test(`${what} is no answer, and says so`, () => {
    const { answers, notes } = cloudInitAnswers({ userData: text });
    assert.deepEqual(answers, {});
    assert.equal(notes.length, 1);
  });
}
