/** A throwaway key ring for tests, with an agent of its own that ends with it. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);

export class GpgHome {
  readonly directory: string;

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async create(): Promise<GpgHome> {
    // Short: the agent's socket lies in it, and a socket's path has at most 107 bytes.
    return new GpgHome(await mkdtemp(path.join(tmpdir(), 'gpg-')));
  }

  async gpg(...args: string[]): Promise<string> {
    const { stdout } = await execute('gpg', ['--homedir', this.directory, '--batch', '--quiet', ...args]);
    return stdout;
  }

  /** Makes a key without a passphrase and gives its fingerprint. */
  async makeKey(name: string, parameters: string): Promise<string> {
    const file = path.join(this.directory, 'parameters');
    await writeFile(file, `%no-protection\n${parameters}\nName-Real: ${name}\n%commit\n`);
    await this.gpg('--generate-key', file);
    return this.fingerprint(name);
  }

  async fingerprint(name: string): Promise<string> {
    const listing = await this.gpg('--with-colons', '--list-keys', name);
    return /^fpr:+([0-9A-F]{40}):/m.exec(listing)?.[1] ?? '';
  }

  /** Writes a key into a file and gives the file's name. */
  async exportKey(fingerprint: string, kind: 'public' | 'secret' = 'public'): Promise<string> {
    const file = path.join(this.directory, `${fingerprint}.${kind}.asc`);
    const command = kind === 'public' ? '--export' : '--export-secret-keys';
    await this.gpg('--yes', '--armor', '--output', file, command, fingerprint);
    return file;
  }

  async remove(): Promise<void> {
    await execute('gpgconf', ['--homedir', this.directory, '--kill', 'gpg-agent']);
    await rm(this.directory, { recursive: true, force: true, maxRetries: 3 });
  }
}

export const keyParameters = {
  rsa: 'Key-Type: RSA\nKey-Length: 2048\nSubkey-Type: RSA\nSubkey-Length: 2048\nExpire-Date: 0',
  nistP256: 'Key-Type: ECDSA\nKey-Curve: nistp256\nSubkey-Type: ECDH\nSubkey-Curve: nistp256\nExpire-Date: 0',
  curve25519: 'Key-Type: EDDSA\nKey-Curve: ed25519\nSubkey-Type: ECDH\nSubkey-Curve: cv25519\nExpire-Date: 0',
  /** A primary key that only certifies, with a subkey that signs. */
  signingSubkey:
    'Key-Type: EDDSA\nKey-Curve: ed25519\nKey-Usage: cert\nSubkey-Type: EDDSA\nSubkey-Curve: ed25519\nSubkey-Usage: sign\nExpire-Date: 0',
} as const;
