/** `encrocam pair` as an owner runs it: key file, words, answers, and every way to show codes. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { copyFile, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import vm from 'node:vm';
import { readOwnerFile, writeOwnerFile } from '../../ledger/owner/key-file.ts';
import { findCamera, kekOf, newKey, replaceCamera } from '../../ledger/owner/owner.ts';
import { walletFromEntropy, wordsOf } from '../../ledger/owner/wallet.ts';
import { CodeCollector } from '../../ledger/pairing/codes.ts';
import { checkMessage, decodeMessage, maxAgeMs, type PairingMessage } from '../../ledger/pairing/message.ts';
import { validatePartialAnswers } from '../../provision/answers/validate.ts';
import { readCode } from '../support/read-code.ts';
import { Terminal, type TerminalOptions } from '../support/terminal.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const cli = path.join(root, 'runtime/cli.ts');
const passphrase = 'six words picked at random';

let directory: string;
let ownerFile: string;
let terminal: Terminal | undefined;

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'encrocam-pair-'));
  ownerFile = path.join(directory, 'keys/owner.json');
});

afterEach(async () => {
  terminal?.end();
  terminal = undefined;
  await rm(directory, { recursive: true, force: true });
});

interface Ran {
  readonly status: number | null;
  readonly output: string;
  readonly errors: string;
}

/** Without a terminal: a session of its own has none. */
async function pair(args: readonly string[], env: Record<string, string> = {}): Promise<Ran> {
  const child = spawn(process.execPath, [cli, 'pair', '--owner', ownerFile, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    env: { ...process.env, ENCROCAM_OWNER_PASSPHRASE: passphrase, ...env },
  });
  let [output, errors] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  const status = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { status, output, errors };
}

function inTerminal(args: readonly string[], options: TerminalOptions = {}): Terminal {
  terminal = new Terminal([process.execPath, cli, 'pair', '--owner', ownerFile, ...args].join(' '), options);
  return terminal;
}

interface Told {
  readonly owner: string;
  readonly camera: string;
  readonly codes: string[];
  readonly files: string[];
}

async function told(args: readonly string[], env: Record<string, string> = {}): Promise<Told & Ran> {
  const ran = await pair(['--json', ...args], env);
  assert.equal(ran.status, 0, ran.errors);
  return { ...JSON.parse(ran.output), ...ran };
}

/** What a camera makes of codes. */
async function messageOf(codes: readonly string[]): Promise<PairingMessage> {
  const collector = new CodeCollector();
  const seen = codes.map((code) => collector.take(code)).at(-1);
  assert.ok(seen?.outcome === 'message');
  const message = decodeMessage(seen.message);
  await checkMessage(message, { nowMs: Date.now(), clockIsSynchronised: true, knownNonces: new Set() });
  return message;
}

test('the first pairing makes a key file for its user alone, and the camera gets what is in it', async () => {
  const { codes, owner } = await told(['--yes', '--name', 'garden']);
  const message = await messageOf(codes);
  assert.equal((await stat(ownerFile)).mode & 0o777, 0o600);
  const kept = await readOwnerFile(ownerFile, passphrase);
  const camera = findCamera(kept, 'garden');
  assert.ok(camera);
  assert.equal(walletFromEntropy(kept.entropy).address, owner);
  assert.equal(message.owner, owner);
  assert.deepEqual(message.salt, camera.salt);
  assert.deepEqual(message.kek, kekOf(kept, camera));
  assert.deepEqual(
    camera.keys.map(({ madeMs: _, ...key }) => key),
    [message.recordings, message.live],
  );
  assert.equal(message.answers, undefined);
});

test('a name that was paired gets the same keys again under another nonce, or new ones; another name has its own', async () => {
  const first = await messageOf((await told(['--yes'])).codes);
  const again = await messageOf((await told([])).codes);
  assert.deepEqual(again.kek, first.kek);
  assert.deepEqual(again.recordings, first.recordings);
  assert.notDeepEqual(again.nonce, first.nonce);
  const other = await messageOf((await told(['--name', 'other'])).codes);
  assert.notDeepEqual(other.kek, first.kek);
  const reset = await messageOf((await told(['--new-keys'])).codes);
  assert.notDeepEqual(reset.kek, first.kek);
  assert.notDeepEqual(reset.recordings, first.recordings);

  const kept = await readOwnerFile(ownerFile, passphrase);
  assert.deepEqual(
    kept.cameras.map(({ name }) => name),
    ['camera', 'other', 'camera'],
  );
  // Old recordings stay readable.
  assert.ok(kept.cameras[0]?.keys[0]?.key.equals(first.recordings.key));
  const camera = findCamera(kept, 'camera');
  assert.ok(camera);
  const rotated = { ...camera, keys: [...camera.keys, newKey('recordings', 2, Date.now())] };
  await writeOwnerFile(ownerFile, passphrase, replaceCamera(kept, camera, rotated));
  const refused = await pair(['--json']);
  assert.equal(refused.status, 1);
  assert.match(refused.errors, /has had new keys.*\[USAGE\]\n.*--new-keys/);
});

test('a wrong passphrase is told apart from a damaged file, and neither changes it', async () => {
  await told(['--yes']);
  const before = await readFile(ownerFile, 'utf8');
  const wrong = await pair(['--json'], { ENCROCAM_OWNER_PASSPHRASE: 'another one' });
  assert.equal(wrong.status, 1);
  assert.match(wrong.errors, /does not open .*\[KEY_LOCKED\]/);
  assert.equal(await readFile(ownerFile, 'utf8'), before);
  await writeFile(ownerFile, before.replace(/"sealed": "0x..../, '"sealed": "0x1234'));
  assert.match((await pair(['--json'])).errors, /damaged\. \[OWNER_FILE_UNREADABLE\]/);
});

test('the words make the same owner again, and with the salt the same key-encryption key', async () => {
  const { owner } = await told(['--yes']);
  const words = await pair(['--words']);
  const kept = await readOwnerFile(ownerFile, passphrase);
  for (const [index, word] of wordsOf(kept.entropy).entries()) {
    assert.match(words.output, new RegExp(`\\b${index + 1} ${word}\\b`));
  }
  const there = await pair(['--json', '--restore'], {
    ENCROCAM_OWNER_WORDS: wordsOf(kept.entropy).join(' '),
  });
  assert.match(there.errors, /there already/);
  ownerFile = path.join(directory, 'restored.json');
  const env = {
    ENCROCAM_OWNER_WORDS: wordsOf(kept.entropy).join('\n'),
    ENCROCAM_OWNER_PASSPHRASE: 'new passphrase',
  };
  assert.equal((await told(['--restore'], env)).owner, owner);
  const restored = await readOwnerFile(ownerFile, 'new passphrase');
  assert.deepEqual(restored.entropy, kept.entropy);
  const [camera] = kept.cameras;
  assert.ok(camera);
  assert.deepEqual(kekOf(restored, camera), kekOf(kept, camera));

  const wrong = { ...env, ENCROCAM_OWNER_WORDS: 'abandon '.repeat(24) };
  ownerFile = path.join(directory, 'none.json');
  const refused = await pair(['--json', '--restore'], wrong);
  assert.match(refused.errors, /do not belong together.*\[USAGE\]/);
  assert.doesNotMatch(refused.errors, /abandon/);
  const missing = await pair(['--words']);
  assert.match(missing.errors, /no such file.*\[OWNER_FILE_UNREADABLE\]/);
});

test('answers go into the codes as the file has them, with keys instead of files and without the passphrase', async () => {
  const vectors = path.join(root, 'test/vectors/encrocrypt2');
  await copyFile(path.join(vectors, 'owner.public.asc'), path.join(directory, 'owner.asc'));
  const answers = path.join(directory, 'answers.json');
  await writeFile(
    answers,
    JSON.stringify({
      $schema: './schema.json',
      hostName: 'front-door',
      unlocking: { passphrase: 'the disk opens by this' },
      owner: { keys: [{ from: 'file', file: 'owner.asc' }] },
      storage: { driver: 'ftp', host: 'drive.example.com', user: 'u1', password: 'of the drive' },
    }),
  );
  const args = ['--yes', '--answers', answers, '--wifi', 'home', '--wifi-country', 'DE', '--hint', 'the cat'];
  const env = { ENCROCAM_WIFI_PASSPHRASE: 'eight letters' };
  const { codes, errors, camera } = await told(args, env);
  assert.equal(camera, 'front-door');
  assert.match(errors, /passphrase, and how the camera is unlocked, is not in the codes/);
  assert.doesNotMatch(errors, /the disk opens|of the drive|eight letters/);
  const message = await messageOf(codes);
  assert.equal(message.hint, 'the cat');
  // biome-ignore lint/suspicious/noExplicitAny: looked at member by member
  const { owner, ...rest } = message.answers as any;
  assert.deepEqual(rest, {
    hostName: 'front-door',
    network: { wifi: { ssid: 'home', country: 'DE', passphrase: 'eight letters' } },
    storage: { driver: 'ftp', host: 'drive.example.com', user: 'u1', password: 'of the drive' },
  });
  assert.equal(owner.keys[0].from, 'text');
  assert.match(owner.keys[0].armored, /BEGIN PGP PUBLIC KEY/);
  validatePartialAnswers(message.answers);

  const all = await messageOf((await told([...args, '--with-passphrase'], env)).codes);
  assert.deepEqual(all.answers?.unlocking, { passphrase: 'the disk opens by this' });
});

test('what is wrong with options and answers is told before a key file is made', async () => {
  const answers = path.join(directory, 'answers.json');
  await writeFile(answers, '{"hostName": "not a name!", "unlocking": {"passphrase": "hunter2"}}');
  for (const [args, what] of [
    [['--json', '--answers', answers], /\[CONFIG_INVALID\]/],
    [['--json', '--answers', `${answers}x`], /\[CONFIG_UNREADABLE\]/],
    [['--json', '--openpgp', 'https://example.com/key.asc'], /--fingerprint.*\[USAGE\]/],
    [['--json', '--openpgp', answers], /\[KEY_UNREADABLE\]/],
    [['--json', '--wifi', 'home'], /--wifi-country.*\[USAGE\]/],
    [['--json', '--hint', 'x'.repeat(201)], /--hint.*\[USAGE\]/],
    [['--json', '--name', 'x'.repeat(65)], /--name.*\[USAGE\]/],
    [['--json', '--with-passphrase'], /--answers.*\[USAGE\]/],
    [['--json', 'garden'], /options only.*\[USAGE\]/],
    [['--terminal'], /no terminal.*\[USAGE\]/],
    [[], /no terminal.*\[USAGE\]/],
    // Nobody could see the words of a new wallet.
    [['--json'], /shown on a terminal only.*\[USAGE\]/],
  ] as const) {
    const { status, errors, output } = await pair(args);
    assert.equal(status, 1, args.join(' '));
    assert.match(errors, what);
    assert.doesNotMatch(errors + output, /hunter2/);
  }
  const short = await pair(['--json', '--yes'], { ENCROCAM_OWNER_PASSPHRASE: 'short' });
  assert.match(short.errors, /too short.*\[USAGE\]/);
  await assert.rejects(stat(ownerFile));
});

test('an address of a key goes into the codes with its fingerprint', async () => {
  const fingerprint = 'AB'.repeat(20);
  const args = ['--yes', '--openpgp', 'https://example.com/key.asc', '--fingerprint', fingerprint];
  const { answers } = await messageOf((await told(args)).codes);
  assert.deepEqual(answers, {
    owner: { keys: [{ from: 'url', url: 'https://example.com/key.asc', fingerprint }] },
  });
});

test('pictures and the page hold the codes, for their user alone, and nothing is overwritten', async () => {
  const [pictures, page] = [path.join(directory, 'png'), path.join(directory, 'page.html')];
  const { codes, files } = await told(['--yes', '--png', pictures, '--page', page]);
  assert.equal((await readdir(pictures)).length, codes.length);
  for (const [index, code] of codes.entries())
    assert.equal(await readCode(await readFile(files[index] ?? '')), code);
  const html = await readFile(page, 'utf8');
  assert.equal(html.match(/<svg /g)?.length, codes.length);
  assert.doesNotMatch(html.replaceAll('http://www.w3.org/2000/svg', ''), /https?:/);
  for (const file of files) assert.equal((await stat(file)).mode & 0o777, 0o600);
  assert.equal(files.length, codes.length + 1);
  assert.match((await pair(['--page', page])).errors, /EEXIST.*\[INPUT_UNREADABLE\]/);
});

test("the page's script shows one code after the other, stops at a key, and ends when they are too old", async () => {
  const page = path.join(directory, 'page.html');
  const { codes } = await told(['--yes', '--page', page]);
  const script = /<script>(.*)<\/script>/s.exec(await readFile(page, 'utf8'))?.[1] ?? '';
  const shown = codes.map(() => false);
  const elements = codes.map((_, index) => ({
    classList: { add: () => (shown[index] = true), remove: () => (shown[index] = false) },
    remove: () => (shown[index] = false),
  }));
  const line = { textContent: '' };
  let tick = (): void => assert.fail('no timer');
  let nowMs = Date.now();
  const listeners = new Map<string, (event: { key: string }) => void>();
  vm.runInNewContext(script, {
    document: { querySelectorAll: () => elements, querySelector: () => line },
    setInterval: (work: () => void) => (tick = work),
    addEventListener: (name: string, listener: () => void) => listeners.set(name, listener),
    navigator: {},
    Date: { now: () => nowMs },
  });
  const now = (): number[] => shown.flatMap((isShown, index) => (isShown ? [index] : []));
  assert.deepEqual(now(), [0]);
  tick();
  assert.deepEqual(now(), [1]);
  listeners.get('keydown')?.({ key: ' ' });
  tick();
  assert.deepEqual(now(), [1]);
  assert.match(line.textContent, /^Code 2 of \d+, paused/);
  listeners.get('keydown')?.({ key: 'ArrowLeft' });
  listeners.get('keydown')?.({ key: 'ArrowLeft' });
  assert.deepEqual(now(), [codes.length - 1]);
  listeners.get('keydown')?.({ key: ' ' });
  tick();
  assert.deepEqual(now(), [0]);
  nowMs += maxAgeMs + 1000;
  tick();
  assert.deepEqual(now(), []);
  assert.match(line.textContent, /over an hour old/);
});

test('on a terminal: words once, some of them back, the passphrase twice, then codes until a key', async () => {
  const screen = inTerminal(['--name', 'door']);
  let all = '';
  const see = async (pattern: RegExp): Promise<RegExpExecArray> => {
    const found = await screen.expect(pattern);
    all += found[0];
    return found;
  };
  await see(/New passphrase for .*\(not shown\): /);
  screen.type(`${passphrase}\r`);
  await see(/Again \(not shown\): /);
  screen.type(`${passphrase}\r`);
  const [, list = ''] = await see(/\[\?1049h[\s\S]*?The 24 words([\s\S]*)Press Enter[^.]*\. /);
  const words = new Map(
    [...list.matchAll(/(\d+) ([a-z]+)/g)].map(([, number, word]) => [Number(number), word]),
  );
  assert.equal(words.size, 24);
  screen.type('\r');
  await see(/\[\?1049l/);
  for (let asked = 0; asked < 3; asked++) {
    const [, number] = await see(/Word (\d+) \(not shown\): /);
    if (asked === 0) {
      screen.type('another\r');
      await see(/That is another word\.[\s\S]*Word \d+ \(not shown\): /);
    }
    screen.type(`${words.get(Number(number))}\r`);
  }
  await see(/Made .*owner\.json; the owner is 0x[0-9a-f]{40}/);
  await see(/\[\?1049h[\s\S]*[█▀▄][\s\S]* Code 1 of (\d+)\./);
  await see(/ Code 2 of \d+\./);
  screen.type(' ');
  await see(/ Code \d+ of \d+, paused\./);
  screen.type('\u001b[C');
  await see(/ Code \d+ of \d+, paused\./);
  screen.type('q');
  await see(/\[\?1049l[\s\S]*The keys of door are in .*keep a copy/);
  assert.equal(await screen.ended, 0);
  assert.doesNotMatch(all, /six words/);
  const kept = await readOwnerFile(ownerFile, passphrase);
  assert.deepEqual(
    wordsOf(kept.entropy),
    [...words].sort(([one], [other]) => one - other).map(([, word]) => word),
  );
});

test('a terminal that is too small is told what it lacks, and shows nothing', async () => {
  await told(['--yes']);
  const screen = inTerminal([], { columns: 60, rows: 20, env: { ENCROCAM_OWNER_PASSPHRASE: passphrase } });
  await screen.expect(
    /too small for the codes[\s\S]*45 columns and 24 lines; here are 60 and 20[\s\S]*--browser/,
  );
  assert.equal(await screen.ended, 1);
});

test('words that are not typed back, or passphrases that differ, make no file', async () => {
  const mistyped = inTerminal([]);
  await mistyped.expect(/New passphrase .*: /);
  mistyped.type(`${passphrase}\r`);
  await mistyped.expect(/Again .*: /);
  mistyped.type('another one\r');
  await mistyped.expect(/not the same\. \[USAGE\]/);
  assert.equal(await mistyped.ended, 1);

  const screen = inTerminal([], { env: { ENCROCAM_OWNER_PASSPHRASE: passphrase } });
  await screen.expect(/Press Enter/);
  screen.type('\r');
  for (let attempt = 0; attempt < 3; attempt++) {
    await screen.expect(/Word \d+ \(not shown\): /);
    screen.type('wrong\r');
  }
  await screen.expect(/nothing was made\. \[USAGE\]/);
  assert.equal(await screen.ended, 1);
  await assert.rejects(stat(ownerFile));
});

test('the page for a browser is in a directory of its own, and gone after Enter', async () => {
  const env = { ENCROCAM_OWNER_PASSPHRASE: passphrase, TMPDIR: directory, PATH: '/nowhere' };
  await told(['--yes']);
  const screen = inTerminal(['--browser'], { env: { ...env, PATH: '/usr/bin:/bin' } });
  const [, file = ''] = await screen.expect(/file:\/\/(\S+codes\.html)/);
  await screen.expect(/Press Enter/);
  assert.match(await readFile(file, 'utf8'), /<svg /);
  assert.equal((await stat(path.dirname(file))).mode & 0o777, 0o700);
  screen.type('\r');
  assert.equal(await screen.ended, 0);
  await assert.rejects(stat(path.dirname(file)));
});
