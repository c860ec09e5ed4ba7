/** What a person can do instead of answering. They are thrown by a dialogue and caught by the wizard's loop. */

/** To the question before. */
export class Back extends Error {
  constructor() {
    super('back to the question before');
    this.name = 'Back';
  }
}

/** Stop here; what was answered is kept. */
export class Stopped extends Error {
  constructor(message = 'stopped') {
    super(message);
    this.name = 'Stopped';
  }
}

/** The terminal is gone: the line hung up, the SSH session ended. */
export class Disconnected extends Stopped {
  constructor() {
    super('disconnected');
    this.name = 'Disconnected';
  }
}

/** Ctrl-C while something was being tried: the trial was given up, the question is still open. */
export class Cancelled extends Error {
  constructor() {
    super('cancelled');
    this.name = 'Cancelled';
  }
}
