import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EncroCamError } from '../../../runtime/errors.ts';
import type { Answers } from '../../answers/types.ts';
import type { Reply } from '../dialogue/scripted.ts';
import { fakeMachine } from '../fake-machine.ts';
import type { Machine } from '../machine.ts';
import type { Draft } from '../progress.ts';
import { ask } from './asking.ts';
import { cameras } from './cameras.ts';
import { monitor } from './monitor.ts';
import { network } from './network.ts';
import { passphrase } from './passphrase.ts';
import { retention } from './retention.ts';
import { signing } from './signing.ts';
import { storage } from './storage.ts';

const webcam: Machine['listCameras'] = async () => [
  {
    device: '/dev/video0',
    name: 'HD Webcam',
    modes: [
      { pixelFormat: 'mjpeg', width: 1920, height: 1080, frameRates: [30] },
      { pixelFormat: 'yuyv422', width: 1280, height: 720, frameRates: [10] },
      { pixelFormat: 'mjpeg', width: 1280, height: 720, frameRates: [30, 15, 5] },
    ],
  },
];

test('a camera is offered with its modes, tried, and named', async () => {
  const { change, machine } = await ask(
    cameras,
    [
      [/^Camera$/, '/dev/video0'],
      [/Resolution/, '1'],
      [/Pictures a second/, '15'],
      [/Name of the camera/, 'front door'],
      [/Name of the camera/, 'front-door'],
      [/Is this right/, 'take'],
      [/another camera/, false],
    ],
    { machine: fakeMachine({ listCameras: webcam }) },
  );
  const [camera] = change.answers?.cameras ?? [];
  assert.equal(camera?.name, 'front-door');
  assert.deepEqual(camera?.input, {
    format: 'v4l2',
    device: '/dev/video0',
    resolution: '1280x720',
    pixelFormat: 'mjpeg',
    frameRate: 15,
  });
  assert.equal(change.facts?.videoBytesPerSecond, 62_500);
  assert.deepEqual(change.reopens, ['retention']);
  assert.deepEqual(machine.done, ['test /dev/video0']);
});

test('a camera that does not work can be tried again, changed, or taken as it is', async () => {
  const machine = fakeMachine({ listCameras: webcam });
  const broken = new EncroCamError('CAMERA_UNAVAILABLE', 'It is in use.');
  machine.failures.camera.push(broken, broken, broken);
  const { change } = await ask(
    cameras,
    [
      [/^Camera$/, '/dev/video0'],
      [/Resolution/, 'own'],
      [/Name/, 'a'],
      [/What now/, 'again'],
      [/What now/, 'change'],
      [/^Camera$/, 'network'],
      [/Address/, 'http://192.0.2.7/'],
      [/Address/, 'rtsp://192.0.2.7/stream'],
      [/Name/, 'a'],
      [/What now/, 'take'],
      [/another/, false],
    ],
    { machine },
  );
  assert.equal(change.answers?.cameras?.[0].input.format, 'rtsp');
  assert.equal(change.facts?.videoBytesPerSecond, undefined);
});

test('two cameras have two names and two devices', async () => {
  const { change } = await ask(
    cameras,
    [
      [/^Camera$/, '/dev/video0'],
      [/Resolution/, 'own'],
      [/Name/, 'A'],
      [/Is this right/, 'take'],
      [/another/, true],
      [/^Camera$/, 'picture'],
      [/Name/, 'a'],
      [/Name/, 'b'],
      [/Is this right/, 'take'],
      [/another/, false],
    ],
    { machine: fakeMachine({ listCameras: webcam }) },
  );
  assert.equal(change.answers?.cameras?.length, 2);
  assert.equal(change.facts?.videoBytesPerSecond, 125_000);
});

const ftpReplies: Reply[] = [
  [/Server/, 'drive.example.com'],
  [/Port/, ''],
  [/Account/, 'camera'],
  [/Password/, 'hunter2'],
  [/Directory/, ''],
  [/Protection/, 'explicit'],
];

test('an FTP drive is tried before it is taken', async () => {
  const { change, machine } = await ask(storage, [[/^Drive$/, 'ftp'], ...ftpReplies]);
  const { storage: config } = change.answers ?? {};
  assert.equal(config?.driver === 'ftp' ? config.timeoutSeconds : undefined, 30);
  assert.deepEqual(machine.done, ['try ftp']);
});

test('where the account may not delete, that is said, and the drive is left to remove what is old', async () => {
  const machine = fakeMachine({
    tryStorage: async () => ({
      location: 'x',
      uploadBytesPerSecond: undefined,
      leftBehind: '/encrocam-test-1',
    }),
  });
  const { change, dialogue } = await ask(storage, [[/^Drive$/, 'ftp'], ...ftpReplies], { machine });
  const { storage: config } = change.answers ?? {};
  assert.equal(config?.driver === 'ftp' && config.retention, 'server');
  assert.ok(dialogue.said.some((text) => text.includes('/encrocam-test-1')));
});

test('a drive that refuses can be asked for anew; the password need not be typed again', async () => {
  const machine = fakeMachine();
  machine.failures.storage.push(new EncroCamError('STORAGE_REFUSED', 'Wrong account.'));
  const { change } = await ask(
    storage,
    [
      [/^Drive$/, 'ftp'],
      ...ftpReplies,
      [/What now/, 'change'],
      [/^Drive$/, 'ftp'],
      [/Server/, ''],
      [/Port/, '2121'],
      [/Account/, 'other'],
      [/Password/, ''],
      [/Directory/, '/cameras'],
      [/Protection/, 'explicit'],
    ],
    { machine },
  );
  const { storage: config } = change.answers ?? {};
  assert.deepEqual(
    config?.driver === 'ftp' && [config.host, config.port, config.user, config.password, config.directory],
    ['drive.example.com', 2121, 'other', 'hunter2', '/cameras'],
  );
});

test('exactly the certificate that a drive presented can be accepted, after comparing', async () => {
  const machine = fakeMachine();
  const fingerprint = Array.from({ length: 32 }, () => 'AB').join(':');
  machine.failures.storage.push(
    new EncroCamError('STORAGE_UNTRUSTED', 'Not trusted.', {
      hint: `It presented SHA-256 ${fingerprint}. …`,
    }),
  );
  const { change } = await ask(
    storage,
    [[/^Drive$/, 'ftp'], ...ftpReplies, [/What now/, 'pin'], [/same/, true]],
    { machine },
  );
  const { storage: config } = change.answers ?? {};
  assert.equal(config?.driver === 'ftp' && config.tls.fingerprint, fingerprint);
});

test('a drive that does not answer now can be taken as it is', async () => {
  const machine = fakeMachine();
  machine.failures.storage.push(new EncroCamError('STORAGE_UNREACHABLE', 'No answer.'));
  const { change } = await ask(
    storage,
    [
      [/^Drive$/, 'directory'],
      [/Directory/, 'nas'],
      [/Directory/, '/mnt/nas'],
      [/What now/, 'keep'],
    ],
    { machine },
  );
  assert.deepEqual(change.answers?.storage, {
    driver: 'directory',
    directory: '/mnt/nas',
    retentionDays: 90,
    retention: 'camera',
  });
});

test('a drive slower than the cameras is told', async () => {
  const { dialogue } = await ask(storage, [[/^Drive$/, 'ftp'], ...ftpReplies], {
    draft: { facts: { videoBytesPerSecond: 2_000_000 } },
  });
  assert.ok(dialogue.said.some((text) => text.includes('slower')));
});

test('a monitor is called before it is taken, and its address is not shown', async () => {
  const machine = fakeMachine();
  machine.failures.monitor.push(new EncroCamError('INPUT_UNREADABLE', 'It answers 404.'));
  const { change, dialogue } = await ask(
    monitor,
    [
      [/such an address/, true],
      [/Address/, 'hc-ping.com/secret'],
      [/Address/, 'https://hc-ping.com/secret-1'],
      [/all the same/, false],
      [/Address/, 'https://hc-ping.com/secret-2'],
      [/understand/, true],
    ],
    { machine },
  );
  assert.equal(change.answers?.monitor?.url, 'https://hc-ping.com/secret-2');
  assert.equal(change.answers?.monitor?.startAndFailSignals, true);
  assert.doesNotMatch(`${dialogue.said.join()} ${dialogue.refused.join()}`, /secret/);
});

test('days are proposed that fit on the card at the measured rate', async () => {
  const { change, dialogue } = await ask(
    retention,
    [
      [/Days on the camera/, ''],
      [/Days on the drive/, '-1'],
      [/Days on the drive/, '30'],
    ],
    {
      draft: {
        facts: { videoBytesPerSecond: 62_500 },
        answers: {
          storage: { driver: 'directory', directory: '/mnt/nas', retentionDays: 90, retention: 'camera' },
        },
      },
    },
  );
  // 50 GB free, less 256 MB on the camera; 6.8 GB a day with the reserve.
  assert.ok(dialogue.said.some((text) => /The drive has 50 GB free .* about 7 days/.test(text)));
  assert.equal(change.answers?.recordings?.retentionDays, 7);
  assert.deepEqual(change.answers?.storage, {
    driver: 'directory',
    directory: '/mnt/nas',
    retentionDays: 30,
    retention: 'camera',
  });
  assert.equal(dialogue.refused.length, 1);
});

test('without a measured rate, days are asked for all the same', async () => {
  const { change } = await ask(retention, [[/Days on the camera/, '3']]);
  assert.equal(change.answers?.recordings?.retentionDays, 3);
  assert.equal('storage' in (change.answers ?? {}), false);
});

test('no summary shows a secret', () => {
  const answers: Partial<Answers> = {
    unlocking: { passphrase: 'hunter2', recoveryKey: true },
    signing: { from: 'import', secretKey: 'hunter2' },
    monitor: {
      url: 'https://hunter2/',
      intervalSeconds: 300,
      startAndFailSignals: false,
      timeoutSeconds: 10,
    },
    network: { wifi: { ssid: 'home', passphrase: 'hunter2', country: 'DE', hidden: false } },
    cameras: [
      { name: 'a', input: { format: 'rtsp', device: 'rtsp://user:hunter2@192.0.2.7/' } },
    ] as unknown as Answers['cameras'],
    storage: {
      driver: 'ftp',
      host: 'h',
      user: 'u',
      password: 'hunter2',
      directory: '/',
    } as Answers['storage'],
  };
  const draft: Draft = { answers, answered: new Set(), facts: {} };
  for (const question of [passphrase, signing, monitor, network, storage, cameras]) {
    assert.doesNotMatch(question.summary(draft), /hunter2/, question.id);
  }
});
