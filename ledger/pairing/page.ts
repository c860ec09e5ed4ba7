/** A page for a browser that shows codes in a loop: one file, without scripts or pictures from elsewhere. */
import { createHash } from 'node:crypto';
import { codeSvg } from './picture.ts';

/** Time that each code is shown. */
export const codeMs = 700;

const style = `html,body{margin:0;height:100%;background:#fff;color:#000;font:16px sans-serif}
body{display:flex;flex-direction:column;align-items:center;justify-content:center}
svg{display:none;flex:none;width:min(100vw,calc(100dvh - 2.5em));height:auto;shape-rendering:crispEdges}svg.now{display:block}
p{margin:.5em;min-height:1.5em;text-align:center}`;

/** Runs in the browser. */
function scriptUntil(lastMs: number): string {
  return `const codes=[...document.querySelectorAll('svg')],line=document.querySelector('p');
let now=-1,paused=false;
const show=(step)=>{
if(Date.now()>${lastMs}){for(const code of codes)code.remove();
line.textContent='By the clock here, these codes are over an hour old, and no camera takes them. Run encrocam pair again.';return}
codes[now]?.classList.remove('now');now=(now+step+codes.length)%codes.length;codes[now].classList.add('now');
line.textContent='Code '+(now+1)+' of '+codes.length+(paused?', paused':'')+'. Click or tap: full screen. Space: pause. Arrows: one by one.'};
show(1);
setInterval(()=>{if(!paused)show(1)},${codeMs});
addEventListener('click',()=>{if(document.fullscreenElement)document.exitFullscreen();else document.documentElement.requestFullscreen?.()});
addEventListener('keydown',({key})=>{
if(key===' ')paused=!paused;
if(key==='ArrowLeft'||key==='ArrowRight')paused=true;
show(key==='ArrowLeft'?-1:key==='ArrowRight'?1:0)});
navigator.wakeLock?.request('screen').catch(()=>{});`;
}

/** The page ends showing `codes` at `lastMs`, the last moment that a camera takes them. */
export function codePage(codes: readonly string[], lastMs: number): string {
  const script = scriptUntil(lastMs);
  // Nothing but these two texts may run, and nothing may be fetched.
  const allowed = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
  const policy = `default-src 'none'; style-src ${allowed(style)}; script-src ${allowed(script)}`;
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${policy}">`,
    // Phones lay a page out 980 pixels wide, with tiny letters, unless it says that it fits.
    '<meta name="viewport" content="width=device-width,initial-scale=1">',
    '<title>EncroCam pairing</title>',
    `<style>${style}</style>`,
    ...codes.map((code) => codeSvg(code)),
    '<p>The codes are shown by the script in this page: let the browser run it.</p>',
    `<script>${script}</script>`,
    '</html>',
    '',
  ].join('\n');
}
