/**
 * `pkcs11-tool` of OpenSC, one process for each request: it loads the element's PKCS#11 library, so that a library that
 * crashes or hangs takes nothing of ours along. The PIN goes in by the environment, never by the command line.
 */
import { spawn } from 'node:child_process';
import { EncroCamError, messageOf, systemErrorCode } from '../../runtime/errors.ts';
import { printable } from '../../runtime/log.ts';

export interface Element {
  /** Path of the PKCS#11 library. */
  readonly module: string;
  /** Label of the token. */
  readonly token: string;
  readonly pin: string;
  /** Longest wait for one answer; longer for making a key. Default: 30 s. */
  readonly timeoutMs?: number;
  /** Default: `pkcs11-tool`. */
  readonly program?: string;
}

export interface ToolRequest {
  readonly args: readonly string[];
  /** Whether to log in: each time, a wrong PIN brings the token nearer to being locked. */
  readonly login: boolean;
  readonly input?: Uint8Array;
  readonly timeoutMs?: number;
}

const defaultTimeoutMs = 30_000;
const maxOutputBytes = 1024 * 1024;
const maxQuotedCharacters = 300;
const pinVariable = 'ENCROCAM_ELEMENT_PIN';

/**
 * @returns what it wrote to standard output
 * @throws {EncroCamError} `PROGRAM_MISSING`, `ELEMENT_UNAVAILABLE`, `ELEMENT_UNSUITABLE`, `ELEMENT_PIN`
 */
export async function runTool(element: Element, request: ToolRequest): Promise<Buffer> {
  const { module, token, pin, program = 'pkcs11-tool' } = element;
  if (request.login && pin.includes('\0')) {
    throw new EncroCamError('ELEMENT_PIN', 'The PIN of the secure element holds a zero byte.', {
      hint: 'Correct ledger.identity.pin.',
    });
  }
  // With "=", so that a label may begin with "-".
  const args = [`--module=${module}`, `--token-label=${token}`, ...request.args];
  if (request.login) args.push('--login', `--pin=env:${pinVariable}`);
  const child = spawn(program, args, {
    stdio: 'pipe',
    env: { ...process.env, LC_ALL: 'C', ...(request.login ? { [pinVariable]: pin } : {}) },
  });
  const output = collect(child.stdout);
  const errors = collect(child.stderr);
  // A program that does not read its input is judged by its exit code.
  child.stdin.on('error', () => undefined);
  child.stdin.end(request.input ?? Buffer.alloc(0));
  const timeoutMs = request.timeoutMs ?? element.timeoutMs ?? defaultTimeoutMs;
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      // One that a driver of the kernel holds does not end even so: nobody waits for it.
      for (const stream of child.stdio) stream?.destroy();
      child.unref();
      reject(
        unavailable(
          `does not answer within ${timeoutMs / 1000} s`,
          'Is it plugged in well? Plug it in again.',
        ),
      );
    }, timeoutMs);
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(systemErrorCode(error) === 'ENOENT' ? missing(program, error) : unavailable(messageOf(error)));
    });
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      if (code === 0) resolve(output());
      else reject(failure(element, errors().toString('utf8'), signal));
    });
  });
}

function collect(stream: NodeJS.ReadableStream): () => Buffer {
  const chunks: Buffer[] = [];
  let bytes = 0;
  stream.on('data', (chunk: Buffer) => {
    // Beyond the bound it is read and forgotten, so that the program does not hang on a full pipe.
    if (bytes + chunk.length > maxOutputBytes) return;
    bytes += chunk.length;
    chunks.push(chunk);
  });
  return () => Buffer.concat(chunks);
}

const whatItNeeds = 'What an element must be able to do: docs/guide/secure-element.md.';

/** This PIN, and not the token's state, is what is wrong: the same one must not be tried again. */
export class WrongPin extends EncroCamError {
  constructor(message: string) {
    super('ELEMENT_PIN', message, {
      hint:
        'Correct ledger.identity.pin. The same one is not tried again, because a token locks itself after a few wrong ' +
        'ones; if it is right by now: sudo encrocam identity --try-pin, then restart the services.',
    });
  }
}

/** What PKCS#11's return values mean for the owner. Others: the element cannot be used at the moment. */
const meanings: readonly (readonly [codes: RegExp, make: (said: string) => EncroCamError])[] = [
  [/^CKR_PIN_(INCORRECT|INVALID|LEN_RANGE)$/, () => new WrongPin('The secure element refused the PIN.')],
  [/^CKR_PIN_(LOCKED|EXPIRED)$|^CKR_USER_PIN_NOT_INITIALIZED$/, (said) => lockedPin(said)],
  [
    /^CKR_(DEVICE_MEMORY|HOST_MEMORY)$/,
    () => unsuitable('has no room left for a key', 'Remove a key that nothing needs from it.'),
  ],
  [
    /^CKR_(DOMAIN_PARAMS_INVALID|CURVE_NOT_SUPPORTED|MECHANISM_\w+|ATTRIBUTE_\w+|TEMPLATE_\w+|FUNCTION_NOT_SUPPORTED|KEY_\w+|DATA_LEN_RANGE|TOKEN_WRITE_PROTECTED)$/,
    (said) => unsuitable(`cannot do what the ledger needs (${said})`, whatItNeeds),
  ],
  [
    /^CKR_(DEVICE_REMOVED|TOKEN_NOT_PRESENT|TOKEN_NOT_RECOGNIZED|DEVICE_ERROR)$/,
    (said) => unavailable(`went away (${said})`, 'Plug it in again.'),
  ],
];

function failure(element: Element, said: string, signal: NodeJS.Signals | null): EncroCamError {
  // The last is what ended it. Its own words hold no PIN, but the library's, which it passes on, are anybody's.
  // OpenSC 0.23 has no name for the value that PKCS#11 3.0 added.
  const named = said.replaceAll('unknown PKCS11 error (0x140)', 'CKR_CURVE_NOT_SUPPORTED');
  const codes = [...named.matchAll(/rv\s*[:=]\s*(CKR_\w+)/g)].map((match) => match[1] ?? '');
  const quoted = printable(
    hide(said, element.pin)
      .trim()
      .replace(/\s*\bAborting\.$/, '')
      .replaceAll(/\s*\n\s*/g, '; '),
  ).slice(-maxQuotedCharacters);
  if (/Failed to load pkcs11 module/.test(said)) {
    return unavailable(
      `has no PKCS#11 library that can be loaded from ${element.module} (${quoted})`,
      'Install the library of its maker and correct ledger.identity.module.',
    );
  }
  if (/No slot with (a )?token|No slots?\b/i.test(said)) return noToken(element.token, []);
  if (/Unknown EC key params|Unknown key type/i.test(said)) {
    return unsuitable('cannot be used: this pkcs11-tool does not know secp256k1', 'Install a newer OpenSC.');
  }
  if (/mechanism \w+ not supported/i.test(said))
    return unsuitable(`cannot do what the ledger needs (${quoted})`);
  for (const code of codes.toReversed()) {
    const found = meanings.find(([wanted]) => wanted.test(code));
    if (found) return found[1](code);
  }
  const how = signal ? `pkcs11-tool was ended by ${signal}` : quoted || 'pkcs11-tool does not say why';
  return unavailable(`cannot be used: ${how}`);
}

function hide(text: string, pin: string): string {
  return pin.length < 4 ? text : text.replaceAll(pin, '(secret)');
}

export function noToken(token: string, others: readonly string[]): EncroCamError {
  const there = others.length === 0 ? 'no token is there' : `there are: ${others.map(printable).join(', ')}`;
  return unavailable(
    `is not there: no token is named ${printable(token)} (${there})`,
    'Plug it in, or correct ledger.identity.token.',
  );
}

export function lockedPin(why: string): EncroCamError {
  return new EncroCamError('ELEMENT_PIN', `The secure element takes no PIN now (${why}).`, {
    hint: 'Log in to it once by hand with the right PIN (pkcs11-tool --login), or unlock it with its PUK or SO PIN.',
  });
}

export function pinRefusedBefore(): EncroCamError {
  return new WrongPin('The secure element refused this PIN before.');
}

export function unsuitable(what: string, hint: string = whatItNeeds): EncroCamError {
  return new EncroCamError('ELEMENT_UNSUITABLE', `The secure element ${what}.`, { hint });
}

export function unavailable(
  what: string,
  hint = 'Look at the element and its library; what needs it is tried again.',
): EncroCamError {
  return new EncroCamError('ELEMENT_UNAVAILABLE', `The secure element ${what}.`, { hint });
}

function missing(program: string, cause: Error): EncroCamError {
  return new EncroCamError('PROGRAM_MISSING', `The program ${program} is not installed.`, {
    hint: 'Install it, then try again: apt install opensc.',
    cause,
  });
}
