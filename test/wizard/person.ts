/** A person who sets a camera up: a directory that stands for the camera, the wizard on a terminal, and all answers. */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Pty, type PtyOptions } from './pty.ts';

export const passphrase = 'garden lamp river stone paper cloud';
export const sshKey =
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOhRx3cQxZ9YwS0m5n1bY0p2Jt5cH6mXyqkqW0cQJpXk maria@laptop';
export const ownerKey = await readFile(
  new URL('../vectors/encrocrypt2/owner.public.asc', import.meta.url),
  'utf8',
);

export interface StartOptions extends PtyOptions {
  readonly where?: string;
  /** What Node.js runs instead of the source: a bundle, with its flags. */
  readonly command?: readonly string[];
}

const fromSource = [
  '--disable-warning=ExperimentalWarning',
  path.join(import.meta.dirname, 'wizard-process.ts'),
] as const;

/** A camera that is not set up yet. */
export class TestCamera {
  readonly root: string;

  private constructor(root: string) {
    this.root = root;
  }

  static async make(): Promise<TestCamera> {
    const root = await mkdtemp(path.join(os.tmpdir(), 'encrocam-wizard-'));
    await mkdir(path.join(root, 'boot/firmware'), { recursive: true });
    await mkdir(path.join(root, 'drive'));
    return new TestCamera(root);
  }

  at(file: string): string {
    return path.join(this.root, file);
  }

  /** Starts a wizard on a terminal. */
  start(options: StartOptions = {}): Promise<Pty> {
    const { command = fromSource, where = 'on the test terminal' } = options;
    return Pty.start([process.execPath, ...command, this.root, where], {
      ...options,
      env: { TERM: 'vt220', ...options.env },
    });
  }

  /** What a restart of the machine does to an open volume. */
  get isVolumeOpen(): boolean {
    return existsSync(this.at('etc/encrocam'));
  }

  async applied(): Promise<unknown> {
    return JSON.parse(await readFile(this.at('applied.json'), 'utf8'));
  }

  /** What is kept of the answers outside the volume. */
  async openProgress(): Promise<string> {
    return readFile(this.at('var/lib/encrocam/provision/answers.json'), 'utf8');
  }

  async remove(): Promise<void> {
    await rm(this.root, { recursive: true, force: true });
  }
}

/** A question's page, and what a person does there. */
export interface Page {
  readonly title: string;
  answer(pty: Pty): Promise<void>;
}

const page = (title: string, answer: (pty: Pty) => Promise<void>): Page => ({ title, answer });

/** All pages in order, answered in the quickest way. The drive is a directory. */
export function pages(camera: TestCamera): Page[] {
  return [
    page('Time zone', (pty) => pty.answer('Time zone >', 'berl')),
    page('Host name', (pty) => pty.answer('Host name [encrocam]', 'front-door')),
    page('Account and SSH keys', async (pty) => {
      await pty.answer('Account >', '1');
      await pty.answer('Name of the account', 'maria');
      await pty.expect('Paste your SSH public keys');
      pty.type(`${sshKey}\r\r`);
    }),
    page('Passphrase', async (pty) => {
      await pty.answer('Passphrase >', passphrase);
      await pty.answer('The same passphrase again >', passphrase);
    }),
    page('Recovery key', async (pty) => {
      await pty.answer('Make a recovery key?', '');
      await pty.answer('Is it written down?', 'y');
    }),
    page('Signing key', (pty) => pty.answer('Signing key >', '1')),
    page("Owner's keys", async (pty) => {
      await pty.answer('Where is your public key? >', '1');
      await pty.expect('Paste the whole key');
      pty.type(ownerKey.replaceAll('\n', '\r'));
      await pty.answer('Is this the fingerprint of your key?', 'y');
      await pty.answer('May somebody else watch? >', '1');
    }),
    page('Camera', async (pty) => {
      await pty.answer('Camera >', '3');
      await pty.answer('Name of the camera', '');
      await pty.answer('Is this right? >', '1');
      await pty.answer('Is there another camera?', '');
    }),
    page('Drive', async (pty) => {
      await pty.answer('Drive >', '2');
      await pty.answer('Directory >', camera.at('drive'));
    }),
    page('Uptime monitor', (pty) => pty.answer('Have you such an address?', '')),
    page('Days to keep', async (pty) => {
      await pty.answer('Days on the camera', '');
      await pty.answer('Days on the drive', '');
    }),
  ];
}

/** Begins, and answers every page from `from` on; ends on the page with all answers. */
export async function answerPages(pty: Pty, all: readonly Page[]): Promise<void> {
  for (const { title, answer } of all) {
    await pty.expect(`: ${title} ---`);
    await answer(pty);
  }
  await pty.expect('All answers');
}

export async function approve(pty: Pty): Promise<void> {
  await pty.answer('Set the camera up like this? >', '1');
  await pty.answer('Press Enter when you have kept it', '');
  await pty.expect('outcome: done');
}
