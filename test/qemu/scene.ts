/** What scenarios have in common: getting a camera to where a story begins, and looking at whether it is well. */
import assert from 'node:assert/strict';
import type { Card } from './card.ts';
import { cameraName, type Home, passphrase } from './home.ts';
import type { CardBox } from './image.ts';
import { Machine, type MachineOptions } from './machine.ts';
import type { Terminal } from './terminal.ts';
import { cardAfterCut, type LoggedRequest, readWriteLog } from './write-log.ts';

/** What stands on a console of a locked camera, whatever was typed before. */
export const unlockPrompt = /Passphrase \(not shown\): /;
export const wrongPassphrase = /Wrong passphrase \((\d+) wrong so far\)/;
export const unlocked = /Unlocked: recording starts\./;

/** A card with what an owner drops on the boot partition for a camera that sets itself up. */
export async function cardWithAnswers(
  cards: CardBox,
  home: Home,
  options: { sizeBytes?: number; changes?: Readonly<Record<string, unknown>> } = {},
): Promise<Card> {
  const card = await cards.flash(options);
  await card.writeBootFiles({
    'encrocam.json': JSON.stringify(home.answers(options.changes), undefined, 2),
    'owner.asc': home.ownerPublicKey,
    authorized_keys: `${home.sshPublicKey}\n`,
  });
  return card;
}

/** There is no time server here: what the first boot waits for (with a bound) is said to have happened. */
export async function pretendClockWasSet(machine: Machine): Promise<void> {
  await machine.agent.run('mkdir -p /run/systemd/timesync && touch /run/systemd/timesync/synchronized');
}

/** Types the passphrase at a prompt that is awaited. */
export async function unlock(terminal: Terminal, { isAsked = false } = {}): Promise<void> {
  if (!isAsked) await terminal.expect(unlockPrompt);
  await terminal.typeLine(passphrase);
  await terminal.expect(unlocked);
}

const recordingsOnCard = `/var/lib/encrocam/recordings/${cameraName}`;
/** What a recording begins with has less, with a first frame it has more. */
const beginningBytes = 4000;

/** Bytes of recordings on the card of a running machine. A prompt may stand before the recordings are mounted. */
export async function bytesOnCard(machine: Machine): Promise<number> {
  await machine.agent.until('mountpoint -q /var/lib/encrocam/recordings');
  return Number(await machine.agent.run(`cat ${recordingsOnCard}/*.encrocam 2>/dev/null | wc -c`));
}

/** Waits until the card has a frame that it had not before. */
export async function frameOnCard(machine: Machine, bytesBefore = 0): Promise<void> {
  await machine.agent.until(
    `[ $(cat ${recordingsOnCard}/*.encrocam 2>/dev/null | wc -c) -gt ${bytesBefore + beginningBytes} ]`,
    { timeoutMs: 600_000 },
  );
}

/** Power-on to the first encrypted video of this start, in seconds, by the machine's own journal. */
export async function secondsToFirstFrame(machine: Machine): Promise<number> {
  const line = "journalctl -b -u encrocam-record -o short-monotonic --no-pager | grep -m1 'video is coming'";
  await machine.agent.until(line);
  const [, monotonic] = /^\[\s*([\d.]+)\]/.exec(await machine.agent.run(line)) ?? [];
  const [kernel] = (await machine.agent.run('cat /proc/uptime')).split(' ');
  // The firmware ran before the kernel's clock began.
  return machine.uptimeSeconds - Number(kernel) + Number(monotonic);
}

/** Waits until the file system of the recordings has grown to so much: it does beside everything else. */
export async function recordingsGrow(machine: Machine, beyondBytes: number): Promise<void> {
  const size = 'df -B1 --output=size /var/lib/encrocam/recordings | tail -1';
  await machine.agent.until(`[ $(${size}) -gt ${Math.round(beyondBytes)} ]`);
}

/** Units that failed, and complaints about the order of units: none is what every boot must end with. */
export async function assertHealthy(machine: Machine): Promise<void> {
  const failed = await machine.agent.run('systemctl list-units --failed --plain --no-legend');
  assert.equal(failed, '', `units failed:\n${failed}`);
  const cycles = await machine.agent.run(
    'journalctl -b -o cat --no-pager | grep -i -e "ordering cycle" -e "deleted to break" || true',
  );
  assert.equal(cycles, '', `units wait for each other:\n${cycles}`);
}

/** What `encrocam status --json` in the machine says. */
export async function statusOf(machine: Machine): Promise<string> {
  const { output } = await machine.agent.attempt('encrocam status');
  return output;
}

/** A machine whose power can be cut as a real card suffers it: what it had not flushed is lost. */
export class MortalMachine {
  readonly machine: Machine;
  readonly #original: Card;
  readonly #cards: CardBox;

  private constructor(machine: Machine, original: Card, cards: CardBox) {
    this.machine = machine;
    this.#original = original;
    this.#cards = cards;
  }

  static async start(cards: CardBox, options: Omit<MachineOptions, 'writeLogFile'>): Promise<MortalMachine> {
    const original = await options.card.copy(cards.nextFile());
    const machine = await Machine.start({ ...options, writeLogFile: `${options.card.file}.writes` });
    return new MortalMachine(machine, original, cards);
  }

  /** The card after the cut, ready for the next power-on. */
  async powerCut(): Promise<Card> {
    await this.machine.powerCut();
    const requests = this.requests();
    const card = await this.cardAfter(requests, requests.length);
    await this.forget();
    return card;
  }

  /** Everything that was written so far. */
  requests(): LoggedRequest[] {
    return readWriteLog(`${this.machine.options.card.file}.writes`);
  }

  /** The card of a cut before the request `before`; `keeps` tells what of the unflushed is on it all the same. */
  async cardAfter(
    requests: readonly LoggedRequest[],
    before: number,
    keeps: (request: LoggedRequest, index: number) => boolean = () => false,
  ): Promise<Card> {
    const log = `${this.machine.options.card.file}.writes`;
    return cardAfterCut(this.#original, log, requests, { before, keeps }, this.#cards.nextFile());
  }

  /** Removes the cards that the cut left behind. */
  async forget(): Promise<void> {
    await this.#original.remove();
    await this.machine.options.card.remove();
    await this.#cards.removeFile(`${this.machine.options.card.file}.writes`);
  }
}
