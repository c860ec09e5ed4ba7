import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { isEncroCamError } from '../errors.ts';
import { withoutSecrets } from './command.ts';
import { configFileFrom, loadConfig, resolveConfig } from './load.ts';
import { configSchema, nodeAt, resolveNode, type SchemaNode } from './schema.ts';
import { ConfigError, type ConfigProblem, validateConfig } from './validate.ts';

const least = {
  owner: { keys: ['owner.asc'] },
  signing: { key: 'camera.secret.asc' },
  cameras: [{ name: 'front-door', input: { device: '/dev/video0' } }],
};
const ftp = { driver: 'ftp', host: 'drive.example.com', user: 'me', password: 'hunter2-secret' };

function problemsOf(value: unknown): readonly ConfigProblem[] {
  try {
    validateConfig(value);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    assert.equal(error.code, 'CONFIG_INVALID');
    return error.problems;
  }
  return [];
}

/** The one problem of `value`, which names `setting`. */
function problemOf(value: unknown, setting: string): ConfigProblem {
  const problems = problemsOf(value);
  assert.deepEqual(
    problems.map((problem) => problem.setting),
    [setting],
  );
  const [problem] = problems;
  assert.ok(problem);
  return problem;
}

describe('a configuration', () => {
  test('needs little, and gets every default', () => {
    const config = validateConfig(least);
    assert.equal(config.recordings.directory, '/var/lib/encrocam/recordings');
    assert.equal(config.recordings.removeUnrecognisedFiles, false);
    assert.equal(config.cameras[0].encoder.name, 'auto');
    assert.equal(config.cameras[0].encryptIntervalMs, 125);
    assert.deepEqual(config.storage, { driver: 'none' });
    assert.equal(config.log.level, 'info');
  });

  test('gets the defaults of the drive it names', () => {
    const { storage } = validateConfig({ ...least, storage: ftp });
    assert.ok(storage.driver === 'ftp');
    assert.equal(storage.port, 21);
    assert.equal(storage.tls.mode, 'explicit');
    assert.equal(storage.tls.minimumVersion, 'TLSv1.2');
    assert.equal(storage.retentionDays, 90);
  });

  test('is not changed by being checked', () => {
    const value = structuredClone(least);
    validateConfig(value);
    assert.deepEqual(value, least);
  });

  test('has every example of the schema accepted', () => {
    const visit = (node: SchemaNode, build: (value: unknown) => unknown): void => {
      for (const [name, raw] of Object.entries(node.properties ?? {})) {
        const child = resolveNode(raw);
        const put = (value: unknown): unknown => build({ [name]: value });
        for (const example of child.examples ?? []) assert.deepEqual(problemsOf(put(example)), [], name);
        if (child.properties) visit(child, put);
      }
    };
    const camera = { name: 'a', input: { device: '/dev/video0' } };
    const merge = (base: object, value: unknown): unknown => merged(base, value);
    const root = { ...resolveNode(configSchema) };
    const address = `0x${'1'.repeat(40)}`;
    const ledger = {
      ...{ chainId: 1, rpcUrls: ['https://rpc.example'] },
      contracts: { ownership: address, checkpoints: address },
    };
    visit(root, (value) => merge({ ...least, monitor: { url: 'https://m.example' }, ledger }, value));
    const cameraNode = resolveNode({ $ref: '#/$defs/camera' });
    visit(cameraNode, (value) => ({ ...least, cameras: [merge(camera, value)] }));
    const ftpNode = resolveNode({ $ref: '#/$defs/ftpStorage' });
    visit(ftpNode, (value) => ({ ...least, storage: merge(ftp, value) }));
  });
});

function merged(base: unknown, over: unknown): unknown {
  if (typeof base !== 'object' || typeof over !== 'object' || !base || !over || Array.isArray(over))
    return over;
  const result: Record<string, unknown> = { ...base };
  for (const [name, value] of Object.entries(over)) result[name] = merged(result[name], value);
  return result;
}

describe('an error names the setting, what was expected, what was found, and a hint', () => {
  const camera = (over: object): object => ({ ...least, cameras: [merged(least.cameras[0], over)] });
  const cases: [title: string, value: unknown, setting: string, expected: RegExp, found: RegExp][] = [
    ['nothing at all', null, 'the whole file', /an object/, /null/],
    ['no owner', { ...least, owner: undefined }, 'owner', /a value/, /nothing/],
    ['an empty list of owners', { ...least, owner: { keys: [] } }, 'owner.keys', /at least 1/, /\[\]/],
    ['a key twice', { ...least, owner: { keys: ['a', 'a'] } }, 'owner.keys', /twice/, /"a"/],
    ['no signing key', { ...least, signing: {} }, 'signing.key', /a value/, /nothing/],
    ['no cameras', { ...least, cameras: [] }, 'cameras', /at least 1/, /\[\]/],
    [
      'a camera without a device',
      camera({ input: { device: undefined } }),
      'cameras[0].input.device',
      /a value/,
      /nothing/,
    ],
    [
      'a device that reads as an option',
      camera({ input: { device: '-y' } }),
      'cameras[0].input.device',
      /Device/,
      /"-y"/,
    ],
    [
      'a resolution in words',
      camera({ input: { resolution: 'full hd' } }),
      'cameras[0].input.resolution',
      /Width and height/,
      /"full hd"/,
    ],
    [
      'a frame rate of 0',
      camera({ input: { frameRate: 0 } }),
      'cameras[0].input.frameRate',
      /more than 0 frames per second/,
      /0/,
    ],
    [
      'an unknown encoder',
      camera({ encoder: { name: 'x265' } }),
      'cameras[0].encoder.name',
      /one of "auto"/,
      /"x265"/,
    ],
    [
      'an interval past 2 s',
      camera({ encryptIntervalMs: 2001 }),
      'cameras[0].encryptIntervalMs',
      /at most 2000 milliseconds/,
      /2001/,
    ],
    [
      'half a millisecond',
      camera({ encryptIntervalMs: 20.5 }),
      'cameras[0].encryptIntervalMs',
      /a whole number/,
      /20\.5/,
    ],
    [
      'a directory that leads away',
      camera({ directory: '../etc' }),
      'cameras[0].directory',
      /Directory of this camera/,
      /"\.\.\/etc"/,
    ],
    [
      'an unknown drive',
      { ...least, storage: { driver: 's3' } },
      'storage.driver',
      /"none", "directory", "ftp"/,
      /"s3"/,
    ],
    ['no drive', { ...least, storage: {} }, 'storage.driver', /a value/, /nothing/],
    [
      'an address for a host',
      { ...least, storage: { ...ftp, host: 'ftp://drive' } },
      'storage.host',
      /Name or address/,
      /"ftp:\/\/drive"/,
    ],
    ['a port of 0', { ...least, storage: { ...ftp, port: 0 } }, 'storage.port', /at least 1/, /0/],
    [
      'an old TLS',
      { ...least, storage: { ...ftp, tls: { minimumVersion: 'TLSv1' } } },
      'storage.tls.minimumVersion',
      /one of "TLSv1\.2"/,
      /"TLSv1"/,
    ],
    [
      'a short fingerprint',
      { ...least, storage: { ...ftp, tls: { fingerprint: 'AB:CD' } } },
      'storage.tls.fingerprint',
      /SHA-256/,
      /"AB:CD"/,
    ],
    [
      'no password',
      { ...least, storage: { ...ftp, password: undefined } },
      'storage.password',
      /a value/,
      /nothing/,
    ],
    [
      'a retention below 0',
      { ...least, storage: { ...ftp, retentionDays: -1 } },
      'storage.retentionDays',
      /at least 0 days/,
      /-1/,
    ],
    [
      'recordings of no length',
      { ...least, recordings: { hoursPerRecording: 0 } },
      'recordings.hoursPerRecording',
      /at least 0\.0166 hours/,
      /0/,
    ],
    ['a log level of its own', { ...least, log: { level: 'loud' } }, 'log.level', /one of "error"/, /"loud"/],
    [
      'a monitor that is no address',
      { ...least, monitor: { url: 'hc-ping.com' } },
      'monitor.url',
      /Address to GET/,
      /\(secret\)/,
    ],
  ];
  for (const [title, value, setting, expected, found] of cases) {
    test(title, () => {
      const problem = problemOf(JSON.parse(JSON.stringify(value)), setting);
      assert.match(problem.expected, expected);
      assert.match(problem.found, found);
    });
  }

  test('a mistyped setting is told the right one', () => {
    const problem = problemOf({ ...least, recordings: { retentiondays: 3 } }, 'recordings.retentiondays');
    assert.match(problem.hint ?? '', /recordings\.retentionDays/);
  });

  test('an unknown setting is told those that exist', () => {
    const problem = problemOf({ ...least, storage: { ...ftp, colour: 'red' } }, 'storage.colour');
    assert.match(problem.hint ?? '', /host/);
  });

  test('cameras with one name, or one directory in another case, are told apart', () => {
    const [first] = least.cameras;
    problemOfSettings({ ...least, cameras: [first, first] }, [
      'cameras[1].name',
      'cameras[1].directory',
      'cameras[1].driveDirectory',
    ]);
    problemOfSettings({ ...least, cameras: [first, { ...first, name: 'b', directory: 'FRONT-door' }] }, [
      'cameras[1].directory',
    ]);
  });

  test('a zone that another has the name of, or that leaves the picture, is told', () => {
    const zone = { name: 'door', x: 60, y: 0, width: 40, height: 100 };
    const value = (other: object): object => camera({ motion: { zones: [zone, { ...zone, ...other }] } });
    problemOfSettings(value({ name: 'gate' }), []);
    problemOfSettings(value({}), ['cameras[0].motion.zones[1].name']);
    problemOfSettings(value({ name: 'gate', width: 41, y: 1 }), [
      'cameras[0].motion.zones[1].width',
      'cameras[0].motion.zones[1].height',
    ]);
  });

  test('sound comes from a microphone or from the camera, and nothing else', () => {
    problemOfSettings(camera({ audio: { from: 'camera' } }), []);
    problemOfSettings(camera({ audio: { from: 'microphone' } }), ['cameras[0].audio.device']);
    problemOfSettings(camera({ audio: { from: 'air' } }), ['cameras[0].audio.from']);
    problemOfSettings(camera({ audio: { from: 'camera', device: 'hw:1' } }), ['cameras[0].audio.device']);
  });

  test('all problems are told at once', () => {
    problemOfSettings({ ...least, signing: {}, log: { level: 1 }, extra: true }, [
      'extra',
      'signing.key',
      'log.level',
    ]);
  });

  test('a secret is never shown, whatever is wrong with it', () => {
    const value = { ...least, storage: { ...ftp, password: 'hunter2\n' } };
    assert.doesNotMatch(messageOf(value), /hunter2/);
    assert.match(messageOf(value), /storage\.password/);
    // Even where the mistake is around it.
    assert.doesNotMatch(messageOf({ ...least, storage: [ftp] }), /hunter2/);
    assert.doesNotMatch(messageOf({ ...least, storage: { ...ftp, password: { is: 'hunter2' } } }), /hunter2/);
    assert.doesNotMatch(messageOf([ftp]), /hunter2/);
    assert.doesNotMatch(messageOf({ ...least, owner: ftp }), /hunter2/);
  });
});

function problemOfSettings(value: unknown, settings: string[]): void {
  assert.deepEqual(
    problemsOf(value)
      .map((problem) => problem.setting)
      .sort(),
    [...settings].sort(),
  );
}

function messageOf(value: unknown): string {
  try {
    validateConfig(value);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return `${error.message} ${error.hint}`;
  }
  throw new Error('it was accepted');
}

describe('loading', () => {
  const inDirectory = async (run: (directory: string) => Promise<void>): Promise<void> => {
    const directory = mkdtempSync(path.join(tmpdir(), 'encrocam-config-'));
    try {
      await run(directory);
    } finally {
      rmSync(directory, { recursive: true });
    }
  };

  test('makes paths absolute from where the file is, and fills in directories', () => {
    const config = resolveConfig(validateConfig(least), '/etc/encrocam/config.json');
    assert.deepEqual(config.owner, { keys: ['/etc/encrocam/owner.asc'] });
    assert.equal(config.signing.key, '/etc/encrocam/camera.secret.asc');
    assert.equal(config.cameras[0]?.localDirectory, '/var/lib/encrocam/recordings/front-door');
    assert.equal(config.cameras[0]?.driveDirectory, 'front-door');
    assert.equal(config.slotMs, 3_600_000);
  });

  test('tells a missing file from one that is not JSON, without quoting it', () =>
    inDirectory(async (directory) => {
      const file = path.join(directory, 'config.json');
      await assert.rejects(loadConfig(file), (error) => isEncroCamError(error, 'CONFIG_UNREADABLE'));
      writeFileSync(file, '{\n  "storage": { "password": hunter2 }\n}');
      await assert.rejects(loadConfig(file), (error) => {
        assert.ok(isEncroCamError(error, 'CONFIG_UNREADABLE'));
        assert.match(error.message, /line 2, column 28/);
        assert.doesNotMatch(error.message, /hunter2/);
        return true;
      });
      for (const text of ['', '{', Buffer.from([0xff, 0xfe, 0]), 'x'.repeat(2_000_000)]) {
        writeFileSync(file, text);
        await assert.rejects(loadConfig(file), (error) => isEncroCamError(error, 'CONFIG_UNREADABLE'));
      }
    }));

  test('finds the file by option, environment, default, in this order', () => {
    assert.equal(configFileFrom('a.json', { ENCROCAM_CONFIG: 'b.json' }), 'a.json');
    assert.equal(configFileFrom(undefined, { ENCROCAM_CONFIG: 'b.json' }), 'b.json');
    assert.equal(configFileFrom(undefined, {}), '/etc/encrocam/config.json');
  });
});

describe('the schema', () => {
  test('describes every setting', () => {
    const visit = (node: SchemaNode, name: string): void => {
      for (const [key, raw] of Object.entries(node.properties ?? {})) {
        const child = resolveNode(raw);
        if (child.const === undefined) assert.ok(child.description, `${name}.${key} has no description`);
        visit(child, `${name}.${key}`);
        if (child.items) visit(resolveNode(child.items), `${name}.${key}[]`);
      }
      for (const one of node.oneOf ?? []) visit(resolveNode(one), name);
    };
    visit(configSchema, '');
    for (const [name, node] of Object.entries(configSchema.$defs ?? {})) visit(node, name);
  });

  test('finds the node of a setting, the driver of storage decided by its value', () => {
    const config = { storage: ftp };
    assert.equal(nodeAt(['storage', 'password'], config)?.secret, true);
    assert.equal(nodeAt(['storage', 'password'], { storage: { driver: 'none' } }), undefined);
    assert.equal(nodeAt(['cameras', '0', 'input', 'resolution'], {})?.unit, 'pixels');
    assert.equal(nodeAt(['nothing'], {}), undefined);
  });

  test('knows what is secret, so that a printed configuration holds none of it', () => {
    const config = validateConfig({
      ...least,
      cameras: [
        {
          name: 'a',
          input: { format: 'rtsp', device: 'rtsp://me:hunter2@192.0.2.1/live' },
          motion: { webhook: 'https://hook.example/hunter2' },
        },
      ],
      storage: ftp,
      monitor: { url: 'https://m.example/hunter2' },
    });
    const shown = JSON.stringify(withoutSecrets(config, configSchema));
    assert.doesNotMatch(shown, /hunter2/);
    assert.match(shown, /drive\.example\.com/);
  });
});
