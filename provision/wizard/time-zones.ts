/** Reads the time zone data base's table of zones. Pure. */
import type { TimeZone } from './machine.ts';

const universal: TimeZone = { name: 'Etc/UTC', country: undefined };

/**
 * The zones of `zone.tab`, one for each region and country, in alphabetical order. Where there is no such table, those
 * that Node.js knows.
 */
export function parseZoneTable(text: string): TimeZone[] {
  const zones: TimeZone[] = [];
  for (const line of text.split('\n')) {
    const [country, , name] = line.split('\t');
    if (!line.startsWith('#') && country && name) zones.push({ name, country });
  }
  if (zones.length === 0) {
    zones.push(...Intl.supportedValuesOf('timeZone').map((name) => ({ name, country: undefined })));
  }
  const sorted = zones
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .filter(({ name }) => name !== universal.name);
  return [universal, ...sorted];
}
