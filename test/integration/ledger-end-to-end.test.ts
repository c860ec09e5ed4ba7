/**
 * The whole way of a camera with a ledger: the owner's codes as pictures, the keys that come out of them, recordings of two hours, the
 * claim and a checkpoint on a chain, a real FTP drive, and what `verify --chain` tells the owner of it: of the drive, and of copies of it
 * that somebody tampered with.
 */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { createWalletClient, type Hex, http } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { checkpointsAbi } from '../../contracts/index.ts';
import { CodeCollector } from '../../ledger/pairing/codes.ts';
import { checkMessage, decodeMessage, type PairingMessage } from '../../ledger/pairing/message.ts';
import { encodeTreeFile, makeTreeFile, treeFileName } from '../../ledger/trees/files.ts';
import { hexOf } from '../../ledger/trees/hex.ts';
import { loadSealingKeys } from '../../runtime/pgp/seal.ts';
import { recordingAt } from '../../runtime/recordings/names.ts';
import { cameraKeysFile, writeCameraKeys } from '../../runtime/video-keys/camera-keys.ts';
import { startFtpServer } from '../ftp-servers/index.ts';
import { ownerFile } from '../support/camera-recordings.ts';
import { startContracts } from '../support/contracts-on-anvil.ts';
import { startNodeProxy } from '../support/node-proxy.ts';
import { readCode } from '../support/read-code.ts';
import { signedRun } from '../support/synthetic-run.ts';
import { type Verified, verify } from '../support/verify-command.ts';

const run = promisify(execFile);
const encrocam = path.join(import.meta.dirname, '../../bin/encrocam');
const shiftClock = path.join(import.meta.dirname, '../support/shift-clock.ts');
const passphrase = 'six words picked at random';
const hourMs = 3_600_000;
const chainId = 4242;

test('from codes to a proof, and to what is told of a tampered, a removed and a back-dated recording, and of a lying node', async (context) => {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'encrocam-ledger-'));
  const leave: (() => Promise<unknown>)[] = [() => rm(directory, { recursive: true, force: true })];
  context.after(async () => {
    for (const step of leave.reverse()) await step();
  });
  const at = (...names: string[]): string => path.join(directory, ...names);
  // The chain is of two hours ago: what is recorded an hour ago by its own clock comes behind its first blocks.
  const [contracts, server] = await Promise.all([
    startContracts({ chainId, startSeconds: Math.floor((Date.now() - 2 * hourMs) / 1000) }),
    startFtpServer({ software: 'proftpd' }),
  ]);
  leave.push(
    () => contracts.anvil.stop(),
    () => server.stop(),
  );
  const nodes = await Promise.all([1, 2, 3].map(() => startNodeProxy(contracts.anvil.url)));
  leave.push(() => Promise.all(nodes.map((node) => node.stop())));

  // The owner's side: pictures of codes. The camera's: what is read from them.
  const message = await pair(at('owner.json'), at('codes'));
  await run(encrocam, ['keygen', '--out', at('camera')]);
  const config = {
    owner: { symmetricKeys: cameraKeysFile },
    signing: { key: 'camera.secret.asc' },
    cameras: [
      {
        name: 'yard',
        input: { format: 'lavfi', device: 'testsrc2=size=320x180:rate=10' },
        encoder: { name: 'libx264', preset: 'ultrafast', keyFrameIntervalSeconds: 1 },
      },
    ],
    recordings: { directory: 'disk', keepFreeMegabytes: 0 },
    storage: {
      ...{
        driver: 'ftp',
        host: server.host,
        port: server.port,
        user: server.user,
        password: server.password,
      },
      tls: { fingerprint: server.fingerprint },
    },
    ledger: {
      ...{ chainId, rpcUrls: nodes.map(({ url }) => url), contracts: contracts.addresses },
      ...{ owner: message.owner, periodMinutes: 1, confirmations: 1 },
    },
    log: { level: 'info', format: 'json' },
  };
  await writeFile(at('config.json'), JSON.stringify(config));
  const identity = await run(encrocam, ['identity', '--config', at('config.json'), '--json']);
  const { address: camera } = JSON.parse(identity.stdout) as { address: Hex };
  await contracts.anvil.rpc('anvil_setBalance', camera, '0xde0b6b3a7640000');
  await mkdir(path.dirname(at(cameraKeysFile)), { recursive: true });
  await writeCameraKeys(at(cameraKeysFile), {
    camera: Buffer.from(camera.slice(2), 'hex'),
    owner: Buffer.from(message.owner.slice(2), 'hex'),
    kek: message.kek,
    keys: { recordings: message.recordings, live: message.live },
  });

  // Claims the owner, and tells the recorder of a block.
  await service('ledger');
  await record(-hourMs);
  await record(0);
  await contracts.anvil.rpc('evm_increaseTime', (2 * hourMs) / 1000);
  await contracts.anvil.rpc('evm_mine');
  await service('ledger');
  await service('sync');

  const asOwner = [
    '--signed-by',
    at('camera.public.asc'),
    '--owner',
    message.owner,
    '--ledger-camera',
    camera,
  ];
  // The contracts are where this program looks for them by itself.
  const byChain = (rpcUrls: readonly string[]): string[] => [
    ...['--chain', '--chain-id', `${chainId}`, '--confirmations', '1'],
    ...rpcUrls.flatMap((url) => ['--rpc', url]),
  ];
  const ask = (place: string, ...more: string[]): Promise<Verified> =>
    verify([place, ...asOwner, ...byChain(nodes.map(({ url }) => url)), ...more], {
      ENCROCAM_FTP_PASSWORD: server.password,
    });
  const drive = path.join(server.rootDirectory, 'yard');
  const names = (await readdir(drive)).sort();
  const [first = '', second = ''] = names.filter((name) => name.endsWith('.encrocam'));
  assert.notEqual(second, '', names.join());

  const whole = await ask(
    `ftps://${server.user}@${server.host}:${server.port}/yard`,
    ...['--tls-fingerprint', server.fingerprint],
  );
  assert.equal(whole.exitCode, 0, whole.output + whole.errors);
  assert.match(whole.output, new RegExp(`camera ${camera} belongs to ${message.owner} since`));
  assert.match(whole.output, /2 of 2 runs; existed before block \d+ at/);
  assert.equal(whole.output.match(/recorded after block \d+ at/g)?.length, 2);
  assert.match(whole.output, /2 of 2 runs proven, as the chain has it/);

  const copy = async (name: string): Promise<string> => {
    const target = at(name, 'yard');
    await cp(drive, target, { recursive: true });
    return target;
  };
  await context.test('the owner can watch what was recorded, with the wallet of the codes', async () => {
    const args = ['--owner', at('owner.json'), '--signed-by', at('camera.public.asc')];
    await run(encrocam, ['decrypt', path.join(drive, first), at('watched.mp4'), ...args], {
      env: { ...process.env, ENCROCAM_OWNER_PASSPHRASE: passphrase },
    });
    const probe = await run('ffprobe', [
      '-v',
      'error',
      '-show_entries',
      'stream=codec_name',
      at('watched.mp4'),
    ]);
    assert.match(probe.stdout, /h264/);
  });

  await context.test('tampered: its end is cut off', async () => {
    const place = await copy('tampered');
    const bytes = await readFile(path.join(place, first));
    await writeFile(path.join(place, first), bytes.subarray(0, bytes.length - 1000));
    const { exitCode, output } = await ask(place);
    assert.equal(exitCode, 2);
    assert.match(output, new RegExp(`${first}: the run of .* was committed with `));
  });

  await context.test('removed: the newest, which nothing else names', async () => {
    const place = await copy('removed');
    await rm(path.join(place, second));
    const { exitCode, output } = await ask(place);
    assert.equal(exitCode, 2);
    assert.match(output, new RegExp(`1 of 2 runs are here; missing: yard/${second}`));
  });

  await context.test("dated back by a thief of the camera's keys, who commits it too", async () => {
    const place = await copy('dated-back');
    const startMs = Date.now() - 0.5 * hourMs;
    const { fileName } = recordingAt(startMs, 60_000);
    const stolen = await loadSealingKeys([ownerFile], at('camera.secret.asc'));
    const forged = await signedRun(stolen, { statement: { recording: fileName, startMs } });
    await writeFile(path.join(place, fileName), forged.bytes);
    const before = await ask(place);
    assert.equal(before.exitCode, 2);
    assert.match(before.output, new RegExp(`${fileName}: the run of .* in none of them: added afterwards`));
    await commitStolen(place, fileName, hexOf(forged.runId), hexOf(forged.link), startMs);
    const { exitCode, output } = await ask(place);
    assert.equal(exitCode, 2);
    assert.match(output, new RegExp(`${fileName}: the run of .* before its period, .*dated back`));
    assert.match(output, /2 checkpoints/);
  });

  await context.test('a node that lies: nothing is concluded', async () => {
    const [liar] = nodes;
    assert.ok(liar);
    liar.lie = (method, _, truth) =>
      method === 'eth_getBlockByNumber' ? { ...(truth as object), timestamp: '0x1' } : truth;
    const { exitCode, output, errors } = await ask(drive);
    assert.equal(exitCode, 1);
    assert.equal(output, '');
    assert.match(errors, /CHAIN_DISAGREES/);
  });

  async function service(name: 'ledger' | 'sync'): Promise<void> {
    await run(encrocam, [name, '--once', '--config', at('config.json')]).catch((error: { stderr: string }) =>
      assert.fail(`${name}: ${error.stderr}`),
    );
  }

  /** Some seconds of the test picture, by a clock that is so far off. */
  async function record(shiftMs: number): Promise<void> {
    const child = spawn(encrocam, ['record', '--config', at('config.json')], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, NODE_OPTIONS: `--import ${shiftClock}`, SHIFT_CLOCK_MS: `${shiftMs}` },
    });
    leave.push(async () => child.kill('SIGKILL'));
    const ended = once(child, 'exit');
    let said = '';
    for await (const text of child.stderr.setEncoding('utf8')) {
      said += text as string;
      if (!said.includes('video is coming')) continue;
      await new Promise((resolve) => setTimeout(resolve, 4000));
      child.kill('SIGTERM');
      said = '';
    }
    const [code] = (await ended) as [number | null];
    assert.equal(code, 0, said);
  }

  async function commitStolen(place: string, recording: string, runId: Hex, link: Hex, startMs: number) {
    const [key] = (await readFile(at('ledger.key'), 'utf8')).split('\n');
    const count = await contracts.reader.readContract({
      ...{ address: contracts.addresses.checkpoints, abi: checkpointsAbi },
      ...{ functionName: 'checkpointAt', args: [camera, 0n] },
    });
    const lastMs = Number(count[0].lastMs);
    const tree = makeTreeFile(
      { camera, chain: chainId, contract: contracts.addresses.checkpoints },
      { firstMs: lastMs, lastMs: lastMs + 60_000 },
      [{ recording, directory: 'yard', run: runId, link, fromMs: startMs, toMs: startMs + 30_000 }],
    );
    const thief = createWalletClient({
      account: privateKeyToAccount(key as Hex),
      transport: http(contracts.anvil.url),
    });
    const hash = await thief.writeContract({
      ...{ address: contracts.addresses.checkpoints, abi: checkpointsAbi, chain: null },
      functionName: 'commit',
      args: [
        {
          ...{ tree: tree.tree, leaves: 1, root: tree.root },
          ...{ firstMs: BigInt(tree.firstMs), lastMs: BigInt(tree.lastMs) },
        },
      ],
    });
    const { status } = await contracts.reader.waitForTransactionReceipt({ hash });
    assert.equal(status, 'success');
    await writeFile(path.join(place, treeFileName(tree)), encodeTreeFile(tree));
  }
});

/** `encrocam pair`, its pictures, and the camera that sees them. */
async function pair(ownerKeys: string, pictures: string): Promise<PairingMessage> {
  await run(encrocam, ['pair', '--owner', ownerKeys, '--yes', '--name', 'yard', '--png', pictures], {
    env: { ...process.env, ENCROCAM_OWNER_PASSPHRASE: passphrase },
  });
  const collector = new CodeCollector();
  let seen: ReturnType<CodeCollector['take']> | undefined;
  for (const name of await readdir(pictures)) {
    const code = await readCode(await readFile(path.join(pictures, name)));
    assert.ok(code, name);
    seen = collector.take(code);
  }
  assert.ok(seen?.outcome === 'message');
  const message = decodeMessage(seen.message);
  await checkMessage(message, { nowMs: Date.now(), clockIsSynchronised: true, knownNonces: new Set() });
  return message;
}
