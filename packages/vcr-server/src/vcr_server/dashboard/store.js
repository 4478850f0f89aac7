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
export const edits = signal(new Map()); // key of a state of a frame to a Map of pointer to value
export const range = signal(null); // [from, to] brushed on the tape
export const notes = signal([]);
export const agents = signal([]);
export const jobs = signal([]);
export const trouble = signal(null);
export const said = signal('');
export const connection = signal('connecting');
export const dialog = signal(null); // {name, …}; {id, i} is the frame that it is about, wherever the page goes meanwhile
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

/** Open a dialog about a frame; it stays about that frame while a live run goes on behind it. */
export const ask = (name, { id, i }, more) => { dialog.value = { name, id, i, ...more }; };

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
let moves = 0;

/** How often the person went somewhere; who wants to go on for them later sees by it that they are elsewhere. */
export const countMoves = () => moves;

/** Go to a frame of a session; the last call wins. `follows` where a live run moves on and not the person. */
export async function go(id, i, { push = false, follows = false } = {}) {
  const session = sessions.value?.get(id);
  if (!session) return;
  const mine = ++turn;
  if (!follows) moves++;
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
    if (!line && columnsOf(id)?.n) return go(id, i, { follows: true }); // the first frame came meanwhile
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
  if (loading?.id !== id) {
    const mine = loading = { id };
    mine.done = fetchColumns(mine).finally(() => { if (loading === mine) loading = null; });
  }
  return loading.done;
}

async function fetchColumns(mine) {
  const { id } = mine;
  const packed = await source.value.columns(id);
  if (at.value.id !== id || loading !== mine) return; // elsewhere by now, or the recording was replaced meanwhile
  columns.value = { id, ...unpackColumns(packed) };
  follow(id, packed.frames);
  source.value.notes(id).then((n) => putNotes(id, n.notes), fail);
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

const PARTS = ['input', 'output'];

/** Edits are of one recording: another one that takes its name has none. */
const editKey = ({ id, i }, part) => JSON.stringify([id, sessions.peek()?.get(id)?.created, i, part]);

/** The changes to a state of a frame, pointer to value, or null. */
export const editsOf = (place, part) => edits.value.get(editKey(place, part)) || null;
export const isEdited = (place) => PARTS.some((part) => editsOf(place, part));

export function putEdit(place, part, pointer, value) {
  const changes = new Map(editsOf(place, part));
  for (const other of [...changes.keys()]) if (other.startsWith(`${pointer}/`)) changes.delete(other);
  changes.set(pointer, value);
  edits.value = new Map(edits.value).set(editKey(place, part), changes);
  say(`Edited ${pointer || 'the whole state'} of frame ${place.i}. Press r to run on from it, or f to fork.`);
}

/** Let go of the edits of one frame, or of one of its states; those of others stay. */
export function dropEdits(place, parts = PARTS) {
  const next = new Map(edits.value);
  for (const part of parts) next.delete(editKey(place, part));
  edits.value = next;
  say('The edits are gone.');
}

/** A state of a frame with its edits laid over it. */
export function withEdits(place, part, state) {
  const changes = editsOf(place, part);
  if (!changes) return state;
  let edited = structuredClone(state);
  for (const [pointer, value] of changes) {
    const tokens = parsePointer(pointer);
    if (!tokens.length) { edited = structuredClone(value); continue; }
    const holder = tokens.slice(0, -1).reduce((v, key) => v?.[key], edited);
    if (holder && typeof holder === 'object') holder[tokens[tokens.length - 1]] = value;
  }
  return edited;
}

/** The edits of a state as a JSON patch. */
export const patchOf = (place, part) =>
  [...(editsOf(place, part) || [])].map(([path, value]) => ({ op: 'replace', path, value }));

// -- notes ----------------------------------------------------------------------------------------------------------

/** Take in the notes of a session, which may come when another one is shown by now. */
export const putNotes = (id, found) => { if (at.value.id === id) notes.value = found; };

export async function writeNote(id, note) {
  try {
    putNotes(id, (await source.value.note(id, note)).notes);
    say(note.text || note.bookmark ? 'Noted.' : 'The note is gone.');
  } catch (error) {
    fail(error);
  }
}

export function toggleBookmark() {
  const { id, i } = at.value;
  if (!current.value || source.value.embedded) return;
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
  if (known && (session.created !== known.created || session.frames < known.frames)) forget(session.id);
  pendingSessions.set(session.id, session);
  redraw ??= requestAnimationFrame(flushSessions);
}

function flushSessions() {
  redraw = null;
  const next = new Map(sessions.value);
  for (const [id, session] of pendingSessions) session ? next.set(id, session) : next.delete(id);
  const wasEmpty = !sessions.value?.size, { id, i } = at.value, stale = forgotten === id && pendingSessions.has(id);
  pendingSessions.clear();
  sessions.value = next;
  if (wasEmpty && next.size) openFirst();
  else if (stale && next.has(id)) go(id, i, { follows: true });
  else if (stale) fail({ status: 404, message: `${id} is gone: its recording was deleted. If it is recorded anew, it appears here.` });
  if (next.has(forgotten)) forgotten = null;
}

export function dropSession(id) {
  forget(id);
  pendingSessions.set(id, null);
  redraw ??= requestAnimationFrame(flushSessions);
}

let forgotten = null; // the session that was shown when its recording went away

/** Forget what was read of a recording that is gone, or that another took the place of. */
function forget(id) {
  for (const key of [...cache.keys()]) if (key.slice(key.indexOf(' ') + 1, key.lastIndexOf('/')) === id) cache.delete(key);
  if (pin.value?.id === id) pin.value = null;
  if (at.value.id !== id) return;
  turn++;
  loading = null;
  forgotten = id;
  batch(() => { columns.value = view.value = range.value = null; notes.value = []; });
}

/** Take in new frames of the session that is shown; return how many frames are known, to catch up from there. */
export function putFrames(id, rows) {
  const c = columnsOf(id);
  if (!c || id !== at.value.id) return null;
  const atEnd = at.value.i >= c.n - 1;
  if (extendColumns(c, rows)) {
    grown.value++;
    // Who edits a frame, or was asked about it, stays with it.
    const stays = dialog.value?.id || isEdited(at.value);
    if (atEnd && connection.value === 'live' && !stays) go(id, Infinity, { follows: true });
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

export const nodeName = ({ id, i }) => {
  const c = columnsOf(id);
  return c ? stepAt(c, i).name : '';
};
