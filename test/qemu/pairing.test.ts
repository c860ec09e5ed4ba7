/**
 * The resurrecting duckling: a flashed card without an answers file watches its own video, takes the first valid code
 * as its owner, and sets itself up without one key press. Another code then changes nothing; after a reset it does.
 */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before } from 'node:test';
import { type Address, createPublicClient, http, parseEther, toHex } from 'viem';
import { ownershipAbi } from '../../contracts/index.ts';
import { parseCameraKeys } from '../../runtime/video-keys/camera-keys.ts';
import { type Anvil, deployContracts, startAnvil } from '../support/anvil.ts';
import { answersOf, type PairingOwner, pairingCodes, pairingOwner } from '../support/pairing.ts';
import type { Card } from './card.ts';
import { loopCamera, putAway, showCodes, turnToTheWorld } from './codes.ts';
import { assertFramesInOrder, Home, hostSeenFromMachine } from './home.ts';
import { CardBox } from './image.ts';
import { Machine } from './machine.ts';
import { scenarios } from './report.ts';
import { assertHealthy, pretendClockWasSet } from './scene.ts';

/** Enough for several seconds of video at the least bit rate. */
const someVideoBytes = 60_000;
/** Larger codes, and fewer of them: an emulated camera has little time for each. */
const partBytes = 300;
const ownerKeysFile = '/etc/encrocam/state/owner-keys.json';
const watching = 'journalctl -b -u encrocam-pair -o cat --no-pager | grep';
/** The service asks once a minute, and the first look may come before the coins. */
const claimTimeoutMs = 600_000;

let home: Home;
let chain: Anvil;
let contracts: Awaited<ReturnType<typeof deployContracts>>;
let cards: CardBox;
let card: Card;
let machine: Machine;
let first: PairingOwner;
let firstCodes: string[];
let cameraAddress: string;
before(async () => {
  home = await Home.open();
  chain = await startAnvil();
  contracts = await deployContracts(chain.url);
  cards = CardBox.open();
});
const scenario = scenarios('pairing');
after(async () => {
  cards?.close();
  await home?.close();
  await chain?.stop();
});

/** What an owner says to the camera: everything, the passphrase too. */
function answers(): Record<string, unknown> {
  const ledger = {
    chainId: chain.chainId,
    rpcUrls: [`http://${hostSeenFromMachine}:${chain.port}`],
    contracts,
    confirmations: 1,
  };
  const { signing: _, owner: __, account: ___, ...others } = home.answers({ ledger });
  return { ...others, owner: { keys: [{ from: 'text', armored: home.ownerPublicKey }] } };
}

/** Waits until the camera records for this owner; its pictures come from the world again once it took the code. */
async function becomesOwner(owner: PairingOwner): Promise<void> {
  const { agent } = machine;
  await agent.until(`${watching} 'owner=${owner.wallet.address}'`, { timeoutMs: 600_000 });
  await turnToTheWorld(machine);
  await agent.until('test -e /var/lib/encrocam/provision/done', { timeoutMs: 600_000 });
  await agent.until('systemctl is-active encrocam-record encrocam-sync');
  const keys = parseCameraKeys(await agent.run(`cat ${ownerKeysFile}`)) ?? assert.fail('no keys');
  assert.equal(`0x${keys.owner.toString('hex')}`, owner.content.owner);
  assert.deepEqual(keys.kek, owner.content.kek);
  assert.deepEqual(keys.keys.recordings, owner.content.recordings);
  assert.equal(await agent.run(`stat -c '%U %a' ${ownerKeysFile}`), 'encrocam 600');
  cameraAddress = keys.camera.toString('hex');
  const config = JSON.parse(await agent.run('cat /etc/encrocam/config.json'));
  assert.equal(config.ledger.owner, owner.content.owner);
  await agent.run('! test -e /var/lib/encrocam/provision/pairing.json');
}

/** Whom the chain has as the owner of this camera, once it is this one. Somebody fills its wallet. */
async function isClaimedBy(owner: PairingOwner): Promise<void> {
  const camera: Address = `0x${cameraAddress}`;
  await chain.rpc('anvil_setBalance', camera, toHex(parseEther('1')));
  const client = createPublicClient({ transport: http(chain.url) });
  const deadlineMs = Date.now() + claimTimeoutMs;
  for (;;) {
    const asked = { address: contracts.ownership, abi: ownershipAbi, functionName: 'ownerOf' } as const;
    const found = await client.readContract({ ...asked, args: [camera] });
    if (found.toLowerCase() === owner.content.owner) return;
    if (Date.now() > deadlineMs) {
      const log = await machine.agent.run('journalctl -b -u encrocam-ledger -o cat --no-pager | tail -20');
      throw new Error(`The chain has ${found} as the owner of ${camera}. The camera says:\n${log}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 2000));
  }
}

/** Video that only this camera signed and only its owner opens. */
async function recordsForOwner(): Promise<void> {
  await home.driveGrowsBeyond((await home.bytesOnDrive()) + someVideoBytes);
  const signedBy = path.join(home.directory, 'paired.public.asc');
  await writeFile(signedBy, await machine.agent.run('cat /boot/firmware/encrocam-camera.asc'));
  assertFramesInOrder((await home.watch(undefined, { signedBy })).frames);
}

scenario(
  'from a flashed card to a camera that records for whoever showed it a code, without one key press',
  async (notes) => {
    card = await cards.flash();
    machine = await Machine.start({ name: 'pairing', card, camera: 'looped' });
    notes.attach(machine.console.transcriptFile);
    await loopCamera(machine);
    await pretendClockWasSet(machine);
    await machine.agent.until(`${watching} 'looking for pairing codes'`, { timeoutMs: 600_000 });
    notes.measure({ name: 'power-on to looking for codes', value: machine.uptimeSeconds, unit: 's' });
    // What somebody else shows, or what hangs on the wall.
    await showCodes(machine, ['https://example.com/menu', 'ENCROCAM1/00000000/0/40/AB']);
    await machine.agent.until(`${watching} 'a code was ignored'`);
    first = pairingOwner(answersOf(answers()));
    firstCodes = await pairingCodes(first, partBytes);
    const startedMs = Date.now();
    await showCodes(machine, firstCodes);
    await becomesOwner(first);
    notes.measure({ name: 'codes', value: firstCodes.length, unit: '' });
    notes.measure({ name: 'code shown to set up', value: (Date.now() - startedMs) / 1000, unit: 's' });
    await recordsForOwner();
    notes.measure({
      name: 'code shown to video on the drive',
      value: (Date.now() - startedMs) / 1000,
      unit: 's',
    });
    await isClaimedBy(first);
    notes.measure({ name: 'code shown to claimed', value: (Date.now() - startedMs) / 1000, unit: 's' });
    assert.equal(await machine.agent.run('hostname'), 'garden');
    // The console was told, and has the login now.
    await machine.console.expect('login: ');
    await assertHealthy(machine);
  },
);

scenario('a camera that has an owner does not look at codes', async () => {
  const before = await machine.agent.run(`cat ${ownerKeysFile}`);
  await machine.agent.run('systemctl start encrocam-pair');
  assert.equal(await machine.agent.run('systemctl show -P ConditionResult encrocam-pair'), 'no');
  assert.equal((await machine.agent.attempt('systemctl is-active encrocam-pair')).output, 'inactive');
  await machine.agent.run('! encrocam watch-codes | grep -q looking');
  assert.equal(await machine.agent.run(`cat ${ownerKeysFile}`), before);
});

scenario(
  'after a reset an old code is refused, and a new owner takes over the same camera',
  async (notes) => {
    const before = cameraAddress;
    await machine.agent.run('encrocam reset --yes');
    // It starts again by itself; the fake camera has to be connected anew anyway.
    await machine.console.expect('EFI stub: Booting Linux', { timeoutMs: 300_000 });
    await machine.stop();
    machine = await Machine.start({ name: 'pairing', card, camera: 'looped' });
    notes.attach(machine.console.transcriptFile);
    await loopCamera(machine);
    await pretendClockWasSet(machine);
    await machine.agent.until(`${watching} 'looking for pairing codes'`, { timeoutMs: 600_000 });
    await machine.agent.run('! test -e /var/lib/encrocam/provision/done');
    await machine.agent.run(
      '! cryptsetup luksDump /dev/disk/by-partlabel/config | grep -qE "^  [0-9]+: luks2"',
    );
    await showCodes(machine, firstCodes);
    await machine.agent.until(`${watching} 'it was taken before'`, { timeoutMs: 600_000 });
    await putAway(machine);
    await home.emptyDrive();
    const second = pairingOwner(answersOf(answers()));
    await showCodes(machine, await pairingCodes(second, partBytes));
    await becomesOwner(second);
    assert.equal(cameraAddress, before, 'the camera has another name on the chain');
    await recordsForOwner();
    await isClaimedBy(second);
    await machine.agent.run('test -d /var/lib/encrocam/recordings/earlier');
    await assertHealthy(machine);
    await machine.powerOff();
  },
);
