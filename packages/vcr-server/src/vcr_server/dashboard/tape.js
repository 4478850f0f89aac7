// The tape of one session: a bar for each frame, a playhead to drag, and a range to brush for its totals.

import { html, useLayoutEffect, useRef, useState } from './vendor/preact.js';
import { sumRange } from './columns.js';
import { compact, count, duration, money, plural } from './format.js';
import { at, columnsOf, current, go, grown, notes, range, said } from './store.js';
import { colours, theme } from './theme.js';

const HEIGHT = 72;
const FOOT = 12;
const HEAD = 12;

export function Tape() {
  const canvas = useRef(), [width, setWidth] = useState(600);
  const c = columnsOf(at.value.id), session = current.value, i = at.value.i;
  const n = c?.n || 0;
  void grown.value;
  void theme.value;
  useLayoutEffect(() => {
    const watch = new ResizeObserver(() => canvas.current && setWidth(canvas.current.clientWidth));
    watch.observe(canvas.current);
    return () => watch.disconnect();
  }, []);
  useLayoutEffect(() => {
    const e = canvas.current, dpr = devicePixelRatio || 1;
    e.width = Math.round(width * dpr);
    e.height = HEIGHT * dpr;
    const g = e.getContext('2d');
    g.scale(dpr, dpr);
    if (n) drawTape(g, c, width, { i, range: range.value, marks: notes.value });
  });
  const frameOf = (event) => {
    const box = canvas.current.getBoundingClientRect();
    return Math.max(0, Math.min(n - 1, Math.floor(((event.clientX - box.left) / box.width) * n)));
  };
  const drag = (event, begins) => {
    if (!n) return;
    const k = frameOf(event);
    if (begins) {
      canvas.current.setPointerCapture(event.pointerId);
      canvas.current.brush = event.shiftKey || event.offsetY < HEAD ? k : null;
      range.value = null;
    }
    if (canvas.current.brush != null) range.value = [Math.min(canvas.current.brush, k), Math.max(canvas.current.brush, k)];
    else go(at.value.id, k);
  };
  return html`<section class="tape" aria-label="Tape"><div class="tape-head"><b>${session?.id || 'No session'}</b>${n ? html`<${Sums} c=${c}/>` : ''}
      <span class="keys" aria-hidden="true"><kbd>←</kbd><kbd>→</kbd> frame <kbd>↑</kbd><kbd>↓</kbd> session <kbd>!</kbd> error <kbd>?</kbd> keys</span></div>
    <canvas ref=${canvas} class="tape-canvas" id="tape" role="slider" tabindex="0" aria-label="Frame" aria-valuemin="0" aria-valuemax=${Math.max(0, n - 1)} aria-valuenow=${i}
      aria-valuetext=${said.value || 'no frame'} onPointerDown=${(e) => drag(e, true)} onPointerMove=${(e) => e.buttons && drag(e, false)}></canvas></section>`;
}

function Sums({ c }) {
  void grown.value; // the columns grow in place
  const chosen = range.value;
  const [from, to] = chosen || [0, c.n - 1];
  const sum = sumRange(c, from, to);
  return html`<span class=${chosen ? 'chip range' : ''}>${chosen ? `frames ${count(from)}–${count(to)}: ` : ''}${plural(sum.frames, 'frame')}</span>
    <span class=${sum.errors ? 'bad' : ''}>${sum.errors ? '◆ ' : ''}${plural(sum.errors, 'error')}</span><span>${duration(sum.ms)}</span>
    ${sum.tokens ? html`<span>${compact(sum.tokens)} tok</span>` : ''}${sum.cost == null ? '' : html`<span>${money(sum.cost)}</span>`}`;
}

/** Bars of log latency; where frames are more than pixels, the highest of each pixel, and errors always. */
function drawTape(g, c, width, { i, range: chosen, marks }) {
  const k = colours(), w = width / c.n, floor = HEIGHT - FOOT;
  let top = 10;
  for (let f = 0; f < c.n; f++) if (c.latency[f] > top) top = c.latency[f];
  const tall = (ms) => 3 + (floor - HEAD - 4) * (Math.log10(ms + 1) / Math.log10(top + 1));
  if (chosen) {
    g.fillStyle = k.raise;
    g.fillRect(chosen[0] * w, 0, (chosen[1] - chosen[0] + 1) * w, HEIGHT);
    g.fillStyle = k.blue;
    g.fillRect(chosen[0] * w, 0, (chosen[1] - chosen[0] + 1) * w, 3);
  }
  const dims = (f) => chosen && (f < chosen[0] || f > chosen[1]);
  const columns = w >= 2 ? c.n : Math.floor(width);
  for (let x = 0; x < columns; x++) {
    const from = w >= 2 ? x : Math.floor((x * c.n) / columns), to = w >= 2 ? x + 1 : Math.max(from + 1, Math.floor(((x + 1) * c.n) / columns));
    let ms = 0, bad = false, taped = true;
    for (let f = from; f < to; f++) {
      if (c.latency[f] > ms) ms = c.latency[f];
      bad ||= c.status[f] === 'error';
      taped &&= c.origin[f] === 'tape';
    }
    const bar = w >= 2 ? Math.min(28, Math.max(1, w - Math.min(2, w / 4))) : 1;
    const left = w >= 2 ? x * w + (w - bar) / 2 : x, h = tall(ms);
    g.fillStyle = bad ? k.red : from <= i && i < to && w >= 2 ? k.amber : c.steps[c.step[from]]?.kind === 'llm' && w >= 2 ? k.violet : k.teal;
    g.globalAlpha = dims(from) ? 0.25 : bad || (from <= i && i < to) ? 1 : taped ? 0.3 : 0.62;
    g.fillRect(left, floor - h, bar, h);
    if (bad) {
      const middle = left + bar / 2;
      g.beginPath();
      g.moveTo(middle, floor + 2);
      g.lineTo(middle + 4, floor + 6);
      g.lineTo(middle, floor + 10);
      g.lineTo(middle - 4, floor + 6);
      g.fill();
    }
  }
  g.globalAlpha = 1;
  g.fillStyle = k.blue;
  for (const note of marks) {
    const x = (note.frame + 0.5) * w;
    g.beginPath();
    g.moveTo(x - 4, 0);
    g.lineTo(x + 4, 0);
    g.lineTo(x + 4, 11);
    g.lineTo(x, 7);
    g.lineTo(x - 4, 11);
    g.fill();
  }
  const x = Math.max(1, Math.min(width - 1, (i + 0.5) * w));
  g.fillStyle = k.amber;
  g.fillRect(x - 1, 4, 2, floor - 2);
  g.beginPath();
  g.moveTo(x - 6, 0);
  g.lineTo(x + 6, 0);
  g.lineTo(x, 8);
  g.fill();
}

/** Move one end of the brushed range to the playhead. */
export function brush(end) {
  const i = at.value.i, [from, to] = range.value || [i, i];
  range.value = end === 'from' ? [i, Math.max(i, to)] : [Math.min(from, i), i];
}
