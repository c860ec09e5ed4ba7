/** Where a front end is, in words that make sense on another console. */

export function describeConsole(
  tty: string,
  environment: Readonly<Record<string, string | undefined>>,
): string {
  if (tty === 'ssh') {
    // sshd(8): client address, client port, server address, server port.
    const [address] = (environment.SSH_CONNECTION ?? '').split(' ');
    return address ? `SSH (${address})` : 'SSH';
  }
  return isScreen(tty) ? `the screen (${tty})` : `the serial console ${tty}`;
}

/** The same as an adverb: where the set-up runs, for whoever starts a second one. */
export function describeSetUp(
  tty: string,
  environment: Readonly<Record<string, string | undefined>>,
): string {
  if (tty !== 'ssh') return `on ${describeConsole(tty, environment)}`;
  const [address] = (environment.SSH_CONNECTION ?? '').split(' ');
  return address ? `over SSH from ${address}` : 'over SSH';
}

/** Virtual terminals have a screen and a keyboard; everything else that has a getty is a line. */
export function isScreen(tty: string): boolean {
  return /^tty\d+$/.test(tty);
}

/** The name of a terminal device, as systemd's `%I` gives it: `tty1`, `ttyAMA0`, `pts/3`. */
export function isTtyName(name: string): boolean {
  return /^[A-Za-z0-9]+(?:\/\d+)?$/.test(name);
}
