import { EncroCamError } from '../runtime/errors.ts';

/** @throws {EncroCamError} `NOT_ROOT` */
export function requireRoot(command: string): void {
  if (process.getuid?.() === 0) return;
  throw new EncroCamError('NOT_ROOT', `${command} changes the system and must run as root.`, {
    hint: `Run: sudo ${command}`,
  });
}
