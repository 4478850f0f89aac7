// The dialogs: keys, edit, fork and resume, note, blame, jobs.

import { html, useEffect, useErrorBoundary, useRef, useState } from './vendor/preact.js';
import { clock, count, duration, jsonText, parseJson, status } from './format.js';
import { KEYS } from './keyboard.js';
import { agents, countMoves, dialog, dropEdits, editsOf, fail, go, jobs, notes, nodeName, patchOf, putEdit, putJob, readLine, readState, say, sessions, source, tab, withEdits, writeNote } from './store.js';

const close = () => { dialog.value = null; };

function Frame({ title, children, wide }) {
  const box = useRef();
  useEffect(() => {
    const e = box.current, before = document.activeElement;
    e.showModal();
    e.querySelector('[autofocus]')?.focus();
    return () => { e.close(); before?.focus?.(); };
  }, []);
  return html`<dialog ref=${box} class=${wide ? 'wide' : ''} aria-labelledby="dialog-title" onClose=${close} onCancel=${close} onClick=${(e) => e.target === box.current && close()}>
    <div class="dialog-body"><div class="dialog-head"><h2 id="dialog-title">${title}</h2><button class="btn icon" aria-label="Close" onClick=${close}>×</button></div>${children}</div></dialog>`;
}

const Help = () => html`<${Frame} title="Keys" wide><dl class="keys-list">${KEYS.filter((k) => k.help).map((k) => html`<div><dt>${k.shown.map((s) => html`<kbd>${s}</kbd>`)}</dt><dd>${k.help}</dd></div>`)}
  <div><dt><kbd>↑</kbd><kbd>↓</kbd><kbd>←</kbd><kbd>→</kbd></dt><dd>inside a state: walk and fold; <kbd>Enter</kbd> or <kbd>e</kbd> edits, <kbd>w</kbd> tells who wrote it</dd></div>
  <div><dt><kbd>⇧</kbd> drag</dt><dd>on the tape: brush a range</dd></div></dl><//>`;

function Edit({ id, i, part, pointer, text }) {
  const [value, setValue] = useState(text);
  let problem = null, parsed;
  try {
    parsed = parseJson(value);
  } catch (error) {
    problem = error.message;
  }
  const save = () => { if (!problem) { putEdit({ id, i }, part, pointer, parsed); close(); } };
  const onKeyDown = (e) => { if (e.key === 'Enter' && (e.ctrlKey || e.metaKey)) { e.preventDefault(); save(); } };
  return html`<${Frame} title="Edit" wide><form method="dialog" onSubmit=${(e) => { e.preventDefault(); save(); }}>
    <p class="hint">${part === 'input' ? 'Before' : 'After'} frame #${i} at <code>${pointer || '(the whole state)'}</code>. The recording stays as it is; a fork or a run starts from the edited state.</p>
    <label class="field">Value as JSON<textarea autofocus spellcheck="false" rows=${Math.min(16, Math.max(3, value.split('\n').length + 1))} value=${value} aria-invalid=${!!problem} aria-describedby="edit-problem" onInput=${(e) => setValue(e.target.value)} onKeyDown=${onKeyDown}></textarea></label>
    <p id="edit-problem" class="bad" aria-live="polite">${problem ? `◆ ${problem}` : ''}</p>
    <div class="dialog-actions"><button class="btn main" disabled=${!!problem}>Use it <kbd>Ctrl ⏎</kbd></button><button type="button" class="btn" onClick=${close}>Cancel</button></div></form><//>`;
}

/** What the server is asked for; the edited output of a call, which is no state, replaces the call's answer. */
async function orderOf({ place, after, patch, form, runs }) {
  const order = { from_frame: after ? place.i + 1 : place.i };
  if (form.name) order.new_session_id = form.name;
  if (runs) Object.assign(order, { agent: form.agent, mode: form.mode });
  if (runs && form.mode === 'replay') delete order.from_frame;
  if (!patch.length) return order;
  const line = await readLine(place.id, place.i);
  if (!after || ['node', 'error', 'checkpoint'].includes(line.kind || 'node')) return { ...order, state_overrides: patch };
  if (!runs) throw new Error(`Frame #${place.i} is a call: a fork holds states and not another answer of a call. Resume does.`);
  return { ...order, output_overrides: { [place.i]: withEdits(place, 'output', await readState(place.id, place.i, 'output')) } };
}

/** Start a run; return what tells the name of its session, which is known once it has begun. */
async function startRun(id, order) {
  const job = await source.value.resume(id, order);
  putJob(job);
  say(`Job ${job.id} runs ${job.agent} into ${job.new_session}.`);
  return () => jobs.value.find((each) => each.id === job.id && each.begun)?.new_session;
}

async function makeFork(id, order) {
  const { session } = await source.value.fork(id, order);
  say(`Forked into ${session}.`);
  return () => session;
}

function Go({ id, i, kind }) {
  const place = { id, i }, names = agents.value;
  const parts = ['input', 'output'].filter((part) => editsOf(place, part));
  const [form, setForm] = useState({ agent: names[0] || '', mode: 'fork', name: '', after: parts.includes('output') && !(parts.includes('input') && tab.value === 'input') });
  const [problem, setProblem] = useState(null), [busy, setBusy] = useState(false);
  const set = (field) => (e) => setForm({ ...form, [field]: e.target.value });
  const runs = kind === 'resume';
  const after = form.after === true || form.after === 'true', part = after ? 'output' : 'input', patch = patchOf(place, part);
  const start = async (event) => {
    event.preventDefault();
    setBusy(true);
    try {
      const order = await orderOf({ place, after, patch, form, runs });
      const nameOf = await (runs ? startRun : makeFork)(id, order);
      close();
      awaitSession(nameOf, order.from_frame ?? 0, () => dropEdits(place, [part]));
    } catch (error) {
      setProblem(error.message);
      setBusy(false);
    }
  };
  if (runs && !names.length) {
    return html`<${Frame} title="Resume"><p>The server knows no agent to run. Start it with one:</p><pre tabindex="0"><code>vcr-server .vcr --agent coder=my_agents:run_coder</code></pre>
      <p class="hint">Without an agent you can still fork (<kbd>f</kbd>): the frames so far and your edit become a session of their own.</p><//>`;
  }
  const last = (sessions.value.get(id)?.frames || 0) - 1;
  return html`<${Frame} title=${runs ? 'Resume' : 'Fork'}><form onSubmit=${start}>
    <p class="hint">${runs ? 'The steps before the cut are served from the tape, the agent runs live from there on, into a new session.' : 'The frames before the cut and the state there become a new session. Nothing runs.'}</p>
    ${runs ? html`<label class="field">Agent<select autofocus value=${form.agent} onChange=${set('agent')}>${names.map((n) => html`<option value=${n}>${n}</option>`)}</select></label>
    <label class="field">Mode<select value=${form.mode} onChange=${set('mode')}><option value="fork">fork: tape, then live from the cut</option><option value="replay">replay: everything from the tape</option><option value="mock">mock: nothing live</option></select></label>` : ''}
    ${form.mode === 'replay' ? '' : html`<label class="field">Cut<select autofocus=${!runs} value=${String(after)} onChange=${set('after')} disabled=${parts.length === 1}>
      <option value="false">before #${i} ${nodeName(place)}</option><option value="true">after #${i}${i < last ? `, before #${i + 1} ${nodeName({ id, i: i + 1 })}` : ', at the end'}</option></select></label>`}
    <label class="field">New session<input value=${form.name} onInput=${set('name')} placeholder="a name is made up" autocomplete="off" spellcheck="false"/></label>
    ${patch.length ? html`<div class="edits"><b>With ${count(patch.length)} edited</b>${patch.map((op) => html`<code>${op.path || '(all)'} = ${jsonText(op.value).slice(0, 60)}</code>`)}</div>` : ''}
    ${problem ? html`<p class="bad breaks" role="alert">◆ ${problem}</p>` : ''}
    <div class="dialog-actions"><button class="btn main" disabled=${busy}>${runs ? 'Run' : 'Fork'}</button><button type="button" class="btn" onClick=${close}>Cancel</button></div></form><//>`;
}

/** Show a session as soon as its name is known and it is there; who went elsewhere meanwhile is left there. */
async function awaitSession(nameOf, i, onShow) {
  const moves = countMoves();
  for (let n = 0; n < 100; n++) {
    if (countMoves() !== moves || dialog.value) return;
    const id = nameOf();
    if (sessions.value.get(id)?.frames) {
      onShow();
      await go(id, i);
      return;
    }
    await new Promise((done) => setTimeout(done, 100));
  }
  say(`${nameOf() || 'The run'} has recorded nothing yet.`);
}

function NoteDialog({ id, i }) {
  const known = notes.value.find((n) => n.frame === i) || { text: '', bookmark: false };
  const [text, setText] = useState(known.text), [bookmark, setBookmark] = useState(known.bookmark || !known.text);
  const save = async (event) => {
    event.preventDefault();
    await writeNote(id, { frame: i, text, bookmark });
    close();
  };
  return html`<${Frame} title=${`Note on frame #${i}`}><form onSubmit=${save}><label class="field">Note<textarea autofocus rows="4" maxlength="8000" value=${text} onInput=${(e) => setText(e.target.value)}></textarea></label>
    <label class="check"><input type="checkbox" checked=${bookmark} onChange=${(e) => setBookmark(e.target.checked)}/> Bookmark</label>
    <div class="dialog-actions"><button class="btn main">Save</button><button type="button" class="btn" onClick=${close}>Cancel</button></div>
    ${notes.value.length ? html`<h3>In this session</h3><ul class="list">${notes.value.map((n) => html`<li><button type="button" class="link" onClick=${() => { close(); go(id, n.frame); }}>${n.bookmark ? '⚑' : '·'} #${n.frame} ${n.text.slice(0, 60)}</button></li>`)}</ul>` : ''}</form><//>`;
}

function Blame({ id, i, pointer }) {
  const [rows, setRows] = useState(null);
  useEffect(() => { source.value.blame(id, pointer).then((a) => setRows(a.rows), (e) => { close(); fail(e); }); }, []);
  return html`<${Frame} title="Who wrote this"><p class="hint"><code>${pointer || '(the whole state)'}</code> was changed by:</p>
    ${rows === null ? html`<p>Reading…</p>` : rows.length ? html`<ul class="list">${rows.slice(0, 200).map((r) => html`<li><button class="link" autofocus=${r === rows[0]} onClick=${() => { close(); go(id, r.index); }}>${status(r.status || 'ok')[0]} #${r.index} ${r.node_name} <span class="hint">${duration(r.latency_ms || 0)}${r.index === i ? ' · this frame' : ''}</span></button></li>`)}</ul>` : html`<p>No frame of this session.</p>`}<//>`;
}

const JOB_SHAPES = { running: '▸', done: '✓', failed: '◆', cancelled: '⊘' };

function Jobs() {
  const cancel = (job) => source.value.cancel(job.id).then(putJob, fail);
  return html`<${Frame} title="Jobs" wide>${jobs.value.length ? html`<ul class="jobs">${jobs.value.map((job) => html`<li>
    <div class="job-line"><span class=${`chip ${job.status === 'failed' ? 'error' : 'ok'}`}>${JOB_SHAPES[job.status]} ${job.status}</span><b>${job.agent}</b> ${job.session} → ${job.begun ? html`<button class="link" onClick=${() => { close(); go(job.new_session, 0); }}>${job.new_session}</button>` : job.new_session}
      ${job.status === 'running' ? html`<button class="btn" onClick=${() => cancel(job)}>Cancel</button>` : ''}</div>
    <p class="hint">${job.mode} · ${clock(job.started_at * 1000)}</p>${job.error ? html`<p class="bad breaks">${job.error}</p>` : ''}${job.log ? html`<pre tabindex="0" aria-label="Log">${job.log}</pre>` : ''}</li>`)}</ul>` : html`<p>No job was started yet. Press <kbd>r</kbd> on a frame.</p>`}<//>`;
}

export function Dialogs() {
  const open = dialog.value;
  const [broken, mend] = useErrorBoundary((error) => { close(); fail(error); }); // a dialog that is not there must take no keys
  useEffect(() => { if (broken && !open) mend(); }, [broken, open]);
  if (!open || broken) return null;
  const found = { help: Help, edit: Edit, resume: Go, fork: Go, note: NoteDialog, blame: Blame, jobs: Jobs }[open.name];
  return html`<${found} ...${open} kind=${open.name} key=${open.name}/>`;
}
