/** What the operating system's errors mean for a drive that is a directory. */
import { EncroCamError, isEncroCamError, messageOf, systemErrorCode } from '../../errors.ts';

export function refused(message: string): EncroCamError {
  return new EncroCamError('STORAGE_REFUSED', message, { hint: 'Look at the directory of the drive.' });
}

export function absent(location: string): EncroCamError {
  return new EncroCamError('STORAGE_UNREACHABLE', `There is no directory ${location}.`, {
    hint: 'Mount the disk, or make the directory: storage.directory must exist.',
  });
}

const codes: Readonly<Record<string, 'STORAGE_FULL' | 'STORAGE_REFUSED'>> = {
  ENOSPC: 'STORAGE_FULL',
  EDQUOT: 'STORAGE_FULL',
  EFBIG: 'STORAGE_FULL',
  EACCES: 'STORAGE_REFUSED',
  EPERM: 'STORAGE_REFUSED',
  EROFS: 'STORAGE_REFUSED',
  ELOOP: 'STORAGE_REFUSED',
  ENOENT: 'STORAGE_REFUSED',
  ENOTDIR: 'STORAGE_REFUSED',
  EISDIR: 'STORAGE_REFUSED',
  ENXIO: 'STORAGE_REFUSED',
};

export function toStorageError(error: unknown, action: string, location: string): EncroCamError {
  if (isEncroCamError(error)) return error;
  const systemCode = systemErrorCode(error) ?? messageOf(error);
  const code = codes[systemCode] ?? 'STORAGE_UNREACHABLE';
  const hint = {
    STORAGE_FULL: 'Free space on the drive, or lower storage.retentionDays.',
    STORAGE_REFUSED: 'Check the rights of the directory, and that it is mounted for writing.',
    STORAGE_UNREACHABLE: 'Check that the disk is mounted; it is tried again.',
  }[code];
  return new EncroCamError(code, `Cannot ${action} in ${location}: ${systemCode}.`, { hint, cause: error });
}
