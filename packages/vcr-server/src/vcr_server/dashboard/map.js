// The session map: a canvas for the eyes, and over it a listbox that carries the lanes for keyboard and screen reader.

import { html, useEffect, useLayoutEffect, useRef, useState } from './vendor/preact.js';
import { count, plural } from './format.js';
import { ForkMark } from './icons.js';
import { frameAt, frameX, rowAt } from './layout.js';
import { drawMap } from './map_canvas.js';
import { at, busy, errorsOnly, go, map, opened, pin, query, sessions, zoom } from './store.js';
import { colours, theme } from './theme.js';

const LIVE_MS = 6000;
const isLive = (id) => performance.now() - (busy.value.get(id) ?? -LIVE_MS) < LIVE_MS;

export const zoomBy = (factor) => { zoom.value = Math.min(28, Math.max(0.4, zoom.value * factor)); };

export function toggleOpened(id) {
  const next = new Set(opened.value);
  next.has(id) ? next.delete(id) : next.add(id);
  opened.value = next;
}

export function SessionMap() {
  const box = useRef(), canvas = useRef(), [place, setPlace] = useState([0, 0]), [size, setSize] = useState([800, 500]);
  const laid = map.value, z = zoom.value, here = at.value;
  const [left, top] = place, [width, height] = size;
  const label = width < 560 ? 158 : 214;
  useLayoutEffect(() => {
    const watch = new ResizeObserver(() => box.current && setSize([box.current.clientWidth, box.current.clientHeight]));
    watch.observe(box.current);
    return () => watch.disconnect();
  }, []);
  const first = laid.rows.length ? Math.max(0, rowAt(laid.rows, top) - 1) : 0;
  const last = laid.rows.length ? Math.min(laid.rows.length, rowAt(laid.rows, top + height) + 2) : 0;
  useLayoutEffect(() => {
    const e = canvas.current, dpr = devicePixelRatio || 1;
    if (e.width !== Math.round(width * dpr) || e.height !== Math.round(height * dpr)) {
      e.width = Math.round(width * dpr);
      e.height = Math.round(height * dpr);
      e.style.width = `${width}px`;
      e.style.height = `${height}px`;
    }
    const g = e.getContext('2d');
    g.setTransform(dpr, 0, 0, dpr, 0, 0);
    drawMap(g, laid, first, last, { left, top, width, height, label, zoom: z, at: here, pin: pin.value, colours: colours(theme.value), live: isLive });
  });
  const row = laid.by.get(here.id);
  useEffect(() => {
    const e = box.current;
    if (!row || row.row === undefined) return;
    const x = label + 16 + frameX(row, here.i) * z;
    if (row.y < e.scrollTop + 20) e.scrollTop = row.y - 60;
    else if (row.y + row.h > e.scrollTop + e.clientHeight - 20) e.scrollTop = row.y - e.clientHeight + row.h + 60;
    if (x < e.scrollLeft + label + 30) e.scrollLeft = x - label - 100;
    else if (x > e.scrollLeft + e.clientWidth - 50) e.scrollLeft = x - e.clientWidth + 160;
  }, [here.id, here.i, row?.row, z]);
  const pick = (event, node) => {
    const x = event.clientX - box.current.getBoundingClientRect().left;
    go(node.id, x < label ? node.s.errors?.[0] ?? node.cut : frameAt(node, (x - label - 16 + left) / z));
  };
  const visible = laid.rows.slice(first, last);
  const onPage = row && visible.includes(row);
  return html`<section class="map" aria-labelledby="map-title"><${MapHead} laid=${laid}/>
    <div class="scroll" ref=${box} onScroll=${(e) => setPlace([e.target.scrollLeft, e.target.scrollTop])}>
      <div class="space" style=${{ width: `${Math.max(width - 1, label + laid.width * z + 80)}px`, height: `${laid.height}px` }}>
        <canvas ref=${canvas} aria-hidden="true"></canvas>
        ${laid.rows.length ? html`<div class="lanes" id="lanes" role="listbox" tabindex="0" aria-label="Sessions" aria-activedescendant=${onPage ? `lane-${row.row}` : undefined}>
          ${visible.map((node) => html`<${Lane} key=${node.id} node=${node} on=${node.id === here.id} label=${label} total=${laid.rows.length} pick=${pick}/>`)}</div>` : ''}
      </div></div>
    ${laid.rows.length ? '' : html`<${Nothing}/>`}</section>`;
}

function Lane({ node, on, label, total, pick }) {
  const s = node.s;
  return html`<div id=${`lane-${node.row}`} class="lane" role="option" aria-selected=${on} aria-setsize=${total} aria-posinset=${node.row + 1}
      style=${{ top: `${node.y}px`, height: `${node.h}px` }} onClick=${(e) => pick(e, node)} onDblClick=${() => toggleOpened(node.id)}>
    <span class="lane-label" style=${{ width: `${label - 4}px` }}>
      <span class="lane-name" style=${{ paddingLeft: `${Math.min(node.depth, label < 200 ? 2 : 6) * (label < 200 ? 5 : 9)}px` }} title=${s.id}>${s.parent || s.orphan_of ? html`<${ForkMark}/>` : ''}${s.id}
        ${s.parent ? html`<span class="unseen"> forked from ${s.parent} at frame ${node.cut}</span>` : ''}</span>
      ${!s.status && isLive(s.id) ? html`<span class="chip live">live</span>` : ''}
      ${s.errors?.length ? html`<span class="lane-errors">◆ ${s.errors.length}<span class="unseen"> errors</span></span>` : ''}
      <span class="lane-count">${count(s.frames - node.cut)}<span class="unseen"> frames</span></span></span></div>`;
}

function MapHead({ laid }) {
  const frames = laid.rows.reduce((sum, r) => sum + r.s.frames - r.cut, 0);
  const errors = laid.rows.reduce((sum, r) => sum + (r.s.errors?.length || 0), 0);
  const forks = laid.rows.reduce((sum, r) => sum + (r.s.parent ? 1 : 0), 0);
  return html`<div class="map-head"><h1 id="map-title">${plural(laid.rows.length, 'session')}</h1><span class="stat"><b>${count(frames)}</b> frames</span>
    <span class="stat"><b>${count(forks)}</b> fork${forks === 1 ? '' : 's'}</span>
    <button class="btn toggle" aria-pressed=${errorsOnly.value} onClick=${() => { errorsOnly.value = !errorsOnly.value; }}><span class="dot error" aria-hidden="true"></span>Errors only <b>${count(errors)}</b></button>
    <span class="legend" aria-hidden="true"><span><i class="dot"></i>frame</span><span><i class="dot error"></i>error</span><span><i class="dot point"></i>checkpoint</span></span>
    <span class="zoom"><button class="btn icon" aria-label="Zoom out" onClick=${() => zoomBy(1 / 1.5)}>−</button><button class="btn icon" aria-label="Zoom in" onClick=${() => zoomBy(1.5)}>+</button></span></div>`;
}

function Nothing() {
  if (sessions.value.size) {
    return html`<div class="empty"><b>No session matches.</b><p>${plural(sessions.value.size, 'session')} hidden by the search or by “Errors only”.</p>
      <button class="btn" onClick=${() => { query.value = ''; errorsOnly.value = false; }}>Show all</button></div>`;
  }
  return html`<div class="empty first"><b>Nothing is recorded yet.</b><p>Record a run, and it grows here before your eyes:</p>
    <pre><code>from vcr_core import VCRRecorder${'\n\n'}with VCRRecorder(".vcr") as vcr:${'\n'}    vcr.start_session("my_run")${'\n'}    vcr.record_step("plan", {"task": "…"}, {"plan": "…"})</code></pre></div>`;
}
