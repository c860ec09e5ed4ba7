import type { FtpServer, FtpServerOptions } from './types.ts';

/** Starts a server on free ports; resolves once it greets. Its files and processes end with `stop()` or the process. */
export async function startFtpServer(options: FtpServerOptions): Promise<FtpServer> {
  throw new Error(`not yet: ${options.software}`);
}
