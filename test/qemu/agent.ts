/**
 * A root shell inside the machine for the test alone, without a change to the card: systemd takes the unit from the
 * firmware's tables (SMBIOS), as the machine's owner may hand one in; the shell speaks over a virtio port of its own.
 * Scenarios use it to look (journal, units, sizes) and to break things (camera, disk), never in place of a person:
 * whatever an owner does is typed on a console or over SSH.
 */
import type { Socket } from 'node:net';

const unitName = 'encrocam-test.service';
const portName = 'encrocam.test';
const defaultTimeoutMs = 300_000;

/** Reads `ID BASE64` lines, runs each as a script, answers `ID BASE64`: the output, and the exit code at its end. */
const loop = [
  `until [ -e /dev/virtio-ports/${portName} ]; do sleep 1; done`,
  `exec 0<>/dev/virtio-ports/${portName} >&0`,
  'echo ready',
  'while read -r id code; do',
  '  printf %s "$code" | base64 -d >/run/encrocam-test.sh',
  '  out=$(sh /run/encrocam-test.sh 2>&1 </dev/null; printf "\\n%s" "$?")',
  '  echo "$id $(printf %s "$out" | base64 -w0)"',
  'done',
].join('\n');

const unit = `[Unit]
Description=Test agent
DefaultDependencies=no
After=systemd-udevd.service
[Service]
ExecStart=/bin/sh -c 'eval "$$(echo ${Buffer.from(loop).toString('base64')} | base64 -d)"'
`;

/** What QEMU is told for the agent to be there; `socketPath` is where the driver listens. */
export function agentArguments(socketPath: string): string[] {
  const credential = `io.systemd.credential.binary:systemd.extra-unit.${unitName}`;
  return [
    '-device',
    'virtio-serial-pci',
    '-chardev',
    `socket,id=agent,path=${socketPath},server=off`,
    '-device',
    `virtserialport,chardev=agent,name=${portName}`,
    '-smbios',
    `type=11,value=${credential}=${Buffer.from(unit).toString('base64')}`,
  ];
}

/** For the kernel's command line. */
export const agentKernelArguments = [`systemd.wants=${unitName}`];

export class Agent {
  readonly #socket: Socket;
  readonly #answers = new Map<number, (text: string) => void>();
  #buffer = '';
  #nextId = 1;
  #ready: () => void = () => undefined;
  readonly #isReady: Promise<void>;
  /** One script at a time: the shell inside reads the next line when it is done. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#isReady = new Promise((resolve) => {
      this.#ready = resolve;
    });
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => this.#take(text));
    // The machine may go away at any moment: whoever waits then runs into the timeout.
    socket.on('error', () => undefined);
  }

  /** Waits until the shell is there. */
  async ready(timeoutMs = 900_000): Promise<void> {
    await within(this.#isReady, timeoutMs, 'The test agent in the machine did not start');
  }

  /**
   * Runs a shell script as root in the machine.
   * @throws when it exits with anything but 0, with all it printed.
   */
  async run(script: string, { timeoutMs = defaultTimeoutMs } = {}): Promise<string> {
    const { exitCode, output } = await this.attempt(script, { timeoutMs });
    if (exitCode !== 0) throw new Error(`In the machine: exit code ${exitCode} of: ${script}\n${output}`);
    return output;
  }

  /** Runs a shell script as root in the machine; any exit code is an answer. */
  async attempt(
    script: string,
    { timeoutMs = defaultTimeoutMs } = {},
  ): Promise<{ exitCode: number; output: string }> {
    await this.ready();
    const turn = this.#last.then(() => this.#exchange(script, timeoutMs));
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  /** Runs the script again and again until it exits with 0; the pause between is the machine's. */
  async until(condition: string, { timeoutMs = defaultTimeoutMs } = {}): Promise<string> {
    const seconds = Math.ceil(timeoutMs / 1000);
    const script = `n=0; while ! out=$( ${condition} ) ; do n=$((n+1)); [ $n -lt ${2 * seconds} ] || { echo "$out"; exit 1; }; sleep 0.5; done; echo "$out"`;
    // Under emulation, asking takes longer than the pause: the bound on the host is a wide one.
    return this.run(script, { timeoutMs: 4 * timeoutMs });
  }

  async #exchange(script: string, timeoutMs: number): Promise<{ exitCode: number; output: string }> {
    const id = this.#nextId++;
    const answer = new Promise<string>((resolve) => {
      this.#answers.set(id, resolve);
    });
    this.#socket.write(`${id} ${Buffer.from(script).toString('base64')}\n`);
    try {
      const text = await within(answer, timeoutMs, `The machine did not finish: ${script}`);
      const end = text.lastIndexOf('\n');
      return { exitCode: Number(text.slice(end + 1)), output: text.slice(0, end).trimEnd() };
    } finally {
      this.#answers.delete(id);
    }
  }

  #take(text: string): void {
    this.#buffer += text;
    const lines = this.#buffer.split('\n');
    this.#buffer = lines.pop() ?? '';
    for (const line of lines) {
      const [id, answer] = line.split(' ');
      if (id === 'ready') this.#ready();
      else this.#answers.get(Number(id))?.(Buffer.from(answer ?? '', 'base64').toString());
    }
  }
}

async function within<T>(promise: Promise<T>, timeoutMs: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} within ${timeoutMs / 1000} s.`)), timeoutMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
