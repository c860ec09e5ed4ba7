/** `state` beside the configuration, where there is one: on a camera it is the services' own, on the encrypted partition. */
import { stat } from 'node:fs/promises';
import path from 'node:path';

export async function stateDirectoryOf(configFile: string): Promise<string | undefined> {
  const directory = path.join(path.dirname(configFile), 'state');
  const found = await stat(directory).catch(() => undefined);
  return found?.isDirectory() ? directory : undefined;
}
