/**
 * Enters a user and mount namespace of its own: mounts are private and end with the build, root privileges are not
 * needed, and (from Linux 6.7 on) emulators are registered for this build alone.
 *
 * The parent starts `unshare`, writes the child's id maps, and lets it go on. Where user namespaces are not allowed,
 * root goes on with a mount namespace only.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { ImageError, messageOf } from '../errors.ts';

const inside = 'ENCROCAM_IMAGE_NAMESPACE';

export type Namespace = 'user' | 'mount';

/** The namespace this process is in, or undefined outside. */
export function currentNamespace(env: NodeJS.ProcessEnv = process.env): Namespace | undefined {
  const value = env[inside];
  return value === 'user' || value === 'mount' ? value : undefined;
}

/**
 * Runs this Node.js with `args` inside, one at a time under the lock; resolves with its exit code. Ctrl-C reaches it
 * through the terminal.
 */
export async function runInNamespace(args: readonly string[], lockFile: string): Promise<number> {
  const maps = idMaps();
  const command = ['flock', '--no-fork', lockFile, process.execPath, ...args];
  if (spawnSync('flock', ['--nonblock', lockFile, 'true']).status !== 0) {
    process.stderr.write(`waiting for another build to end (${lockFile})\n`);
  }
  if (maps && userNamespaceWorks()) return start('user', command, maps);
  if (process.getuid?.() === 0) return start('mount', command, undefined);
  throw new ImageError('HOST_UNSUITABLE', 'Building needs user namespaces with a range of ids, or root.', {
    hint: 'Install uidmap and give this user a range in /etc/subuid and /etc/subgid, or run make as root.',
  });
}

interface IdMaps {
  readonly uid: string;
  readonly gid: string;
}

/** Root keeps all its ids; others map themselves to root and their subordinate ids to the rest. */
function idMaps(): IdMaps | undefined {
  if (process.getuid?.() === 0) {
    const all = (file: string): string =>
      readFileSync(file, 'utf8')
        .trim()
        .split('\n')
        .map((line) => line.trim().split(/\s+/))
        .map(([first, , count]) => `${first} ${first} ${count}`)
        .join('\n');
    return { uid: all('/proc/self/uid_map'), gid: all('/proc/self/gid_map') };
  }
  const { username, uid, gid } = userInfo();
  const subordinate = (file: string): string | undefined => {
    const line = readOptional(file)
      .split('\n')
      .find((entry) => entry.startsWith(`${username}:`) || entry.startsWith(`${uid}:`));
    const [, first, count] = line?.split(':') ?? [];
    return first && Number(count) >= 65535 ? `1 ${first} 65535` : undefined;
  };
  const uids = subordinate('/etc/subuid');
  const gids = subordinate('/etc/subgid');
  return uids && gids ? { uid: `0 ${uid} 1 ${uids}`, gid: `0 ${gid} 1 ${gids}` } : undefined;
}

function userNamespaceWorks(): boolean {
  return spawnSync('unshare', ['--user', '--mount', 'true']).status === 0;
}

async function start(kind: Namespace, command: readonly string[], maps: IdMaps | undefined): Promise<number> {
  const flags = kind === 'user' ? ['--user', '--mount'] : ['--mount'];
  const child = spawn(
    'unshare',
    [...flags, 'sh', '-c', 'read -r go <&3 && exec "$@" 3<&-', 'sh', ...command],
    { stdio: ['inherit', 'inherit', 'inherit', 'pipe'], env: { ...process.env, [inside]: kind } },
  );
  const exited = once(child, 'exit');
  const gate = child.stdio[3];
  if (!gate || !('write' in gate)) throw new Error('no pipe to the child');
  if (maps && child.pid !== undefined) {
    await namespaceOf(child.pid);
    writeMaps(child.pid, maps);
  }
  gate.write('go\n');
  gate.end();
  // The terminal sends Ctrl-C to both: this process waits for the child to clean up.
  const wait = (): void => {};
  const forward = (signal: NodeJS.Signals): void => void child.kill(signal);
  process.on('SIGINT', wait);
  process.on('SIGTERM', forward);
  const [code] = await exited;
  process.off('SIGINT', wait);
  process.off('SIGTERM', forward);
  return typeof code === 'number' ? code : 1;
}

/** `unshare` has to have entered its namespace before its maps can be written. */
async function namespaceOf(pid: number): Promise<void> {
  const own = readOptional('/proc/self/uid_map');
  const deadlineMs = performance.now() + 5000;
  while (performance.now() < deadlineMs) {
    const map = readOptional(`/proc/${pid}/uid_map`);
    if (map.trim() === '' && own.trim() !== '') return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new ImageError('HOST_UNSUITABLE', 'unshare did not enter a user namespace within 5 s.', {
    hint: 'Run make as root.',
  });
}

function writeMaps(pid: number, { uid, gid }: IdMaps): void {
  if (process.getuid?.() === 0) {
    try {
      writeFileSync(`/proc/${pid}/uid_map`, uid);
      writeFileSync(`/proc/${pid}/gid_map`, gid);
    } catch (cause) {
      throw new ImageError('HOST_UNSUITABLE', `The namespace's ids cannot be set: ${messageOf(cause)}.`, {
        cause,
      });
    }
    return;
  }
  for (const [program, map] of [
    ['newuidmap', uid],
    ['newgidmap', gid],
  ] as const) {
    const { status, stderr } = spawnSync(program, [String(pid), ...map.split(' ')], { encoding: 'utf8' });
    if (status === 0) continue;
    throw new ImageError('HOST_UNSUITABLE', `${program} failed: ${stderr ?? 'it is not installed'}`, {
      hint: 'Install uidmap, or run make as root.',
    });
  }
}

function readOptional(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
