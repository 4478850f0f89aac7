// The state of the page, and the actions that change it. No markup here.

import { batch, computed, signal } from './vendor/preact.js';
import { extendColumns, stepAt, unpackColumns } from './columns.js';
import { duration, parsePointer, status } from './format.js';
import { layout } from './layout.js';
import { openSource } from './source.js';

export const TABS = ['state', 'input', 'diff', 'compare', 'meta'];
const KEPT_FRAMES = 40;

export const source = signal(null);
export const sessions = signal(null); // Map of id to session, null until the first answer
export const opened = signal(new Set()); // sessions whose quiet runs are drawn frame by frame
export const query = signal('');
export const errorsOnly = signal(false);
export const at = signal({ id: null, i: 0 });
export const columns = signal(null);
export const grown = signal(0); // counts what was added to the columns in place
export const view = signal(null); // the frame that is shown: {id, i, line, state, input, before}
export const tab = signal('state');
export const pin = signal(null);
export const edits = signal(null); // {id, i, part, changes: Map of pointer to value}
export const range = signal(null); // [from, to] brushed on the tape
export const notes = signal([]);
export const agents = signal([]);
export const jobs = signal([]);
export const trouble = signal(null);
export const said = signal('');
export const connection = signal('connecting');
export const dialog = signal(null); // {name, …}
export const zoom = signal(14);
export const busy = signal(new Map()); // id → when it last grew, for the live mark

export const words = computed(() => query.value.toLowerCase().split(/\s+/).filter(Boolean));
export const map = computed(() => {
  if (!sessions.value) return null;
  let list = [...sessions.value.values()];
  if (errorsOnly.value) list = list.filter((s) => s.errors);
  if (words.value.length) list = list.filter((s) => matches(s, words.value));
  return layout(list, opened.value);
});
export const current = computed(() => sessions.value?.get(at.value.id) || null);

/** The columns of a session, or null while those that are here are another's. */
export const columnsOf = (id) => (columns.value?.id === id ? columns.value : null);

const matches = (s, wanted) => {
  const text = [s.id, s.agent || '', ...(s.tags || []), ...(s.nodes || [])].join(' ').toLowerCase();
  return wanted.every((word) => text.includes(word));
};

export const say = (text) => { said.value = text; };
export const fail = (error) => {
  trouble.value = { status: error.status ?? -1, text: error.message };
  if (!('status' in error)) console.error(error);
};

// -- reading ----------------------------------------------------------------------------------------------------------

const cache = new Map();
function cached(key, load) {
  if (!cache.has(key)) {
    if (cache.size >= KEPT_FRAMES) cache.delete(cache.keys().next().value);
    cache.set(key, load().catch((error) => { cache.delete(key); throw error; }));
  }
  return cache.get(key);
}

export const readState = (id, i, part) => cached(`${part} ${id}/${i}`, () => source.value.state(id, i, part));
export const readLine = (id, i) => cached(`line ${id}/${i}`, async () => (await source.value.line(id, i)).data);

let turn = 0;

/** Go to a frame of a session; the last call wins. */
export async function go(id, i, { push = false } = {}) {
  const session = sessions.value?.get(id);
  if (!session) return;
  const mine = ++turn;
  const other = id !== at.value.id;
  const frames = Math.max(session.frames, columnsOf(id)?.n || 0); // either may be told first
  i = Math.max(0, Math.min(Math.trunc(i) || 0, Math.max(0, frames - 1)));
  batch(() => {
    at.value = { id, i };
    if (other) { range.value = null; notes.value = []; }
  });
  writeAddress(push || other);
  try {
    const [, line] = await Promise.all([loadColumns(id), frames ? readLine(id, i) : null]);
    if (mine !== turn) return;
    batch(() => {
      view.value = line ? { id, i, line } : null;
      trouble.value = null;
    });
    if (line) say(describe(line, id, i));
  } catch (error) {
    showFault(error, mine);
  }
}

/** Go to the last frame of the session that is shown, which is known when its columns are here. */
export async function goLast() {
  const { id } = at.value, mine = ++turn;
  if (!id) return;
  try {
    await loadColumns(id);
    if (mine === turn) await go(id, Infinity);
  } catch (error) {
    showFault(error, mine);
  }
}

function showFault(error, mine) {
  if (mine !== turn) return;
  view.value = null;
  fail(error);
}

let loading = null;

/** Make the columns those of a session; who asks again while they are on their way waits for the same answer. */
function loadColumns(id) {
  if (columnsOf(id)) return null;
  if (loading?.id !== id) loading = { id, done: fetchColumns(id).finally(() => { loading = null; }) };
  return loading.done;
}

async function fetchColumns(id) {
  const packed = await source.value.columns(id);
  if (at.value.id !== id) return;
  columns.value = { id, ...unpackColumns(packed) };
  follow(id, packed.frames);
  source.value.notes(id).then((n) => { if (at.value.id === id) notes.value = n.notes; }, fail);
}

const describe = (line, id, i) =>
  `${id}, frame ${i}, ${line.node_name}, ${status(line.status || 'ok')[1]}, ${duration(line.latency_ms || 0)}`;

export const step = (delta) => go(at.value.id, at.value.i + delta);

/** Go to the next frame whose step failed: in this session, else in the next one that has any. */
export function nextError(direction) {
  const { id, i } = at.value;
  const c = columnsOf(id);
  if (c) for (let k = i + direction; k >= 0 && k < c.n; k += direction) if (c.status[k] === 'error') return go(id, k);
  const rows = map.value?.rows || [];
  const from = rows.findIndex((row) => row.id === id);
  for (let n = 1; n < rows.length; n++) {
    const s = rows[(from + direction * n + rows.length * 2) % rows.length].s;
    if (s.errors?.length) return go(s.id, direction > 0 ? s.errors[0] : s.errors[s.errors.length - 1]);
  }
  return say('There is no other error.');
}

export function nextSession(direction) {
  const rows = map.value?.rows || [];
  const row = rows[rows.findIndex((r) => r.id === at.value.id) + direction];
  if (row) go(row.id, row.s.errors?.[0] ?? row.cut);
}

export function goParent() {
  const s = current.value;
  if (s?.parent) go(s.parent, Math.max(0, (s.cut || 0) - 1));
}

// -- the address ------------------------------------------------------------------------------------------------------

function writeAddress(push) {
  const { id, i } = at.value;
  const hash = `#${encodeURIComponent(id)}/${i}${tab.value === 'state' ? '' : `/${tab.value}`}`;
  if (hash !== location.hash) history[push && location.hash ? 'pushState' : 'replaceState'](null, '', hash);
}

export function readAddress() {
  const found = location.hash.match(/^#([^/]+)(?:\/(\d+))?(?:\/([a-z]+))?$/);
  if (!found) return null;
  try {
    return { id: decodeURIComponent(found[1]), i: Number(found[2] || 0), tab: TABS.includes(found[3]) ? found[3] : 'state' };
  } catch {
    return null; // a broken escape in a hand-written address
  }
}

export async function goAddress() {
  const wanted = readAddress();
  if (!wanted || !sessions.value) return;
  if (!sessions.value.has(wanted.id)) return fail({ status: 404, message: `There is no session ${wanted.id}.` });
  tab.value = wanted.tab;
  if (wanted.id !== at.value.id || wanted.i !== at.value.i || !view.value) await go(wanted.id, wanted.i);
}

export function showTab(name) {
  tab.value = name;
  if (at.value.id) writeAddress(false);
}

export function togglePin() {
  if (!view.value) return;
  const { id, i, line } = view.value;
  const same = pin.value?.id === id && pin.value?.i === i;
  pin.value = same ? null : { id, i, line };
  say(same ? 'Unpinned.' : `Pinned ${id}, frame ${i}. Go to another frame to compare.`);
  if (!same) showTab('compare');
}

// -- edits: an overlay; a frame never changes ---------------------------------------------------------------------------

export const editsHere = () => {
  const e = edits.value;
  return e && e.id === at.value.id && e.i === at.value.i ? e : null;
};

export function putEdit(part, pointer, value) {
  const { id, i } = at.value;
  const known = editsHere();
  const changes = new Map(known && known.part === part ? known.changes : []);
  for (const other of [...changes.keys()]) if (other.startsWith(`${pointer}/`)) changes.delete(other);
  changes.set(pointer, value);
  edits.value = { id, i, part, changes };
  say(`Edited ${pointer || 'the whole state'}. Press r to run on from it, or f to fork.`);
}

export function dropEdits() {
  edits.value = null;
  say('The edits are gone.');
}

/** A state with the edits of this frame laid over it. */
export function withEdits(part, state) {
  const e = editsHere();
  if (!e || e.part !== part) return state;
  let edited = structuredClone(state);
  for (const [pointer, value] of e.changes) {
    const tokens = parsePointer(pointer);
    if (!tokens.length) { edited = structuredClone(value); continue; }
    const holder = tokens.slice(0, -1).reduce((v, key) => v?.[key], edited);
    if (holder && typeof holder === 'object') holder[tokens[tokens.length - 1]] = value;
  }
  return edited;
}

/** What a fork or a run from here starts with: the cut, and the changes as a JSON patch. */
export function cutHere() {
  const { id, i } = at.value;
  const e = editsHere();
  const line = view.value?.line;
  const patch = e ? [...e.changes].map(([path, value]) => ({ op: 'replace', path, value })) : [];
  const isCall = line && !['node', 'error', 'checkpoint'].includes(line.kind || 'node');
  return { id, i, patch, after: e ? e.part === 'output' : false, isCall };
}

// -- notes ----------------------------------------------------------------------------------------------------------

export async function writeNote(id, note) {
  try {
    notes.value = (await source.value.note(id, note)).notes;
    say(note.text || note.bookmark ? 'Noted.' : 'The note is gone.');
  } catch (error) {
    fail(error);
  }
}

export function toggleBookmark() {
  const { id, i } = at.value;
  if (!id || source.value.embedded) return;
  const known = notes.value.find((n) => n.frame === i) || { text: '', bookmark: false };
  writeNote(id, { frame: i, text: known.text, bookmark: !known.bookmark });
}

// -- what the server tells ----------------------------------------------------------------------------------------------

let follow = () => {};
export const onFollow = (callback) => { follow = callback; };

let redraw = null;
const pendingSessions = new Map();

/** Take in a session that changed; many at once make one change of the map. */
export function putSession(session) {
  const known = sessions.value?.get(session.id);
  if (!known || session.frames > known.frames) busy.value.set(session.id, performance.now());
  pendingSessions.set(session.id, session);
  redraw ??= requestAnimationFrame(flushSessions);
}

function flushSessions() {
  redraw = null;
  const next = new Map(sessions.value);
  for (const [id, session] of pendingSessions) session ? next.set(id, session) : next.delete(id);
  pendingSessions.clear();
  const wasEmpty = !sessions.value?.size;
  sessions.value = next;
  if (wasEmpty && next.size) openFirst();
}

export function dropSession(id) {
  pendingSessions.set(id, null);
  redraw ??= requestAnimationFrame(flushSessions);
}

/** Take in new frames of the session that is shown; return how many frames are known, to catch up from there. */
export function putFrames(id, rows) {
  const c = columnsOf(id);
  if (!c || id !== at.value.id) return null;
  const atEnd = at.value.i >= c.n - 1;
  const before = c.n;
  if (extendColumns(c, rows)) {
    grown.value++;
    if (atEnd && before && connection.value === 'live') go(id, Infinity);
  }
  return c.n;
}

export function putJob(job) {
  const others = jobs.value.filter((j) => j.id !== job.id);
  jobs.value = [job, ...others].sort((a, b) => b.id - a.id);
  if (job.status !== 'running') say(`Job ${job.id} ${job.status}.`);
}

// -- start ------------------------------------------------------------------------------------------------------------

async function openFirst() {
  const rows = map.value?.rows || [];
  const row = rows.find((r) => r.s.errors?.length) || rows[0];
  if (row) await go(row.id, row.s.errors?.[0] ?? row.cut);
}

export async function start() {
  try {
    source.value = await openSource();
    const others = Promise.all([source.value.agents(), source.value.jobs()]); // on their way beside the rest
    others.catch(() => {}); // told where they are waited for
    const answer = await source.value.map();
    sessions.value = new Map(answer.sessions.map((s) => [s.id, s]));
    if (readAddress()) await goAddress();
    else await openFirst();
    const [a, j] = await others;
    agents.value = a.agents;
    jobs.value = j.jobs;
  } catch (error) {
    sessions.value ??= new Map();
    fail(error);
  }
}

export const nodeName = (i) => {
  const c = columnsOf(at.value.id);
  return c ? stepAt(c, i).name : '';
};
