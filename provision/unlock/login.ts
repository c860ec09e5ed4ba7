/** Makes this process the ordinary login prompt of a console, as its getty unit would have started it. */
import { isScreen } from './where.ts';

/** agetty(8), with the options of systemd's own getty@.service and serial-getty@.service. */
export function loginCommand(tty: string, terminalType: string): string[] {
  const options = isScreen(tty)
    ? ['--noclear', '-', terminalType]
    : ['--keep-baud', '115200,57600,38400,9600', '-', terminalType];
  return [
    // Node.js ignores SIGPIPE, and a shell could not undo that for the programs it starts.
    ...['env', '--default-signal=PIPE'],
    ...['/sbin/agetty', '-o', '-p -- \\u', ...options],
  ];
}

/** Does not return. */
export function becomeLogin(tty: string): never {
  const terminalType = process.env.TERM ?? (isScreen(tty) ? 'linux' : 'vt220');
  const { PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LANG } = process.env;
  const environment = { PATH, TERM: terminalType, ...(LANG === undefined ? {} : { LANG }) };
  if (!process.execve) throw new Error('this Node.js cannot replace itself by another program');
  return process.execve('/usr/bin/env', loginCommand(tty, terminalType), environment);
}
