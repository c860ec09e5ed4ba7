/**
 * `encrocam`: finds the command, loads only what that command needs, and turns what it throws into a message and
 * an exit code.
 */
import { parseArgs } from 'node:util';
import { type Command, commands, findCommand } from './commands.ts';
import { EncroCamError, isEncroCamError, messageOf } from './errors.ts';
import { exitCode } from './exit-codes.ts';

const visibleCommands = commands.filter((command) => !command.hidden);

async function main(args: string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    const about = name === 'help' && rest[0] !== undefined ? findCommand(rest[0]) : undefined;
    process.stdout.write(about ? await commandHelp(about.name) : overview());
    return name === undefined ? exitCode.usage : exitCode.whole;
  }
  if (name === '--version') {
    const { default: manifest } = await import('../package.json', { with: { type: 'json' } });
    process.stdout.write(`encrocam ${manifest.version}\n`);
    return exitCode.whole;
  }
  const entry = findCommand(name);
  if (!entry) {
    throw new EncroCamError('USAGE', `There is no command ${JSON.stringify(name)}.`, {
      hint: `Commands: ${visibleCommands.map((command) => command.name).join(', ')}. See encrocam --help.`,
    });
  }
  const command = await entry.load();
  if (rest.includes('--help') || rest.includes('-h')) {
    process.stdout.write(command.help);
    return exitCode.whole;
  }
  let parsed: ReturnType<typeof parseArgs>;
  try {
    parsed = parseArgs({
      args: joinNegative(rest, command.options),
      options: command.options,
      allowPositionals: true,
      strict: true,
    });
  } catch (error) {
    throw new EncroCamError('USAGE', messageOf(error), { hint: `See encrocam ${name} --help.` });
  }
  return command.run(parsed);
}

/**
 * `--from -10m` as `--from=-10m`: the parser takes a value that begins with `-` for another option otherwise.
 * Only a digit may follow, so that a forgotten value is still noticed.
 */
function joinNegative(args: readonly string[], options: Command['options']): string[] {
  const joined: string[] = [];
  for (const argument of args) {
    const option = joined.at(-1);
    const takesValue = option?.startsWith('--') && options[option.slice(2)]?.type === 'string';
    if (takesValue && /^-\d/.test(argument)) joined[joined.length - 1] = `${option}=${argument}`;
    else joined.push(argument);
  }
  return joined;
}

function overview(): string {
  const width = Math.max(...visibleCommands.map((command) => command.name.length));
  const lines = visibleCommands.map((command) => `  ${command.name.padEnd(width)}  ${command.summary}`);
  return [
    'encrocam: a camera that encrypts every second for its owner, signs it, and streams it to any FTP drive',
    '',
    'Usage: encrocam COMMAND [ARGUMENTS]',
    '',
    ...lines,
    '',
    'encrocam COMMAND --help explains one of them. Exit codes: docs/ref/exit-codes.md.',
    '',
  ].join('\n');
}

async function commandHelp(name: string): Promise<string> {
  const command = await findCommand(name)?.load();
  return command?.help ?? overview();
}

function report(error: unknown): number {
  if (isEncroCamError(error)) {
    process.stderr.write(`encrocam: ${error.message} [${error.code}]\n`);
    if (error.hint) process.stderr.write(`  ${error.hint}\n`);
    return error.code === 'NOT_AUTHENTIC' ? exitCode.notAuthentic : exitCode.usage;
  }
  process.stderr.write(`encrocam: ${messageOf(error)} [INTERNAL]\n`);
  process.stderr.write('  This is a defect in EncroCam; ENCROCAM_DEBUG=1 prints where it happened.\n');
  if (process.env.ENCROCAM_DEBUG && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  return exitCode.usage;
}

// A reader that goes away (`encrocam decrypt … | head`) is no failure of ours worth a stack trace.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(exitCode.usage);
  throw error;
});

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.exitCode = report(error);
}
