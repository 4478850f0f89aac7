// One table of keys: it makes the bindings and the help page.

import { brush } from './tape.js';
import { toggleOpened, zoomBy } from './map.js';
import { TABS, ask, at, current, dialog, dropEdits, go, goLast, goParent, isEdited, nextError, nextSession, query, range, say, showTab, source, step, tab, toggleBookmark, togglePin } from './store.js';
import { toggleTheme } from './theme.js';

const open = (name) => () => {
  if (source.value.embedded) return;
  if (current.value) ask(name, at.value);
  else say('No session is open.');
};
const show = (name) => () => { dialog.value = { name }; };
const focus = (selector) => () => document.querySelector(selector)?.focus();

/** Each: keys as `event.key`, how they are shown, what they do, and the line of the help page. */
export const KEYS = [
  { keys: ['ArrowLeft'], shown: ['←', '→'], help: 'previous, next frame', run: () => step(-1) },
  { keys: ['ArrowRight'], run: () => step(1) },
  { keys: ['ArrowUp'], shown: ['↑', '↓'], help: 'previous, next session', run: () => nextSession(-1) },
  { keys: ['ArrowDown'], run: () => nextSession(1) },
  { keys: ['PageUp'], shown: ['PgUp', 'PgDn'], help: 'ten frames back, on', run: () => step(-10) },
  { keys: ['PageDown'], run: () => step(10) },
  { keys: ['Home'], shown: ['Home', 'End'], help: 'first, last frame', run: () => go(at.value.id, 0) },
  { keys: ['End'], run: goLast },
  { keys: ['!', 'n'], shown: ['!', 'n'], help: 'next error', run: () => nextError(1) },
  { keys: ['N'], shown: ['N'], help: 'previous error', run: () => nextError(-1) },
  ...TABS.map((name, n) => ({ keys: [String(n + 1)], shown: ['1', '…', '5'], help: n ? '' : 'State, Input, Diff, Compare, Meta', run: () => showTab(name) })),
  { keys: ['d'], shown: ['d'], help: 'diff, and back', run: () => showTab(tab.value === 'diff' ? 'state' : 'diff') },
  { keys: ['s'], shown: ['s'], help: 'into the state, to walk and edit it', run: focus('#panel .rows') },
  { keys: ['c'], shown: ['c'], help: 'pin this frame, compare with others', run: togglePin },
  { keys: ['e'], shown: ['e'], help: 'edit: into the state first', run: focus('#panel .rows') },
  { keys: ['r'], shown: ['r'], help: 'resume: run the agent from here', run: open('resume') },
  { keys: ['f'], shown: ['f'], help: 'fork from here', run: open('fork') },
  { keys: ['p'], shown: ['p'], help: 'to the fork’s parent', run: goParent },
  { keys: ['b'], shown: ['b'], help: 'bookmark', run: toggleBookmark },
  { keys: ['m'], shown: ['m'], help: 'note', run: open('note') },
  { keys: ['j'], shown: ['j'], help: 'jobs', run: () => { if (!source.value.embedded) show('jobs')(); } },
  { keys: ['x'], shown: ['x'], help: 'share: one HTML file', run: () => document.querySelector('a[download]')?.click() },
  { keys: ['['], shown: ['[', ']'], help: 'range from here, to here', run: () => brush('from') },
  { keys: [']'], run: () => brush('to') },
  { keys: ['.'], shown: ['.'], help: 'open or close the quiet runs of this session', run: () => toggleOpened(at.value.id) },
  { keys: ['+', '='], shown: ['+', '−'], help: 'zoom the map', run: () => zoomBy(1.5) },
  { keys: ['-'], run: () => zoomBy(1 / 1.5) },
  { keys: ['/'], shown: ['/'], help: 'search sessions', run: focus('#search') },
  { keys: ['t'], shown: ['t'], help: 'dark or light', run: toggleTheme },
  { keys: ['?'], shown: ['?'], help: 'this page', run: show('help') },
  { keys: ['Escape'], shown: ['Esc'], help: 'close, clear the range, leave the state', run: escape },
];

function escape() {
  if (range.value) range.value = null;
  else if (document.activeElement?.closest('#inspector')) focus('#lanes')();
  else if (isEdited(at.value)) dropEdits(at.value);
  else query.value = '';
}

const table = new Map(KEYS.flatMap((entry) => entry.keys.map((key) => [key, entry])));

function moveTab(event) {
  const next = { ArrowRight: 1, ArrowLeft: TABS.length - 1 }[event.key];
  if (!next) return false;
  showTab(TABS[(TABS.indexOf(tab.value) + next) % TABS.length]);
  requestAnimationFrame(focus(`#tab-${tab.value}`));
  return true;
}

export function listenToKeys() {
  addEventListener('keydown', (event) => {
    const target = event.target;
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || dialog.value) return;
    if (/^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) {
      if (event.key === 'Escape') { query.value = ''; target.blur(); }
      if (event.key === 'Enter' && target.id === 'search') focus('#lanes')();
      return;
    }
    if (target.getAttribute?.('role') === 'tab' && moveTab(event)) return event.preventDefault();
    if (target.closest?.('#panel .rows:not([data-tree])') && /^(ArrowUp|ArrowDown|PageUp|PageDown)$/.test(event.key)) return;
    const entry = table.get(event.key);
    if (!entry) return;
    event.preventDefault();
    entry.run();
  });
}
