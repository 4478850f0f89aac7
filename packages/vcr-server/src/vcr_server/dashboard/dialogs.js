// The dialogs: keys, edit, fork and resume, note, blame, jobs.

import { html, useEffect, useRef, useState } from './vendor/preact.js';
import { clock, count, duration, parseJson, status } from './format.js';
import { KEYS } from './keyboard.js';
import { agents, at, current, cutHere, dialog, dropEdits, fail, go, jobs, notes, nodeName, putEdit, putJob, readState, say, sessions, source, withEdits, writeNote } from './store.js';

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

function Edit({ part, pointer, text }) {
  const [value, setValue] = useState(text);
  let problem = null, parsed;
  try {
    parsed = parseJson(value);
  } catch (error) {
    problem = error.message;
  }
  const save = () => { if (!problem) { putEdit(part, pointer, parsed); close(); } };
  const onKeyDown = (e) => { if (e.key === 'Enter' && (e.ctrlKey || e.metaKey)) { e.preventDefault(); save(); } };
  return html`<${Frame} title="Edit" wide><form method="dialog" onSubmit=${(e) => { e.preventDefault(); save(); }}>
    <p class="hint">${part === 'input' ? 'Before' : 'After'} frame #${at.value.i} at <code>${pointer || '(the whole state)'}</code>. The recording stays as it is; a fork or a run starts from the edited state.</p>
    <label class="field">Value as JSON<textarea autofocus spellcheck="false" rows=${Math.min(16, Math.max(3, value.split('\n').length + 1))} value=${value} aria-invalid=${!!problem} aria-describedby="edit-problem" onInput=${(e) => setValue(e.target.value)} onKeyDown=${onKeyDown}></textarea></label>
    <p id="edit-problem" class="bad" aria-live="polite">${problem ? `◆ ${problem}` : ''}</p>
    <div class="dialog-actions"><button class="btn main" disabled=${!!problem}>Use it <kbd>Ctrl ⏎</kbd></button><button type="button" class="btn" onClick=${close}>Cancel</button></div></form><//>`;
}

/** What the server is asked for; output edits of a call replace its answer. */
function orderOf(cut, form) {
  const from = cut.after ? cut.i + 1 : cut.i;
  const order = { from_frame: from };
  if (cut.patch.length && !(cut.isCall && cut.after)) order.state_overrides = cut.patch;
  if (form.name) order.new_session_id = form.name;
  return order;
}

function Go({ kind }) {
  const cut = cutHere(), names = agents.value;
  const [form, setForm] = useState({ agent: names[0] || '', mode: 'fork', name: '', after: cut.after });
  const [problem, setProblem] = useState(null), [busy, setBusy] = useState(false);
  const set = (field) => (e) => setForm({ ...form, [field]: e.target.value });
  const runs = kind === 'resume';
  const chosen = { ...cut, after: cut.patch.length ? cut.after : form.after === true || form.after === 'true' };
  const start = async (event) => {
    event.preventDefault();
    setBusy(true);
    try {
      const order = orderOf(chosen, form);
      if (runs) {
        if (form.mode === 'replay') delete order.from_frame;
        if (cut.isCall && cut.after && cut.patch.length) order.output_overrides = { [cut.i]: await editedOutput(cut) };
        const job = await source.value.resume(cut.id, { ...order, agent: form.agent, mode: form.mode });
        putJob(job);
        say(`Job ${job.id} runs ${form.agent} into ${job.new_session}.`);
        awaitSession(job.new_session, order.from_frame ?? 0);
      } else {
        const made = await source.value.fork(cut.id, order);
        say(`Forked into ${made.session}.`);
        awaitSession(made.session, order.from_frame);
      }
      close();
    } catch (error) {
      setProblem(error.message);
      setBusy(false);
    }
  };
  if (runs && !names.length) {
    return html`<${Frame} title="Resume"><p>The server knows no agent to run. Start it with one:</p><pre tabindex="0"><code>vcr-server .vcr --agent coder=my_agents:run_coder</code></pre>
      <p class="hint">Without an agent you can still fork (<kbd>f</kbd>): the frames so far and your edit become a session of their own.</p><//>`;
  }
  const last = current.value.frames - 1;
  return html`<${Frame} title=${runs ? 'Resume' : 'Fork'}><form onSubmit=${start}>
    <p class="hint">${runs ? 'The steps before the cut are served from the tape, the agent runs live from there on, into a new session.' : 'The frames before the cut and the state there become a new session. Nothing runs.'}</p>
    ${runs ? html`<label class="field">Agent<select autofocus value=${form.agent} onChange=${set('agent')}>${names.map((n) => html`<option value=${n}>${n}</option>`)}</select></label>
    <label class="field">Mode<select value=${form.mode} onChange=${set('mode')}><option value="fork">fork: tape, then live from the cut</option><option value="replay">replay: everything from the tape</option><option value="mock">mock: nothing live</option></select></label>` : ''}
    ${form.mode === 'replay' ? '' : html`<label class="field">Cut<select autofocus=${!runs} value=${String(chosen.after)} onChange=${set('after')} disabled=${cut.patch.length > 0}>
      <option value="false">before #${cut.i} ${nodeName(cut.i)}</option><option value="true">after #${cut.i}${cut.i < last ? `, before #${cut.i + 1} ${nodeName(cut.i + 1)}` : ', at the end'}</option></select></label>`}
    <label class="field">New session<input value=${form.name} onInput=${set('name')} placeholder="a name is made up" autocomplete="off" spellcheck="false"/></label>
    ${cut.patch.length ? html`<div class="edits"><b>With ${count(cut.patch.length)} edited</b>${cut.patch.map((op) => html`<code>${op.path || '(all)'} = ${JSON.stringify(op.value).slice(0, 60)}</code>`)}</div>` : ''}
    ${problem ? html`<p class="bad breaks" role="alert">◆ ${problem}</p>` : ''}
    <div class="dialog-actions"><button class="btn main" disabled=${busy}>${runs ? 'Run' : 'Fork'}</button><button type="button" class="btn" onClick=${close}>Cancel</button></div></form><//>`;
}

const editedOutput = async (cut) => withEdits('output', await readState(cut.id, cut.i, 'output'));

/** Show a session as soon as it is there. */
async function awaitSession(id, i) {
  for (let n = 0; n < 100; n++) {
    if (sessions.value.get(id)?.frames) {
      dropEdits();
      return go(id, i);
    }
    await new Promise((done) => setTimeout(done, 100));
  }
  return say(`${id} has recorded nothing yet.`);
}

function NoteDialog() {
  const { id, i } = at.value;
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

function Blame({ pointer }) {
  const { id, i } = at.value;
  const [rows, setRows] = useState(null);
  useEffect(() => { source.value.blame(id, pointer).then((a) => setRows(a.rows), (e) => { close(); fail(e); }); }, []);
  return html`<${Frame} title="Who wrote this"><p class="hint"><code>${pointer || '(the whole state)'}</code> was changed by:</p>
    ${rows === null ? html`<p>Reading…</p>` : rows.length ? html`<ul class="list">${rows.slice(0, 200).map((r) => html`<li><button class="link" autofocus=${r === rows[0]} onClick=${() => { close(); go(id, r.index); }}>${status(r.status || 'ok')[0]} #${r.index} ${r.node_name} <span class="hint">${duration(r.latency_ms || 0)}${r.index === i ? ' · this frame' : ''}</span></button></li>`)}</ul>` : html`<p>No frame of this session.</p>`}<//>`;
}

const JOB_SHAPES = { running: '▸', done: '✓', failed: '◆', cancelled: '⊘' };

function Jobs() {
  const cancel = (job) => source.value.cancel(job.id).then(putJob, fail);
  return html`<${Frame} title="Jobs" wide>${jobs.value.length ? html`<ul class="jobs">${jobs.value.map((job) => html`<li>
    <div class="job-line"><span class=${`chip ${job.status === 'failed' ? 'error' : 'ok'}`}>${JOB_SHAPES[job.status]} ${job.status}</span><b>${job.agent}</b> ${job.session} → <button class="link" onClick=${() => { close(); go(job.new_session, 0); }}>${job.new_session}</button>
      ${job.status === 'running' ? html`<button class="btn" onClick=${() => cancel(job)}>Cancel</button>` : ''}</div>
    <p class="hint">${job.mode} · ${clock(job.started_at * 1000)}</p>${job.error ? html`<p class="bad breaks">${job.error}</p>` : ''}${job.log ? html`<pre tabindex="0" aria-label="Log">${job.log}</pre>` : ''}</li>`)}</ul>` : html`<p>No job was started yet. Press <kbd>r</kbd> on a frame.</p>`}<//>`;
}

export function Dialogs() {
  const open = dialog.value;
  if (!open) return null;
  const found = { help: Help, edit: Edit, resume: Go, fork: Go, note: NoteDialog, blame: Blame, jobs: Jobs }[open.name];
  return html`<${found} ...${open} kind=${open.name} key=${open.name}/>`;
}
