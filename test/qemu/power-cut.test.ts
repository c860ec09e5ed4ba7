/**
 * Power cuts at the moments that matter most at the first boot: while the partition of the recordings grows, and while
 * the encrypted partition is made. All that was written to the card is logged once; from the log, cards are made as
 * cuts leave them, without what had not been flushed, and booted: each must end up as a camera that records.
 */
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import type { Card, Partition } from './card.ts';
import { assertFramesInOrder, Home } from './home.ts';
import { CardBox } from './image.ts';
import { Machine } from './machine.ts';
import { scenarios } from './report.ts';
import {
  assertHealthy,
  cardWithAnswers,
  MortalMachine,
  pretendClockWasSet,
  recordingsGrow,
} from './scene.ts';
import type { LoggedRequest } from './write-log.ts';

const someVideoBytes = 60_000;
const sectorBytes = 512;
/** Protective record, header and 32 sectors of entries; at the end the entries stand first. */
const tableBytes = 34 * sectorBytes;

let home: Home;
let cards: CardBox;
let mortal: MortalMachine;
let requests: readonly LoggedRequest[];
let config: Partition;
let recordings: Partition;
let cardBytes: number;
before(async () => {
  home = await Home.open();
  cards = CardBox.open();
});
const scenario = scenarios('power-cut');
after(async () => {
  cards?.close();
  await home?.close();
});

const touches = (request: LoggedRequest, from: number, to: number): boolean =>
  request.kind === 'write' && request.startByte < to && request.startByte + request.lengthBytes > from;
const inside = (partition: Partition) => (request: LoggedRequest) =>
  touches(request, partition.startByte, partition.startByte + partition.sizeBytes);

/** Indexes of the requests that `is` is true of. */
function indexes(is: (request: LoggedRequest) => boolean): number[] {
  return requests.flatMap((request, index) => (is(request) ? [index] : []));
}

/** Boots what a cut left; the camera must set itself up and record. */
async function boots(card: Card, name: string): Promise<Machine> {
  await home.emptyDrive();
  const machine = await Machine.start({ name: `cut-${name}`, card });
  await machine.agent.ready();
  await pretendClockWasSet(machine);
  await home.driveGrowsBeyond(someVideoBytes);
  await machine.agent.until('test -e /var/lib/encrocam/provision/done');
  assertFramesInOrder((await home.watch()).frames.slice(-20));
  await recordingsGrow(machine, 0.93 * (cardBytes - recordings.startByte));
  await assertHealthy(machine);
  return machine;
}

async function survives(
  name: string,
  before: number,
  keeps?: (request: LoggedRequest, index: number) => boolean,
): Promise<void> {
  const card = await mortal.cardAfter(requests, before, keeps);
  const machine = await boots(card, name);
  await machine.stop();
  await card.remove();
}

scenario('a first boot is logged, request by request', async (notes) => {
  const card = await cardWithAnswers(cards, home);
  const partitions = await card.partitions();
  config = partitions.find(({ name }) => name === 'config') ?? assert.fail('no config partition');
  recordings = partitions.find(({ name }) => name === 'recordings') ?? assert.fail('no recordings partition');
  mortal = await MortalMachine.start(cards, { name: 'cut-logged', card });
  notes.attach(mortal.machine.console.transcriptFile);
  await mortal.machine.agent.ready();
  await pretendClockWasSet(mortal.machine);
  await home.driveGrowsBeyond(0);
  cardBytes = Number(await mortal.machine.agent.run('cat /sys/block/vda/size')) * sectorBytes;
  await mortal.machine.stop();
  requests = mortal.requests();
  notes.measure({ name: 'requests', value: requests.length, unit: '' });
});

scenario('a cut between the entries and the header of the partition table', async () => {
  const table = indexes(
    (request) => touches(request, 0, tableBytes) || touches(request, cardBytes - tableBytes, cardBytes),
  );
  assert.ok(table.length >= 2, 'the table was not written');
  const last = table.at(-1) ?? 0;
  // Everything up to the last write to the table is there, that one is not.
  await survives('table', last, () => true);
});

scenario('a cut while the file system of the recordings grows', async () => {
  const table = indexes(
    (request) => touches(request, 0, tableBytes) || touches(request, cardBytes - tableBytes, cardBytes),
  );
  const growing = indexes(inside({ ...recordings, sizeBytes: cardBytes - recordings.startByte })).filter(
    (index) => index > (table.at(-1) ?? 0),
  );
  assert.ok(growing.length > 2, 'the file system did not grow');
  await survives('growing', growing[Math.floor(growing.length / 3)] ?? 0);
});

scenario('a cut while LUKS is formatted', async () => {
  const formatting = indexes(inside(config));
  assert.ok(formatting.length > 4, 'the encrypted partition was not made');
  // Some of its header is there, and not all that was written is.
  await survives('formatting', formatting[3] ?? 0, (_, index) => index % 2 === 0);
});

scenario('a cut while the file system in LUKS is made', async () => {
  const writes = indexes(inside(config));
  await survives('inner', writes[Math.floor(writes.length / 2)] ?? 0);
});
