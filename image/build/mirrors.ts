/** Which mirror an archive is fetched from: a snapshot that is asked for, the host's own choice, or the base's. */
import type { Archive, Base } from '../types.ts';
import type { Source } from './apt.ts';

export interface HostIndex {
  readonly origin: string;
  readonly label: string;
  readonly uri: string;
}

/** Reads `apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(REPO_URI)'`. */
export function parseIndexTargets(text: string): HostIndex[] {
  return text.split('\n').flatMap((line) => {
    const [origin, label, uri] = line.split('|');
    return origin && label && uri?.startsWith('http')
      ? [{ origin, label, uri: uri.replace(/\/+$/, '') }]
      : [];
  });
}

export interface MirrorChoice {
  /** A time such as 20260801T000000Z: packages as they were then. */
  readonly snapshot?: string | undefined;
  readonly host: readonly HostIndex[];
  /** For the building machine's architecture instead of the card's. */
  readonly native?: boolean;
}

export function sourcesOf(base: Base, choice: MirrorChoice): Source[] {
  return base.archives.map((archive) => ({
    uri: mirrorOf(archive, choice),
    suites: archive.suites,
    components: archive.components,
  }));
}

function mirrorOf(archive: Archive, { snapshot, host, native }: MirrorChoice): string {
  if (snapshot !== undefined && archive.snapshot) return archive.snapshot.replace('{time}', snapshot);
  const own = native ? archive.hostMirror : undefined;
  if (own) return own;
  // An archive that splits by architecture is not to be found by what the host uses for its own.
  if (archive.hostMirror) return archive.mirror;
  const known = host.find(({ origin, label }) => origin === archive.origin && label === archive.label);
  return known?.uri ?? archive.mirror;
}
