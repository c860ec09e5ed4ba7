/**
 * Takes over what Raspberry Pi Imager writes on the boot partition when its user fills in its form: cloud-init's
 * `user-data` and `network-config` with host name, time zone, account, SSH keys and Wi-Fi. Only these are read;
 * nothing is run. What cannot be taken over is told in `notes`, never with a secret in it.
 */
import { parseDocument } from 'yaml';
import { ConfigError } from '../../runtime/config/validate.ts';
import type { WifiAnswers } from './types.ts';
import { type PartialAnswers, validatePartialAnswers } from './validate.ts';

export interface CloudInitFiles {
  readonly userData?: string | undefined;
  readonly networkConfig?: string | undefined;
}

export interface TakenOver {
  readonly answers: PartialAnswers;
  /** What was left out and why, one sentence each. */
  readonly notes: readonly string[];
}

type Mapping = Readonly<Record<string, unknown>>;

/** What Imager writes has a few dozen lines, and no aliases. */
const maxCharacters = 64 * 1024;
const maxAliases = 0;

export function cloudInitAnswers(files: CloudInitFiles): TakenOver {
  const notes: string[] = [];
  const read = (name: string, text: string | undefined): Mapping => {
    if (text === undefined) return {};
    const value = parse(text);
    if (value) return value;
    notes.push(`${name} is not the YAML that Raspberry Pi Imager writes: nothing of it was taken over.`);
    return {};
  };
  const userData = read('user-data', files.userData);
  const network = read('network-config', files.networkConfig);

  const candidates: Record<string, unknown> = {};
  // Imager may write the name with its domain.
  const hostName = text(userData.hostname)?.split('.')[0];
  if (hostName) candidates.hostName = hostName;
  const timeZone = text(userData.timezone);
  if (timeZone) candidates.timeZone = timeZone;
  const account = accountOf(userData, notes);
  if (account) candidates.account = account;
  const wifi = wifiOf(network, notes);
  if (wifi) candidates.network = { wifi };

  // Each for itself: one that is wrong does not spoil the others.
  const answers: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(candidates)) {
    try {
      Object.assign(answers, validatePartialAnswers({ [name]: value }));
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      for (const { setting, expected } of error.problems) {
        notes.push(`${setting} from Raspberry Pi Imager was not taken over: expected ${expected}.`);
      }
    }
  }
  return { answers: answers as PartialAnswers, notes };
}

function parse(source: string): Mapping | undefined {
  if (source.length > maxCharacters) return undefined;
  const document = parseDocument(source, { prettyErrors: false, uniqueKeys: false });
  if (document.errors.length > 0) return undefined;
  try {
    const value: unknown = document.toJS({ maxAliasCount: maxAliases });
    return value === null || value === undefined ? {} : mapping(value);
  } catch {
    // An alias: its error quotes the file.
    return undefined;
  }
}

/** The first user with SSH keys. Passwords are not used on a camera. */
function accountOf(userData: Mapping, notes: string[]): Mapping | undefined {
  const users = Array.isArray(userData.users) ? userData.users.map((user: unknown) => mapping(user)) : [];
  for (const user of users) {
    const name = text(user?.name);
    if (!user || !name) continue;
    const listed = Array.isArray(user.ssh_authorized_keys) ? user.ssh_authorized_keys : [];
    const authorizedKeys = [
      ...new Set(
        listed.map((key: unknown) => text(key)?.trim()).filter((key) => key !== undefined && key !== ''),
      ),
    ];
    if (authorizedKeys.length > 0) return { name, authorizedKeys };
    notes.push(
      `The account ${JSON.stringify(name)} has no SSH key: it was not taken over. There are no passwords to log in with on a camera.`,
    );
  }
  return undefined;
}

/** The first wireless network; with or without the `network:` that cloud-init allows to leave out. */
function wifiOf(file: Mapping, notes: string[]): Partial<WifiAnswers> | undefined {
  const network = mapping(file.network) ?? file;
  for (const interfaceConfig of Object.values(mapping(network.wifis) ?? {})) {
    const wifi = mapping(interfaceConfig);
    const points = Object.entries(mapping(wifi?.['access-points']) ?? {});
    for (const [ssid, settings] of points) {
      const point = mapping(settings) ?? {};
      const password = text(point.password) ?? text(mapping(point.auth)?.password);
      const country = text(wifi?.['regulatory-domain'])?.toUpperCase();
      if (!country) {
        notes.push(
          `The wireless network ${JSON.stringify(ssid)} was not taken over: Raspberry Pi Imager was not told the country.`,
        );
        continue;
      }
      return {
        ssid,
        country,
        ...(password ? { passphrase: password } : {}),
        ...(point.hidden === true ? { hidden: true } : {}),
      };
    }
  }
  return undefined;
}

function mapping(value: unknown): Mapping | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Mapping)
    : undefined;
}

/** Text, also where YAML takes it for a number: a host may be called 42. */
function text(value: unknown): string | undefined {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}
