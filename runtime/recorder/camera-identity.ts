/**
 * Which camera it is, as far as it says so itself: a recording tells later whether another was plugged in. Whoever builds a
 * device can give it any identity: this shows a mix-up, and no fraud.
 */
import { open, realpath } from 'node:fs/promises';
import path from 'node:path';
import type { Camera } from '../config/load.ts';

export interface CameraIdentity {
  /** The driver's name for it. */
  readonly name?: string;
  /** USB: what it says of itself. */
  readonly usb?: UsbIdentity;
}

export interface UsbIdentity {
  /** Four hexadecimal digits, as in `lsusb`. */
  readonly vendor: string;
  readonly product: string;
  readonly serial?: string;
  readonly manufacturer?: string;
  readonly model?: string;
  /** Where it is plugged in: bus and ports, as in `1-1.3`. */
  readonly port: string;
}

/** The kernel allows 126 characters in a USB string; as UTF-8 they take no more than this. */
const maxAttributeBytes = 512;
/** From a video device up to its USB device it is one or two; a PCI bridge or two more are above it. */
const maxLevels = 8;
const deviceName = /^video\d{1,3}$/;

/**
 * @param system where the kernel shows its devices.
 * @returns `undefined` if the source is no V4L2 device, or is not there.
 */
export async function cameraIdentity(
  input: Pick<Camera['input'], 'format' | 'device'>,
  system = '/sys',
): Promise<CameraIdentity | undefined> {
  if (input.format !== 'v4l2') return undefined;
  // /dev/v4l/by-id/… is a link to /dev/videoN.
  const node = path.basename(await realpath(input.device).catch(() => input.device));
  if (!deviceName.test(node)) return undefined;
  const entry = path.join(system, 'class/video4linux', node);
  const name = await attribute(entry, 'name');
  const usb = await usbIdentity(path.join(entry, 'device'), system);
  if (name === undefined && usb === undefined) return undefined;
  return { ...(name === undefined ? {} : { name }), ...(usb === undefined ? {} : { usb }) };
}

/** The device is an interface of the USB device, whose directory is above its own. */
async function usbIdentity(device: string, system: string): Promise<UsbIdentity | undefined> {
  const [top, start] = await Promise.all([realpath(system), realpath(device)]).catch(() => []);
  if (top === undefined || start === undefined) return undefined;
  let directory = start;
  for (let level = 0; level < maxLevels && directory.startsWith(`${top}${path.sep}`); level++) {
    const [vendor, product] = await Promise.all([
      attribute(directory, 'idVendor'),
      attribute(directory, 'idProduct'),
    ]);
    if (vendor !== undefined && product !== undefined) {
      const [serial, manufacturer, model] = await Promise.all(
        ['serial', 'manufacturer', 'product'].map((name) => attribute(directory, name)),
      );
      return {
        ...{ vendor, product },
        ...(serial === undefined ? {} : { serial }),
        ...(manufacturer === undefined ? {} : { manufacturer }),
        ...(model === undefined ? {} : { model }),
        port: path.basename(directory),
      };
    }
    directory = path.dirname(directory);
  }
  return undefined;
}

/** One line of text; `undefined` if there is none. */
async function attribute(directory: string, name: string): Promise<string | undefined> {
  try {
    const file = await open(path.join(directory, name));
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(maxAttributeBytes), 0, maxAttributeBytes, 0);
      const [line = ''] = buffer.toString('utf8', 0, bytesRead).split('\n', 1);
      // It is the device that says so: nothing of it may steer a terminal.
      const clean = line.replaceAll(/\p{C}/gu, '').trim();
      return clean === '' ? undefined : clean;
    } finally {
      await file.close();
    }
  } catch {
    return undefined;
  }
}
