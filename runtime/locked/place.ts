/** Its directory is made by whoever unlocks the camera; the recorder may write there. */
export const publicHalfFile = '/var/lib/encrocam/locked/public.json';
