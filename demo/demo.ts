/**
 * `make demo`: a camera, a drive and its owner on this computer, with throwaway keys and a real FTP server with TLS.
 * Says what happens as it happens, plays the recording back from the drive, and lets ffprobe judge the result
 * before it calls it good. Goes on until Ctrl-C (`ONCE=1`: ends after the check); nothing is left running.
 */
import { execFile, type SpawnOptions } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type FtpServer, startFtpServer } from '../test/ftp-servers/index.ts';
import { makeOwnerKey } from '../test/support/owner-key.ts';
import { type Service, startService } from '../test/support/service.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('..', import.meta.url));
const encrocam = path.join(root, 'bin/encrocam');
const cameraName = 'demo';
/** Video on the drive before the owner has a look. */
const secondsBeforeWatching = 12;
/** Beyond this, something is wrong. */
const maxSecondsToFirstBytes = 30;
const size = { width: 640, height: 360 };

const colour = process.stdout.isTTY && !process.env.NO_COLOR;
const bold = (text: string): string => (colour ? `\u001b[1m${text}\u001b[0m` : text);
const green = (text: string): string => (colour ? `\u001b[32m${text}\u001b[0m` : text);
const red = (text: string): string => (colour ? `\u001b[31m${text}\u001b[0m` : text);
const dim = (text: string): string => (colour ? `\u001b[2m${text}\u001b[0m` : text);

const stopping = new AbortController();
process.on('SIGINT', () => stopping.abort());
process.on('SIGTERM', () => stopping.abort());

/** As one would type it where `make demo` was called. */
function relative(file: string): string {
  return file.startsWith(root) ? path.relative(root, file) : file;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

interface Demo {
  directory: string;
  configFile: string;
  ownerSecretFile: string;
  cameraPublicFile: string;
  server: FtpServer;
}

async function prepare(directory: string, server: FtpServer): Promise<Demo> {
  const ownerPublicFile = path.join(directory, 'owner.public.asc');
  const ownerSecretFile = path.join(directory, 'owner.secret.asc');
  await makeOwnerKey(ownerPublicFile, ownerSecretFile);
  await run(encrocam, ['keygen', '--out', path.join(directory, 'camera'), '--name', 'EncroCam demo']);
  const camera = existsSync('/dev/video0')
    ? { name: cameraName, input: { device: '/dev/video0' } }
    : {
        name: cameraName,
        input: { format: 'lavfi', device: `testsrc2=size=${size.width}x${size.height}:rate=15` },
        encoder: { preset: 'ultrafast' },
      };
  const configFile = path.join(directory, 'config.json');
  const config = {
    owner: { keys: [ownerPublicFile] },
    signing: { key: 'camera.secret.asc' },
    cameras: [camera],
    recordings: { directory: 'disk' },
    storage: {
      driver: 'ftp',
      host: server.host,
      port: server.port,
      user: server.user,
      password: server.password,
      tls: { certificateAuthority: server.caFile },
    },
    log: { level: 'info', format: 'text' },
  };
  await writeFile(configFile, JSON.stringify(config, undefined, 2), { mode: 0o600 });
  say(
    `  camera   ${camera.input.device}${camera.input.device === '/dev/video0' ? '' : ' (a test picture: no /dev/video0 here)'}`,
  );
  say(`  drive    ${server.software}, ftps://${server.user}@${server.host}:${server.port}/`);
  say(`  keys     an owner and a camera, made for this demo only`);
  say(`  files    ${relative(directory)}`);
  return {
    directory,
    configFile,
    ownerSecretFile,
    cameraPublicFile: path.join(directory, 'camera.public.asc'),
    server,
  };
}

/** The newest recording in a directory, with its size. */
async function newest(directory: string): Promise<{ name: string; bytes: number } | undefined> {
  if (!existsSync(directory)) return undefined;
  const name = readdirSync(directory)
    .filter((file) => file.endsWith('.encrocam'))
    .sort()
    .at(-1);
  return name === undefined ? undefined : { name, bytes: (await stat(path.join(directory, name))).size };
}

/** Shows the bytes on both ends until there is enough to watch, or until Ctrl-C when `seconds` is not given. */
async function watchGrowing(demo: Demo, services: Service[], seconds?: number): Promise<void> {
  const disk = path.join(demo.directory, 'disk', cameraName);
  const drive = path.join(demo.server.rootDirectory, cameraName);
  const startedMs = Date.now();
  let firstBytesMs: number | undefined;
  while (!stopping.signal.aborted) {
    for (const service of services) service.throwIfEnded();
    const [local, remote] = [await newest(disk), await newest(drive)];
    if (remote && remote.bytes > 0) firstBytesMs ??= Date.now();
    const line = `  ${(local?.name ?? '(no recording yet)').padEnd(36)} disk ${bytes(local?.bytes)}   drive ${bytes(remote?.bytes)}`;
    if (process.stdout.isTTY) process.stdout.write(`\r\u001b[K${line}`);
    else say(line);
    if (seconds !== undefined && firstBytesMs && Date.now() - firstBytesMs >= seconds * 1000) break;
    if (!firstBytesMs && Date.now() - startedMs > maxSecondsToFirstBytes * 1000) {
      throw new Error(`nothing reached the drive in ${maxSecondsToFirstBytes} s`);
    }
    await pause(1000, undefined, { signal: stopping.signal }).catch(() => undefined);
  }
  if (process.stdout.isTTY) say('');
}

function bytes(count: number | undefined): string {
  return `${((count ?? 0) / 1e6).toFixed(3)} MB`.padStart(11);
}

async function watchAsOwner(demo: Demo): Promise<void> {
  const remote = await newest(path.join(demo.server.rootDirectory, cameraName));
  if (!remote) throw new Error('there is no recording on the drive');
  const { server } = demo;
  const location = `ftps://${server.user}@${server.host}:${server.port}/${cameraName}/${remote.name}`;
  const output = path.join(demo.directory, 'watched.mp4');
  const options = [
    '--signed-by',
    demo.cameraPublicFile,
    '--key',
    demo.ownerSecretFile,
    '--ca',
    server.caFile,
  ];
  say(`\n${bold('The owner plays it back, from the drive.')} The command, to copy:\n`);
  const shown = options.map((value, index) => (index % 2 === 0 ? value : relative(value)));
  say(`  ENCROCAM_FTP_PASSWORD=${server.password} bin/encrocam decrypt \\`);
  say(`    ${location} \\`);
  say(`    ${relative(output)} --force \\`);
  say(`    ${shown.slice(0, 4).join(' ')} \\`);
  say(`    ${shown.slice(4).join(' ')}\n`);
  const environment = { ...process.env, ENCROCAM_FTP_PASSWORD: server.password };
  // The camera goes on while it is read: a packet that is just arriving is cut, which is exit code 2.
  const code = await exitCodeOf(encrocam, ['decrypt', location, output, '--force', ...options], {
    env: environment,
  });
  if (code !== 0 && code !== 2) throw new Error(`encrocam decrypt ended with ${code}`);

  const { stdout } = await run('ffprobe', [
    '-v',
    'error',
    '-count_frames',
    '-select_streams',
    'v:0',
    '-show_entries',
    'stream=codec_name,width,height,nb_read_frames:format=duration',
    '-of',
    'json',
    output,
  ]);
  const probe = JSON.parse(stdout) as {
    streams: { codec_name: string; width: number; height: number; nb_read_frames: string }[];
    format: { duration: string };
  };
  const [video] = probe.streams;
  const frames = Number(video?.nb_read_frames);
  const duration = Number(probe.format.duration);
  if (video?.codec_name !== 'h264' || !(frames >= 15) || !(duration >= secondsBeforeWatching / 2)) {
    throw new Error(`ffprobe does not accept it: ${stdout}`);
  }
  const picture = path.join(demo.directory, 'frame.png');
  await run('ffmpeg', ['-v', 'error', '-y', '-i', output, '-frames:v', '1', picture]);
  say(
    green(
      `  Verified by ffprobe: ${video.codec_name}, ${video.width}x${video.height}, ${frames} frames, ${duration.toFixed(1)} s.`,
    ),
  );
  say(`  The video: ${relative(output)}\n  A frame:   ${relative(picture)}`);

  const forged = await exitCodeOf(
    encrocam,
    [
      'decrypt',
      location,
      '/dev/null',
      '--force',
      ...options.with(1, demo.ownerSecretFile.replace('secret', 'public')),
    ],
    { env: environment, stdio: 'ignore' },
  );
  if (forged !== 3) throw new Error(`a recording by another signer ended with ${forged}, not 3`);
  say(green('  Asked for another signer, decrypt writes nothing and ends with 3 (not authentic).'));
}

async function exitCodeOf(command: string, args: string[], options: SpawnOptions): Promise<number | null> {
  const { spawn } = await import('node:child_process');
  return new Promise((resolve, reject) => {
    spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'], ...options })
      .on('error', reject)
      .on('exit', resolve);
  });
}

async function main(): Promise<number> {
  await mkdir(path.join(root, 'build'), { recursive: true });
  const directory = await mkdtemp(path.join(root, 'build/demo-'));
  const services: Service[] = [];
  let server: FtpServer | undefined;
  try {
    say(bold('EncroCam: from a camera to its owner, through a drive that learns nothing\n'));
    server = await startFtpServer({ software: 'proftpd' });
    const demo = await prepare(directory, server);
    say(`\n${bold('It records, encrypts, signs, and appends to the drive:')}\n`);
    for (const name of ['record', 'sync']) {
      services.push(startService(name, encrocam, [name, '--config', demo.configFile]));
    }
    await watchGrowing(demo, services, secondsBeforeWatching);
    if (!stopping.signal.aborted) await watchAsOwner(demo);
    if (!stopping.signal.aborted && !process.env.ONCE) {
      say(`\n${bold('It goes on recording.')} Ctrl-C ends the demo and removes its files.\n`);
      await watchGrowing(demo, services);
    }
    return 0;
  } catch (error) {
    // Ctrl-C in a terminal also ends the programs that the demo was just waiting for.
    if (stopping.signal.aborted) return 0;
    say(red(`\nThe demo failed: ${error instanceof Error ? error.message : String(error)}`));
    for (const service of services) say(dim(service.output()));
    return 1;
  } finally {
    await Promise.all(services.map((service) => service.stop()));
    await server?.stop();
    if (stopping.signal.aborted) await rm(directory, { recursive: true, force: true });
    say(
      stopping.signal.aborted
        ? 'Stopped; nothing is left running.'
        : 'The demo has ended; nothing is left running.',
    );
  }
}

process.exitCode = await main();
