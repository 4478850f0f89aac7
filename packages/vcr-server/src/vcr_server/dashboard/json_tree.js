// A state as a tree to walk with the keyboard, fold, and edit.

import { html, useEffect, useMemo, useState } from './vendor/preact.js';
import { Virtual } from './virtual.js';
import { jsonRows } from './json_rows.js';
import { jsonText } from './format.js';
import { ask, editsOf, source } from './store.js';

/** `place` and `part` name the state for edits; without them nothing can be edited. */
export function Tree({ value, name, label, place, part }) {
  const [folds, setFolds] = useState(new Map()), [cursor, setCursor] = useState(0);
  useEffect(() => { setCursor(0); }, [name]);
  const rows = useMemo(() => jsonRows(value, folds), [value, folds]);
  const here = Math.min(cursor, rows.length - 1);
  const edited = part && editsOf(place, part);
  const fold = (row, open) => {
    if (row.open === undefined || row.open === open) return;
    setFolds(new Map(folds).set(row.path, row.more || open));
  };
  const edit = (row) => {
    if (!part || !row?.real || source.value.embedded) return;
    ask('edit', place, { part, pointer: row.path, text: jsonText(row.value, 2) });
  };
  const parentOf = (n) => { for (let k = n - 1; k >= 0; k--) if (rows[k].depth < rows[n].depth) return k; return n; };
  const onKeyDown = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const row = rows[here], page = 15;
    const moves = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: rows.length - 1, PageDown: here + page, PageUp: here - page };
    if (event.key in moves) setCursor(Math.max(0, Math.min(rows.length - 1, moves[event.key])));
    else if (event.key === 'ArrowRight') row.open === false ? fold(row, true) : setCursor(Math.min(rows.length - 1, here + 1));
    else if (event.key === 'ArrowLeft') row.open && !row.more ? fold(row, false) : setCursor(parentOf(here));
    else if (event.key === ' ') fold(row, !row.open);
    else if (event.key === 'Enter' || event.key === 'e') row.open !== undefined && event.key === 'Enter' ? fold(row, !row.open) : edit(row);
    else if (event.key === 'w' && part && row.real) ask('blame', place, { pointer: row.path });
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const draw = (row, top, n) => html`<div key=${row.path} id=${`${name}-${n}`} role="treeitem" aria-level=${row.depth + 1}
      aria-expanded=${row.open} aria-selected=${n === here} class=${`row${n === here ? ' at' : ''}${edited?.has(row.path) ? ' edited' : ''}`}
      style=${{ top: `${top}px`, paddingLeft: `${10 + row.depth * 16}px` }}
      onClick=${() => { setCursor(n); fold(row, !row.open); }} onDblClick=${() => row.open === undefined && edit(row)}>
      <span class="twist" aria-hidden="true">${row.open === undefined ? '' : row.open ? '▾' : '▸'}</span>
      ${row.key === null ? '' : html`<span class="key">${row.key}</span>: `}<span class=${row.cls}>${row.text}</span>
      ${row.hint ? html`<span class="hint">${row.hint}</span>` : ''}
      ${edited?.has(row.path) ? html`<span class="chip">edited</span>` : ''}</div>`;
  return html`<${Virtual} rows=${rows} draw=${draw} cursor=${here} name=${name} role="tree" aria-label=${label}
    aria-activedescendant=${`${name}-${here}`} onKeyDown=${onKeyDown} data-tree=""/>`;
}
