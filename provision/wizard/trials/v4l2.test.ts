import assert from 'node:assert/strict';
import { test } from 'node:test';
import { captureName, parseModes } from './v4l2.ts';

const webcam = `Driver Info:
	Driver name      : uvcvideo
	Card type        : HD Webcam: HD Webcam
	Bus info         : usb-0000:00:14.0-6
	Driver version   : 6.12.38
	Capabilities     : 0x84a00001
		Video Capture
		Metadata Capture
		Streaming
		Extended Pix Format
		Device Capabilities
	Device Caps      : 0x04200001
		Video Capture
		Streaming
		Extended Pix Format
`;

test('a webcam captures, and has a name', () => {
  assert.equal(captureName(webcam), 'HD Webcam: HD Webcam');
});

test("a webcam's second device, which has metadata only, is no camera", () => {
  const metadata = webcam.replace(
    /Device Caps[\s\S]*$/,
    'Device Caps      : 0x04a00000\n\t\tMetadata Capture\n\t\tStreaming\n',
  );
  assert.equal(captureName(metadata), undefined);
});

test("the Raspberry Pi's codecs are no cameras", () => {
  assert.equal(
    captureName(`Driver Info:
	Driver name      : bcm2835-codec
	Card type        : bcm2835-codec-decode
	Capabilities     : 0x84204000
		Video Memory-to-Memory Multiplanar
		Streaming
		Device Capabilities
	Device Caps      : 0x04204000
		Video Memory-to-Memory Multiplanar
		Streaming
`),
    undefined,
  );
});

test('an output device is no camera', () => {
  assert.equal(
    captureName(webcam.replaceAll('Video Capture', 'Video Output').replace('HD Webcam: HD Webcam', 'vivid')),
    undefined,
  );
});

test('discrete sizes and rates are read in the terms of ffmpeg, the fastest first', () => {
  const modes = parseModes(`ioctl: VIDIOC_ENUM_FMT
	Type: Video Capture

	[0]: 'MJPG' (Motion-JPEG, compressed)
		Size: Discrete 1280x720
			Interval: Discrete 0.067s (15.000 fps)
			Interval: Discrete 0.033s (30.000 fps)
	[1]: 'YUYV' (YUYV 4:2:2)
		Size: Discrete 640x480
			Interval: Discrete 0.033s (30.000 fps)
			Interval: Discrete 0.033s (30.000 fps)
	[2]: 'S561' (SN9C561)
		Size: Discrete 640x480
`);
  assert.deepEqual(modes, [
    { pixelFormat: 'mjpeg', width: 1280, height: 720, frameRates: [30, 15] },
    { pixelFormat: 'yuyv422', width: 640, height: 480, frameRates: [30] },
  ]);
});

test('a camera that takes any size is offered common ones that fit', () => {
  const modes = parseModes(`	[0]: 'YUYV' (YUYV 4:2:2)
		Size: Stepwise 16x16 - 1296x972 with step 1/1
`);
  assert.deepEqual(
    modes.map(({ width, height }) => `${width}x${height}`),
    ['1280x720', '640x480', '640x360', '320x240'],
  );
});

test('nothing sensible gives no modes', () => {
  assert.deepEqual(parseModes(''), []);
  assert.deepEqual(parseModes("error 'YUYV' Size: Discrete axb"), []);
});
