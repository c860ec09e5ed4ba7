/** What recordings need, and how many days fit. Pure. */

const secondsPerDay = 86_400;
/** What EncroCrypt adds at most: 54 bytes a packet (version 2; version 3 has 29), some 8 packets a second, and headers. */
const sealingBytesPerSecond = 450;
/** Video grows with what moves: the test showed a few seconds of it. */
const reserve = 1.25;

/** Bytes a day of a camera whose test recording had this rate. */
export function bytesPerDay(videoBytesPerSecond: number): number {
  return (videoBytesPerSecond * reserve + sealingBytesPerSecond) * secondsPerDay;
}

/** Whole days of recordings that fit into `bytes`. */
export function daysThatFit(bytes: number, dailyBytes: number): number {
  return dailyBytes > 0 ? Math.floor(Math.max(0, bytes) / dailyBytes) : 0;
}

/** `8.4 GB`, `120 MB`: three digits at most, units of 1000. */
export function readableBytes(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? 0 : value >= 10 ? 0 : 1;
  return `${value.toFixed(digits)} ${units[unit]}`;
}

/** `5.1 Mbit/s`, from bytes a second. */
export function readableBitRate(bytesPerSecond: number): string {
  const kilobits = (bytesPerSecond * 8) / 1000;
  return kilobits >= 999.5 ? `${(kilobits / 1000).toFixed(1)} Mbit/s` : `${Math.round(kilobits)} kbit/s`;
}

export function readableDays(days: number): string {
  if (days >= 730) return `${Math.floor(days / 365)} years`;
  return days === 1 ? '1 day' : `${days} days`;
}
