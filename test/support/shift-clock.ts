/** Loaded into a program before it starts, moves its wall clock by SHIFT_CLOCK_MS: so a test need not wait for a full hour. */
const shiftMs = Number(process.env.SHIFT_CLOCK_MS ?? 0);
const now = Date.now.bind(Date);
Date.now = () => now() + shiftMs;
