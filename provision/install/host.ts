/** Whether EncroCam can be installed on this system, and which packages it still needs. */
import { EncroCamError } from '../../runtime/errors.ts';
import type { System } from '../system.ts';

/** Families whose packages and systemd are as this expects them. */
const families = ['debian', 'ubuntu', 'raspbian'];

/** Programs that the camera and its provisioning run, by Debian's package names. */
export const neededPackages = [
  'cryptsetup-bin',
  'e2fsprogs',
  'ffmpeg',
  'fonts-dejavu-core',
  'tzdata',
  'util-linux',
] as const;

/** os-release(5) */
export function parseOsRelease(text: string): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const line of text.split('\n')) {
    const match = /^([A-Z0-9_]+)=(.*)$/.exec(line.trim());
    if (match?.[1] !== undefined) fields[match[1]] = (match[2] ?? '').replace(/^(["'])(.*)\1$/, '$2');
  }
  return fields;
}

/**
 * @returns the system's name, as in "Debian GNU/Linux 12 (bookworm)".
 * @throws {EncroCamError} `SYSTEM_UNSUITABLE`
 */
export async function checkHost(system: System): Promise<string> {
  const fields = parseOsRelease((await system.readText('/etc/os-release')) ?? '');
  const name = fields.PRETTY_NAME ?? 'This system';
  const kin = [fields.ID ?? '', ...(fields.ID_LIKE ?? '').split(' ')];
  if (!kin.some((id) => families.includes(id))) {
    throw new EncroCamError('SYSTEM_UNSUITABLE', `${name} is not a relative of Debian.`, {
      hint: 'EncroCam installs on Debian 12 and 13, Ubuntu, and Raspberry Pi OS.',
    });
  }
  // sd_booted(3)
  if (!(await system.exists('/run/systemd/system'))) {
    throw new EncroCamError('SYSTEM_UNSUITABLE', `${name} was not started by systemd.`, {
      hint: 'The services need it. In a container, recorder and syncer can be run by hand: encrocam record, encrocam sync.',
    });
  }
  return name;
}

export async function missingPackages(system: System): Promise<string[]> {
  const { output } = await system.run(
    'dpkg-query',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own notation
    ['--show', '--showformat', '${Package} ${db:Status-Status}\\n', ...neededPackages],
    // 1: some are not known.
    { exitCodes: [0, 1] },
  );
  const installed = new Set(
    output
      .split('\n')
      .filter((line) => line.endsWith(' installed'))
      .map((line) => line.split(' ')[0]),
  );
  return neededPackages.filter((name) => !installed.has(name));
}

export async function installPackages(system: System, packages: readonly string[]): Promise<void> {
  const environment = { DEBIAN_FRONTEND: 'noninteractive' };
  const timeoutMs = 30 * 60_000;
  const args = ['install', '--yes', '--no-install-recommends', ...packages];
  // The lists may be old or missing: then once more with new ones.
  const first = await system.run('apt-get', args, { environment, timeoutMs, exitCodes: [0, 100] });
  if (first.exitCode === 0) return;
  await system.run('apt-get', ['update'], { environment, timeoutMs });
  await system.run('apt-get', args, { environment, timeoutMs });
}
