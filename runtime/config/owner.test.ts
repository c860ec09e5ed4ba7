/** For whom a camera records: owners with OpenPGP keys, one without, or both. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveConfig } from './load.ts';
import { ConfigError, validateConfig } from './validate.ts';

const rest = {
  signing: { key: 'camera.secret.asc' },
  cameras: [{ name: 'front-door', input: { device: '/dev/video0' } }],
};
const symmetricKeys = 'state/owner-keys.json';

test('an owner may have an OpenPGP key, others, or both', () => {
  const ownerOf = (owner: object) =>
    resolveConfig(validateConfig({ ...rest, owner }), '/e/config.json').owner;
  assert.deepEqual(ownerOf({ keys: ['owner.asc'] }), { keys: ['/e/owner.asc'] });
  assert.deepEqual(ownerOf({ symmetricKeys }), { keys: [], symmetricKeys: '/e/state/owner-keys.json' });
  assert.deepEqual(ownerOf({ keys: ['a', 'b'], symmetricKeys }).keys, ['/e/a', '/e/b']);
});

test('a camera that records for nobody is refused, and so is a format that does not know its owner', () => {
  const refused = (value: object, setting: string): void =>
    assert.throws(
      () => validateConfig({ ...rest, ...value }),
      (error) => error instanceof ConfigError && error.problems.map((one) => one.setting).join() === setting,
    );
  refused({ owner: {} }, 'owner.keys');
  refused({ owner: { keys: [] } }, 'owner.keys');
  refused({ owner: { symmetricKeys: '' } }, 'owner.symmetricKeys');
  const recordings = { format: 'encrocrypt2' };
  refused({ owner: { symmetricKeys }, recordings }, 'recordings.format');
  refused({ owner: { keys: ['owner.asc'], symmetricKeys }, recordings }, 'recordings.format');
});
