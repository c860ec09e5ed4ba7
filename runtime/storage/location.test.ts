import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isEncroCamError } from '../errors.ts';
import { type ParseLocationOptions, parseLocation } from './location.ts';

const asked: string[] = [];
const options: ParseLocationOptions = {
  env: {},
  askPassword: async (prompt) => {
    asked.push(prompt);
    return 'typed';
  },
};

describe('parseLocation', () => {
  it('takes anything without a scheme as a path', async () => {
    for (const text of ['a.encrocam', '/x/y', './ftps:/x', '-']) {
      assert.deepEqual(await parseLocation(text, options), { kind: 'path', path: text });
    }
  });

  it('reads user, host, port and path, and asks for the password', async () => {
    const location = await parseLocation('ftps://anna%40home@drive.example:2121/front%20door/x', options);
    assert.ok(location.kind === 'drive');
    assert.equal(location.path, '/front door/x');
    const { host, port, user, password, tls } = location.settings;
    assert.deepEqual([host, port, user, password], ['drive.example', 2121, 'anna@home', 'typed']);
    assert.equal(tls.mode, 'explicit');
    assert.deepEqual(asked, ['Password of anna@home on drive.example: ']);
  });

  it('takes the password from the environment without asking', async () => {
    const location = await parseLocation('ftps://anna@[::1]/', {
      env: { ENCROCAM_FTP_PASSWORD: 'from the environment' },
      askPassword: () => Promise.reject(new Error('asked')),
    });
    assert.ok(location.kind === 'drive');
    assert.equal(location.settings.password, 'from the environment');
    assert.equal(location.settings.host, '::1');
    assert.equal(location.settings.port, 21);
  });

  it('speaks plain FTP only for ftp://', async () => {
    const location = await parseLocation('ftp://anna@drive.example/', options);
    assert.ok(location.kind === 'drive');
    assert.equal(location.settings.tls.mode, 'off');
  });

  it("takes what the configuration says of this drive, and not of another's", async () => {
    const known = await parseLocation('ftps://anna@drive.example/', options);
    assert.ok(known.kind === 'drive');
    const settings = {
      ...known.settings,
      password: 'configured',
      tls: { ...known.settings.tls, fingerprint: 'AA' },
    };
    const same = await parseLocation('ftps://anna@drive.example/x', { ...options, known: settings });
    const other = await parseLocation('ftps://anna@other.example/x', { ...options, known: settings });
    assert.ok(same.kind === 'drive' && other.kind === 'drive');
    assert.deepEqual([same.settings.password, same.settings.tls.fingerprint], ['configured', 'AA']);
    assert.deepEqual([other.settings.password, other.settings.tls.fingerprint], ['typed', undefined]);
  });

  it('refuses a password in the address, and does not repeat it', async () => {
    await assert.rejects(parseLocation('ftps://anna:hunter22@drive.example/', options), (error) => {
      assert.ok(isEncroCamError(error, 'USAGE'));
      assert.ok(!`${error.message}${error.hint}`.includes('hunter22'));
      return true;
    });
  });

  it('refuses other schemes, and addresses without user or host', async () => {
    for (const text of [
      'sftp://a@b/',
      'https://a@b/',
      'ftps://drive.example/',
      'ftps://',
      'ftps://a@b/?x',
      'ftps://a@b/%zz',
    ]) {
      await assert.rejects(parseLocation(text, options), (error) => isEncroCamError(error, 'USAGE'), text);
    }
  });
});
