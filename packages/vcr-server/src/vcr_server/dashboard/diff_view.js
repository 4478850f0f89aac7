// A diff to look at: what was removed is orange with −, what was added is blue with +; strings show their words.

import { html, useMemo } from './vendor/preact.js';
import { Virtual } from './virtual.js';
import { diff } from './diff.js';
import { jsonText, plural } from './format.js';
import { stringHunks } from './text_hunks.js';

const LONG = 2000;
const WORDS_UP_TO = 20000;
const MAX_LINES = 400;

/** Rows of a diff: a place, then what went and what came. */
export function diffRows(ops) {
  const rows = [];
  for (const op of ops) {
    const moved = op.op === 'move';
    rows.push({ kind: 'place', text: op.path || '(the whole state)', note: moved ? `moved from ${op.from}` : op.from ? `was ${op.from}` : op.op });
    if (moved) rows.push(line('move', '→', op.new));
    else if (typeof op.old === 'string' && typeof op.new === 'string' && op.old.length + op.new.length < WORDS_UP_TO) textRows(rows, op);
    else {
      if ('old' in op) valueRows(rows, 'gone', '−', op.old);
      if ('new' in op) valueRows(rows, 'come', '+', op.new);
    }
  }
  return rows;
}

const line = (kind, mark, value) => ({ kind, mark, text: jsonText(value).slice(0, LONG) });

function valueRows(rows, kind, mark, value) {
  const text = jsonText(value);
  const lines = text.length > 60 ? jsonText(value, 2).split('\n') : [text];
  for (const each of lines.slice(0, MAX_LINES)) rows.push({ kind, mark, text: each.slice(0, LONG) });
  if (lines.length > MAX_LINES) rows.push({ kind, mark, text: `… ${plural(lines.length - MAX_LINES, 'more line')}` });
}

/** Two strings, line by line, the changed words marked. */
function textRows(rows, op) {
  const sides = { gone: [[]], come: [[]] };
  const add = (side, text, strong) => text.split('\n').forEach((piece, n) => {
    if (n) sides[side].push([]);
    if (piece) sides[side][sides[side].length - 1].push([piece, strong]);
  });
  for (const [kind, text] of stringHunks(op.old, op.new)) {
    if (kind !== 'add') add('gone', text, kind === 'remove');
    if (kind !== 'remove') add('come', text, kind === 'add');
  }
  for (const [side, mark] of [['gone', '−'], ['come', '+']]) {
    const changed = sides[side].length < 4 ? sides[side] : sides[side].filter((parts) => parts.some((p) => p[1]));
    for (const parts of changed.slice(0, MAX_LINES)) rows.push({ kind: side, mark, parts });
  }
}

const NAMES = { gone: 'removed', come: 'added', move: 'moved' };

export function Diff({ old, fresh, name, label }) {
  const ops = useMemo(() => diff(old ?? null, fresh ?? null), [old, fresh]);
  const rows = useMemo(() => diffRows(ops), [ops]);
  if (!ops.length) return html`<p class="empty"><b>No difference.</b> Both states are the same.</p>`;
  const draw = (row, top, n) => html`<div key=${n} class=${`row ${row.kind}`} style=${{ top: `${top}px` }}>
    ${row.kind === 'place' ? html`<span class="where">${row.text}</span> <span class="hint">${row.note}</span>`
      : html`<span class="mark" aria-label=${NAMES[row.kind]} role="img">${row.mark}</span>${row.parts ? row.parts.map(([text, strong]) => (strong ? html`<mark>${text}</mark>` : text)) : row.text}`}</div>`;
  return html`<${Virtual} rows=${rows} draw=${draw} name=${name} role="region" aria-label=${`${label}: ${plural(ops.length, 'change')}`}/>`;
}
