/** How each server is told what to do: its configuration files and its command line. No processes here. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import path from 'node:path';
import { ownerAccount, proftpdAppendOnly, pureFtpdAppendOnly, vsftpdAppendOnly } from './append-only.ts';
import type { ServerCertificate } from './certificates.ts';
import type { FetchedServer } from './fetch.ts';
import type { ServerPorts } from './ports.ts';
import type { FtpServerOptions, FtpSoftware } from './types.ts';

export interface LaunchPlan {
  readonly options: FtpServerOptions;
  readonly fetched: FetchedServer;
  readonly ports: ServerPorts;
  readonly host: string;
  readonly certificate: ServerCertificate;
  /** For the server's own files. */
  readonly workDirectory: string;
  readonly rootDirectory: string;
  readonly user: string;
  readonly password: string;
  /** Whether the server is started as root. */
  readonly asRoot: boolean;
  /** The ids that sessions run as. */
  readonly uid: number;
  readonly gid: number;
}

export interface Launch {
  /** A command that goes in front of the server's own. */
  readonly wrapper?: readonly string[];
  readonly args: readonly string[];
  readonly logFile: string;
}

export const prepareLaunch: Record<FtpSoftware, (plan: LaunchPlan) => Promise<Launch>> = {
  vsftpd: prepareVsftpd,
  proftpd: prepareProftpd,
  'pure-ftpd': preparePureFtpd,
};

/**
 * vsftpd logs users of the system in, through PAM: in a mount name space that nobody else sees, the server gets an
 * account database and a PAM service of its own laid over those in /etc.
 */
async function prepareVsftpd(plan: LaunchPlan): Promise<Launch> {
  const { options, ports, certificate, workDirectory, host } = plan;
  const logFile = path.join(workDirectory, 'vsftpd.log');
  const etc = path.join(workDirectory, 'etc');
  const configuration = path.join(workDirectory, 'vsftpd.conf');
  const empty = path.join(workDirectory, 'empty');
  await mkdir(empty, { mode: 0o755, recursive: true });
  const ids = `${plan.uid}:${plan.gid}`;
  await mkdir(path.join(etc, 'pam.d'), { recursive: true });
  await writeFile(
    path.join(etc, 'pam.d', 'encrocam-test'),
    'auth required pam_unix.so\naccount required pam_unix.so\n',
  );
  const passwd = await readFile('/etc/passwd', 'utf8');
  await writeFile(
    path.join(etc, 'passwd'),
    `${passwd}${plan.user}:x:${ids}::${plan.rootDirectory}:/bin/false\n`,
  );
  await writeFile(
    path.join(etc, 'shadow'),
    `${plan.user}:${await passwordHash(plan.password)}:20000:0:99999:7:::\n`,
    { mode: 0o600 },
  );
  const settings: Record<string, string | number | boolean> = {
    background: false,
    listen: host !== '::1',
    listen_ipv6: host === '::1',
    [host === '::1' ? 'listen_address6' : 'listen_address']: host,
    listen_port: ports.control,
    pasv_min_port: ports.passive[0],
    pasv_max_port: ports.passive[1],
    anonymous_enable: false,
    local_enable: true,
    pam_service_name: 'encrocam-test',
    check_shell: false,
    session_support: false,
    nopriv_user: 'nobody',
    local_root: plan.rootDirectory,
    chroot_local_user: true,
    allow_writeable_chroot: true,
    write_enable: true,
    local_umask: '022',
    secure_chroot_dir: empty,
    // Name spaces and system call filters are what containers forbid.
    isolate: false,
    isolate_network: false,
    seccomp_sandbox: false,
    ssl_enable: true,
    force_local_logins_ssl: !options.allowPlain,
    force_local_data_ssl: !options.allowPlain,
    rsa_cert_file: certificate.certificateFile,
    rsa_private_key_file: certificate.keyFile,
    ssl_ciphers: 'HIGH',
    require_ssl_reuse: options.requireSessionReuse ?? true,
    xferlog_enable: true,
    log_ftp_protocol: true,
    vsftpd_log_file: logFile,
    ...(options.idleDataTimeoutSeconds === undefined
      ? {}
      : { data_connection_timeout: options.idleDataTimeoutSeconds }),
    ...(options.appendOnly ? await vsftpdUser(plan) : {}),
  };
  const lines = Object.entries(settings).map(
    ([name, value]) => `${name}=${typeof value === 'boolean' ? (value ? 'YES' : 'NO') : value}\n`,
  );
  await writeFile(configuration, lines.join(''), { mode: 0o600 });
  const enter = [
    // It refuses a configuration that belongs to somebody else than root.
    'etc=$1 && chown 0:0 "$2" && shift 2',
    'for name in passwd shadow pam.d; do mount --bind "$etc/$name" "/etc/$name" || exit 1; done',
    'exec "$@"',
  ].join('\n');
  const wrapper = ['unshare', '--mount', 'sh', '-c', enter, 'sh', etc, configuration];
  return { wrapper, args: [configuration], logFile };
}

/** Settings of one account, in the file that the guide gives them. */
async function vsftpdUser({ workDirectory, user }: LaunchPlan): Promise<Record<string, string>> {
  const directory = path.join(workDirectory, 'users');
  await mkdir(directory);
  const lines = Object.entries(await vsftpdAppendOnly()).map(([name, value]) => `${name}=${value}\n`);
  await writeFile(path.join(directory, user), lines.join(''));
  return { user_config_dir: directory };
}

async function prepareProftpd(plan: LaunchPlan): Promise<Launch> {
  const { options, ports, certificate, workDirectory, host } = plan;
  const logFile = path.join(workDirectory, 'proftpd.log');
  const passwd = path.join(workDirectory, 'passwd');
  const group = path.join(workDirectory, 'group');
  const configuration = path.join(workDirectory, 'proftpd.conf');
  const hash = await passwordHash(plan.password);
  const accounts = options.appendOnly ? [plan.user, ownerAccount] : [plan.user];
  const ids = `${plan.uid}:${plan.gid}::${plan.rootDirectory}:/bin/false\n`;
  await writeFile(passwd, accounts.map((name) => `${name}:${hash}:${ids}`).join(''));
  await writeFile(group, `drive:x:${plan.gid}:\n`);
  await chmod(passwd, 0o600);
  await chmod(group, 0o600);
  const root = plan.asRoot;
  const quota = options.quotaBytes === undefined ? [] : await proftpdQuota(plan, options.quotaBytes);
  const modules = path.join(plan.fetched.directory, 'usr/lib/proftpd');
  const lines = [
    `ModulePath ${modules}`,
    // Transfers and listings are part of the program in Debian 12, and modules to load in Debian 13.
    ...['mod_xfer', 'mod_ls']
      .filter((name) => existsSync(path.join(modules, `${name}.so`)))
      .map((name) => `LoadModule ${name}.c`),
    'LoadModule mod_tls.c',
    ...(root ? [] : ['LoadModule mod_vroot.c', 'VRootEngine on']),
    ...(quota.length > 0 ? ['LoadModule mod_quotatab.c', 'LoadModule mod_quotatab_file.c', ...quota] : []),
    'ServerType standalone',
    'UseReverseDNS off',
    'UseIPv6 on',
    `DefaultAddress ${host}`,
    'SocketBindTight on',
    `Port ${ports.control}`,
    `PassivePorts ${ports.passive[0]} ${ports.passive[1]}`,
    `PidFile ${path.join(workDirectory, 'proftpd.pid')}`,
    `ScoreboardFile ${path.join(workDirectory, 'proftpd.scoreboard')}`,
    '<IfModule mod_delay.c>',
    '  DelayEngine off',
    '</IfModule>',
    'AuthPAM off',
    'AuthOrder mod_auth_file.c',
    `AuthUserFile ${passwd}`,
    `AuthGroupFile ${group}`,
    'RequireValidShell off',
    'WtmpLog off',
    `SystemLog ${logFile}`,
    `TransferLog none`,
    // Without these it would try to become root. An id without an entry in the account database will not do.
    ...(root
      ? ['User nobody', 'Group nogroup']
      : [`User ${userInfo().username}`, `Group ${await groupName(plan.gid)}`]),
    'ControlsEngine off',
    `ControlsSocket ${path.join(workDirectory, 'controls')}`,
    'DefaultRoot ~',
    'Umask 022 022',
    'AllowOverwrite on',
    'AllowStoreRestart on',
    'AllowRetrieveRestart on',
    ...(options.idleDataTimeoutSeconds === undefined
      ? []
      : [
          `TimeoutStalled ${options.idleDataTimeoutSeconds}`,
          `TimeoutNoTransfer ${options.idleDataTimeoutSeconds}`,
        ]),
    'TLSEngine on',
    `TLSRequired ${options.allowPlain ? 'off' : 'on'}`,
    'TLSProtocol TLSv1.2 TLSv1.3',
    `TLSRSACertificateFile ${certificate.certificateFile}`,
    `TLSRSACertificateKeyFile ${certificate.keyFile}`,
    'TLSVerifyClient off',
    `TLSLog ${path.join(workDirectory, 'proftpd-tls.log')}`,
    ...(options.requireSessionReuse === false ? ['TLSOptions NoSessionReuseRequired'] : []),
  ];
  const everything = options.appendOnly
    ? await proftpdAppendOnly(lines)
    : [...lines, '<Limit ALL>', '  AllowAll', '</Limit>'];
  await writeFile(configuration, `${everything.join('\n')}\n`, { mode: 0o600 });
  return { args: ['-n', '-q', '-c', configuration], logFile };
}

/** mod_quotatab's tables; a hard limit is checked before each block is written and answered with 552. */
async function proftpdQuota(plan: LaunchPlan, quotaBytes: number): Promise<string[]> {
  const tool = path.join(plan.fetched.directory, 'usr/sbin/ftpquota');
  const limits = path.join(plan.workDirectory, 'quota-limits');
  const tallies = path.join(plan.workDirectory, 'quota-tallies');
  await execute('perl', [tool, '--create-table', '--type=limit', `--table-path=${limits}`]);
  await execute('perl', [tool, '--create-table', '--type=tally', `--table-path=${tallies}`]);
  await execute('perl', [
    ...[tool, '--add-record', '--type=limit', `--table-path=${limits}`, `--name=${plan.user}`],
    ...['--quota-type=user', '--limit-type=hard', `--bytes-upload=${quotaBytes}`, '--units=byte'],
  ]);
  return [
    'QuotaEngine on',
    `QuotaLimitTable file:${limits}`,
    `QuotaTallyTable file:${tallies}`,
    `QuotaLog ${path.join(plan.workDirectory, 'quota.log')}`,
  ];
}

async function preparePureFtpd(plan: LaunchPlan): Promise<Launch> {
  const { options, ports, certificate, workDirectory, host } = plan;
  const logFile = path.join(workDirectory, 'pure-ftpd.log');
  const accounts = path.join(workDirectory, 'accounts');
  const database = path.join(workDirectory, 'accounts.pdb');
  // Written here rather than by `pure-pw useradd`, whose Argon2 takes a second of processor time at each log-in.
  const quota = options.quotaBytes ?? '';
  const hash = await passwordHash(plan.password);
  await writeFile(
    accounts,
    `${plan.user}:${hash}:${plan.uid}:${plan.gid}::${plan.rootDirectory}/./:::::::${quota}:::::\n`,
    { mode: 0o600 },
  );
  await execute(path.join(plan.fetched.directory, 'usr/bin/pure-pw'), ['mkdb', database, '-f', accounts], {
    libraryPath: plan.fetched.libraryPath,
  });
  return {
    args: [
      ...['-S', `${host},${ports.control}`, '-p', `${ports.passive[0]}:${ports.passive[1]}`],
      ...['-A', '-E', '-H', '-x', '-u', '1', '-j', '-l', `puredb:${database}`],
      ...['-c', '20', '-C', '20', '-U', '133:022', '-g', path.join(workDirectory, 'pure-ftpd.pid')],
      ...[
        '-O',
        `clf:${logFile}`,
        '-f',
        'none',
        '-Y',
        options.allowPlain ? '1' : '3',
        '-2',
        certificate.combinedFile,
      ],
      ...(options.idleDataTimeoutSeconds === undefined
        ? []
        : ['-I', String(Math.ceil(options.idleDataTimeoutSeconds / 60))]),
      ...(options.appendOnly ? await pureFtpdAppendOnly() : []),
    ],
    logFile,
  };
}

async function groupName(gid: number): Promise<string> {
  return (await execute('getent', ['group', String(gid)])).split(':', 1)[0] ?? '';
}

async function passwordHash(password: string): Promise<string> {
  return (await execute('openssl', ['passwd', '-6', '-stdin'], { input: `${password}\n` })).trim();
}

function execute(
  command: string,
  args: readonly string[],
  { input, libraryPath }: { input?: string; libraryPath?: string } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const env = libraryPath ? { ...process.env, LD_LIBRARY_PATH: libraryPath } : process.env;
    const child = execFile(command, [...args], { env }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${command} ${args[0]}: ${error.message} ${stderr}`));
      else resolve(stdout);
    });
    // A program that does not read may be gone before the pipe is closed: its exit code tells how it went.
    child.stdin?.on('error', () => undefined).end(input);
  });
}
