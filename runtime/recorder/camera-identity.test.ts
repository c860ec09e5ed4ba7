import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { cameraIdentity } from './camera-identity.ts';

/** A /sys with one video device, as the kernel lays it out: links by class, directories by where things are plugged in. */
async function systemWith(
  context: TestContext,
  place: string,
  attributes: Record<string, string>,
): Promise<string> {
  const top = await mkdtemp(path.join(tmpdir(), 'encrocam-sys-'));
  context.after(() => rm(top, { recursive: true }));
  const entry = path.join(top, 'devices', place, 'video4linux/video0');
  await mkdir(entry, { recursive: true });
  await symlink('../..', path.join(entry, 'device'));
  await mkdir(path.join(top, 'class/video4linux'), { recursive: true });
  await symlink(
    path.relative(path.join(top, 'class/video4linux'), entry),
    path.join(top, 'class/video4linux/video0'),
  );
  for (const [name, value] of Object.entries(attributes)) {
    await writeFile(path.join(top, 'devices', name), value);
  }
  return top;
}

const place = 'pci0000:00/usb1/1-1/1-1.3/1-1.3:1.0';
const usb = 'pci0000:00/usb1/1-1/1-1.3';
const input = { format: 'v4l2', device: '/dev/video0' };
const ids = { [`${usb}/idVendor`]: '046d\n', [`${usb}/idProduct`]: '0825\n' };

test('a USB camera is known by vendor, product, serial number, and where it is plugged in', async (context) => {
  const system = await systemWith(context, place, {
    ...ids,
    [`${usb}/serial`]: '8B2F1A20\n',
    [`${usb}/product`]: 'HD Webcam C270\n',
    [`${place}/video4linux/video0/name`]: 'UVC Camera (046d:0825)\n',
    // A hub above it is a USB device as well.
    'pci0000:00/usb1/1-1/idVendor': '1d6b\n',
    'pci0000:00/usb1/1-1/idProduct': '0002\n',
  });
  assert.deepEqual(await cameraIdentity(input, system), {
    name: 'UVC Camera (046d:0825)',
    usb: { vendor: '046d', product: '0825', serial: '8B2F1A20', model: 'HD Webcam C270', port: '1-1.3' },
  });
});

test('a link such as /dev/v4l/by-id/… leads to the device', async (context) => {
  const system = await systemWith(context, place, ids);
  await writeFile(path.join(system, 'video0'), '');
  await symlink('video0', path.join(system, 'by-id'));
  const identity = await cameraIdentity({ format: 'v4l2', device: path.join(system, 'by-id') }, system);
  assert.equal(identity?.usb?.vendor, '046d');
});

test('a camera that is not on USB has the name of its driver', async (context) => {
  const system = await systemWith(context, 'platform/csi', {
    'platform/csi/video4linux/video0/name': 'unicam-image\n',
  });
  assert.deepEqual(await cameraIdentity(input, system), { name: 'unicam-image' });
});

test('what is no V4L2 device, or is not there, has none', async (context) => {
  const system = await systemWith(context, place, ids);
  assert.equal(await cameraIdentity({ format: 'rtsp', device: 'rtsp://a/video0' }, system), undefined);
  for (const device of ['/dev/video1', '/dev/null', '/dev/../video0x', '/dev/video0/..'])
    assert.equal(await cameraIdentity({ format: 'v4l2', device }, system), undefined, device);
  assert.equal(await cameraIdentity(input, path.join(system, 'nothing')), undefined);
});

test('what a device says of itself is bounded, and steers no terminal', async (context) => {
  const system = await systemWith(context, place, {
    ...ids,
    [`${usb}/serial`]: `\u001b]0;owned\u0007${'x'.repeat(100_000)}`,
    [`${usb}/product`]: '\u001b[2J\n',
    [`${usb}/manufacturer`]: 'Ünïcode\u202e\nsecond line\n',
  });
  const identity = await cameraIdentity(input, system);
  assert.ok((identity?.usb?.serial?.length ?? 0) <= 512);
  assert.match(identity?.usb?.serial ?? '', /^\]0;ownedx+$/);
  assert.equal(identity?.usb?.model, '[2J');
  assert.equal(identity?.usb?.manufacturer, 'Ünïcode');
});
