// The inspector: one frame from all sides.

import { html, useEffect, useRef, useState } from './vendor/preact.js';
import { stepAt } from './columns.js';
import { clock, count, duration, money, status } from './format.js';
import { Diff } from './diff_view.js';
import { Tree } from './json_tree.js';
import {
  TABS, ask, columnsOf, current, dropEdits, edits, fail, go, isEdited, notes, pin, readState, showTab, source, tab, togglePin, trouble, view, withEdits,
} from './store.js';

const LABELS = { state: 'State', input: 'Input', diff: 'Diff', compare: 'Compare', meta: 'Meta' };

/** Load something when `key` changes; undefined until it is there. What came for an older key is thrown away. */
function useLoaded(key, load) {
  const [found, setFound] = useState({}), wanted = useRef();
  wanted.current = key;
  useEffect(() => {
    if (key) load().then((value) => wanted.current === key && setFound({ key, value }), fail);
  }, [key]);
  return found.key === key ? found.value : undefined;
}

export function Inspector() {
  const shown = view.value;
  if (!shown) return html`<aside id="inspector" aria-label="Inspector" tabindex="-1"><${NoFrame}/></aside>`;
  const name = tab.value;
  const Body = { state: Output, input: Input, diff: Changes, compare: Compare, meta: Meta }[name];
  return html`<aside id="inspector" aria-label="Inspector" tabindex="-1"><${FrameHead} shown=${shown}/>
    <div class="tabs" role="tablist" aria-label="Views of the frame">${TABS.map((each, n) => html`<button role="tab" id=${`tab-${each}`} aria-controls="panel" aria-selected=${name === each}
      tabindex=${name === each ? 0 : -1} onClick=${() => showTab(each)}>${LABELS[each]}<kbd aria-hidden="true">${n + 1}</kbd></button>`)}</div>
    <div role="tabpanel" id="panel" aria-labelledby=${`tab-${name}`}><${Body} shown=${shown} key=${name}/></div><${Actions} shown=${shown}/></aside>`;
}

function NoFrame() {
  const t = trouble.value, s = current.value;
  if (t) return html`<${TroubleBox} t=${t}/>`;
  if (s?.problem) return html`<div class="empty"><b>${s.id} cannot be read.</b><p class="breaks">${s.problem}</p></div>`;
  if (s && !s.frames) return html`<div class="empty"><b>${s.id} has no frame yet.</b><p>The first one appears here as soon as it is recorded.</p></div>`;
  return html`<div class="empty"><b>No frame is open.</b><p>Pick one on the map.</p></div>`;
}

export function TroubleBox({ t }) {
  const title = t.status === 0 ? 'No connection' : t.status === 401 ? 'Signed out' : t.status === 404 ? 'Not found' : 'That did not work';
  return html`<div class="trouble" role="alert"><b>◆ ${title}</b><p class="breaks">${t.text}</p></div>`;
}

function FrameHead({ shown }) {
  const f = shown.line, [shape, word] = status(f.status || 'ok');
  const failed = f.status === 'error';
  const c = columnsOf(shown.id), step = c && stepAt(c, shown.i);
  return html`<div class="frame-head"><h2><span class="node">${f.node_name}</span>
      <span class=${`chip ${failed ? 'error' : 'ok'}`}>${shape} ${word}</span>
      ${f.origin && f.origin !== 'live' ? html`<span class="chip">${f.origin}</span>` : ''}${isEdited(shown) ? html`<span class="chip edited">edited</span>` : ''}</h2>
    <dl class="facts"><div><dt>frame</dt><dd>#${count(shown.i)}</dd></div><div><dt>kind</dt><dd>${f.kind || step?.kind || 'node'}</dd></div>${f.kind === 'checkpoint' ? '' : html`<div><dt>latency</dt><dd>${duration(f.latency_ms || 0)}</dd></div>`}
      ${f.tokens != null ? html`<div><dt>tokens</dt><dd>${f.tokens_input != null ? `${count(f.tokens_input)} → ${count(f.tokens_output || 0)}` : count(f.tokens)}</dd></div>` : ''}
      ${f.cost_usd != null ? html`<div><dt>cost</dt><dd>${money(f.cost_usd)}</dd></div>` : ''}${f.model ? html`<div><dt>model</dt><dd>${f.model}</dd></div>` : ''}
      ${f.label && !f.node_name.endsWith(`:${f.label}`) ? html`<div><dt>${f.kind === 'tool' ? 'tool' : 'label'}</dt><dd>${f.label}</dd></div>` : ''}</dl>
    ${failed ? html`<${ErrorBox} f=${f}/>` : ''}${trouble.value ? html`<${TroubleBox} t=${trouble.value}/>` : ''}</div>`;
}

function ErrorBox({ f }) {
  const error = f.error || { type: f.error_type, message: f.error_message };
  return html`<div class="error-box"><b>${error.type || 'Error'}</b> <span class="breaks">${error.message}</span>
    ${(error.notes || []).map((note) => html`<p class="breaks">${note}</p>`)}
    ${error.traceback ? html`<details><summary>Traceback</summary><pre tabindex="0" aria-label="Traceback">${error.traceback}</pre></details>` : ''}
    ${error.cause ? html`<details><summary>Cause: ${error.cause.type}</summary><pre tabindex="0" aria-label="Cause">${error.cause.message}${'\n'}${error.cause.traceback || ''}</pre></details>` : ''}</div>`;
}

const Wait = () => html`<p class="empty quiet">Reading…</p>`;

function StateOf({ shown, part, label }) {
  const state = useLoaded(`${shown.id}/${shown.i}/${part}`, () => readState(shown.id, shown.i, part));
  void edits.value;
  if (state === undefined) return html`<${Wait}/>`;
  return html`<${Tree} value=${withEdits(shown, part, state)} name=${`${part}-${shown.id}-${shown.i}`} label=${label} place=${shown} part=${part}/>`;
}

const Output = ({ shown }) => html`<${StateOf} shown=${shown} part="output" label="State after the frame"/>`;
const Input = ({ shown }) => html`<${StateOf} shown=${shown} part="input" label="State before the frame"/>`;

const isCall = (kind) => kind === 'llm' || kind === 'tool' || kind === 'value';

/** The frame before this one that can be compared with it: the same step for calls, else the one before. */
function earlier({ id, i }) {
  const c = columnsOf(id), mine = c && stepAt(c, i);
  if (!mine) return null;
  for (let k = i - 1; k >= 0; k--) if (isCall(mine.kind) ? c.step[k] === c.step[i] : !isCall(stepAt(c, k).kind)) return k;
  return null;
}

function Changes({ shown }) {
  const before = earlier(shown);
  const call = isCall(shown.line.kind);
  const same = ['error', 'checkpoint'].includes(shown.line.kind); // their output is their input
  const ways = [!call && !same && ['input', 'what this step changed'], before !== null && ['before', `since frame #${before}, ${call ? 'the same step' : 'the state before'}`],
    call && before !== null && ['asked', `what was asked, since frame #${before}`], same && ['input', 'what this step changed']].filter(Boolean);
  const [choice, setChoice] = useState(null);
  const way = ways.some((w) => w[0] === choice) ? choice : ways[0]?.[0];
  const key = way && `${shown.id}/${shown.i}/${way}/${before}`;
  const pair = useLoaded(key, () => Promise.all(way === 'input' ? [readState(shown.id, shown.i, 'input'), readState(shown.id, shown.i, 'output')]
    : way === 'asked' ? [readState(shown.id, before, 'input'), readState(shown.id, shown.i, 'input')]
      : [readState(shown.id, before, 'output'), readState(shown.id, shown.i, 'output')]));
  if (!way) return html`<p class="empty"><b>Nothing to compare with.</b> This is the first call of this step.</p>`;
  return html`<div class="pane"><label class="against">Show <select value=${way} onChange=${(e) => setChoice(e.target.value)}>${ways.map(([value, text]) => html`<option value=${value}>${text}</option>`)}</select></label>
    ${pair ? html`<${Diff} old=${pair[0]} fresh=${pair[1]} name=${key} label="Changes"/>` : html`<${Wait}/>`}</div>`;
}

function Compare({ shown }) {
  const p = pin.value;
  const key = p && `${p.id}/${p.i} ${shown.id}/${shown.i}`;
  const pair = useLoaded(key, () => Promise.all([readState(p.id, p.i, 'output'), readState(shown.id, shown.i, 'output')]));
  if (!p) return html`<div class="empty"><b>Compare any two frames of any two sessions.</b><p>Press <kbd>c</kbd> to pin this frame, then go to another one.</p></div>`;
  const side = (mark, id, i, line, cls) => html`<button class=${`side ${cls}`} onClick=${() => go(id, i)}><span class="mark" aria-hidden="true">${mark}</span><span><b>${id}</b> #${count(i)}<br/><span class="hint">${line.node_name}${line.kind === 'checkpoint' ? '' : ` · ${duration(line.latency_ms || 0)}`}</span></span></button>`;
  return html`<div class="pane"><div class="sides">${side('−', p.id, p.i, p.line, 'gone')}${side('+', shown.id, shown.i, shown.line, 'come')}</div>
    ${pair ? html`<${Diff} old=${pair[0]} fresh=${pair[1]} name=${key} label=${`${p.id} frame ${p.i} against ${shown.id} frame ${shown.i}`}/>` : html`<${Wait}/>`}</div>`;
}

const HIDDEN = ['input_state', 'output_state', 'input_patch', 'output_patch', 'output_base'];

function Meta({ shown }) {
  const info = useLoaded(shown.id, () => source.value.session(shown.id));
  const f = shown.line, saved = f.metadata || {};
  const fields = Object.fromEntries(Object.entries(f).filter(([name]) => !HIDDEN.includes(name)));
  const mine = notes.value.find((n) => n.frame === shown.i);
  const files = saved.changed || saved.files;
  return html`<div class="pane meta">
    ${mine ? html`<div class="note">${mine.bookmark ? '⚑ ' : ''}${mine.text || 'Bookmarked'}</div>` : ''}
    ${files ? html`<${Files} files=${files} saved=${saved}/>` : ''}
    <p class="hint">${clock(f.timestamp)}${info?.agent || info?.info?.agent ? ` · ${info.agent || info.info.agent}` : ''}${info?.tags ? ` · ${info.tags.join(', ')}` : ''}</p>
    <${Tree} value=${{ frame: fields, session: info?.info || info || {} }} name=${`meta-${shown.id}-${shown.i}`} label="Everything else about the frame"/></div>`;
}

const MARKS = { A: ['+', 'added', 'come'], M: ['~', 'changed', ''], D: ['−', 'deleted', 'gone'] };

function Files({ files, saved }) {
  const list = Array.isArray(files) ? files.map((f) => (typeof f === 'string' ? f.match(/^(?:([AMD])\s+)?(.*)$/s).slice(1) : [f.kind?.[0]?.toUpperCase(), f.path]))
    : Object.entries(files).flatMap(([kind, paths]) => [].concat(paths).map((path) => [kind[0].toUpperCase(), path]));
  const total = saved.changed_count ?? list.length;
  return html`<section class="files" aria-label="Files changed at the savepoint"><h3>Files at savepoint ${saved.savepoint ?? ''} <span class="hint">${count(total)} changed${saved.commit ? ` · ${String(saved.commit).slice(0, 10)}` : ''}</span></h3>
    <ul>${list.slice(0, 200).map(([kind, path]) => html`<li class=${MARKS[kind]?.[2]}><span class="mark">${MARKS[kind]?.[0] || '·'}</span><span class="unseen">${MARKS[kind]?.[1] || ''} </span>${path}</li>`)}</ul></section>`;
}

function Actions({ shown }) {
  const pinned = pin.value?.id === shown.id && pin.value?.i === shown.i;
  const open = (name) => () => ask(name, shown);
  const alone = source.value.embedded;
  return html`<div class="actions">${alone ? '' : html`<button class="btn main" onClick=${open('resume')}>Resume <kbd>r</kbd></button><button class="btn" onClick=${open('fork')}>Fork <kbd>f</kbd></button>`}
    <button class="btn" aria-pressed=${pinned} onClick=${togglePin}>${pinned ? 'Unpin' : 'Pin'} <kbd>c</kbd></button>
    ${alone ? '' : html`<button class="btn" onClick=${open('note')}>Note <kbd>m</kbd></button><a class="btn" href=${`/api/sessions/${encodeURIComponent(shown.id)}/export`} download>Share <kbd>x</kbd></a>`}
    ${isEdited(shown) ? html`<button class="btn" onClick=${() => dropEdits(shown)}>Drop edits</button>` : ''}</div>`;
}
