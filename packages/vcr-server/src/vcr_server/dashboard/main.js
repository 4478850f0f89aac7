// The page: header, map, tape, inspector, dialogs.

import { effect, html, render } from './vendor/preact.js';
import { Dialogs } from './dialogs.js';
import { ForkMark, Reels } from './icons.js';
import { Inspector, TroubleBox } from './inspector.js';
import { listenToKeys } from './keyboard.js';
import { connect } from './live.js';
import { SessionMap } from './map.js';
import { agents, connection, current, dialog, go, goAddress, jobs, query, said, sessions, source, start, trouble, view } from './store.js';
import { Tape } from './tape.js';
import { startTheme, toggleTheme } from './theme.js';

const CONNECTION = { live: ['●', 'live'], lost: ['○', 'no connection'], connecting: ['◌', 'connecting'] };

function Header() {
  const s = current.value, alone = source.value?.embedded;
  const running = jobs.value.filter((job) => job.status === 'running').length;
  const [shape, word] = CONNECTION[connection.value];
  return html`<header><span class="brand"><${Reels}/><span>Agent VCR</span></span>
    <nav class="crumb" aria-label="Where this session comes from">${s?.parent ? html`<button class="link" onClick=${() => go(s.parent, Math.max(0, (s.cut || 0) - 1))}>${s.parent}</button> <${ForkMark}/> @${s.cut || 0} › ` : ''}<b>${s?.id || ''}</b></nav>
    ${alone ? html`<span class="chip">exported</span>` : html`<span class=${`connection ${connection.value}`} role="status"><span aria-hidden="true">${shape}</span> ${word}</span>
    <label class="search"><span class="unseen">Search sessions by name, tag or step</span><input id="search" type="search" placeholder="Search sessions" value=${query.value} onInput=${(e) => { query.value = e.target.value; }}/><kbd aria-hidden="true">/</kbd></label>
    ${jobs.value.length || agents.value.length ? html`<button class="btn" onClick=${() => { dialog.value = { name: 'jobs' }; }}>${running ? `▸ ${running} running` : 'Jobs'}</button>` : ''}`}
    <button class="btn icon" onClick=${toggleTheme} aria-label="Dark or light">◐</button><button class="btn icon" onClick=${() => { dialog.value = { name: 'help' }; }} aria-label="Keys">?</button></header>`;
}

function App() {
  if (!sessions.value) return html`<p class="empty quiet">Reading the recordings…</p>`;
  return html`<div class="shell"><${Header}/><main>${trouble.value && !view.value && !sessions.value.size ? html`<${TroubleBox} t=${trouble.value}/>` : html`<${SessionMap}/>`}</main>
    <${Inspector}/><${Tape}/><${Dialogs}/><div class="unseen" role="status" aria-live="polite">${said.value}</div></div>`;
}

startTheme();
listenToKeys();
const root = document.getElementById('app');
root.textContent = '';
render(html`<${App}/>`, root);
addEventListener('hashchange', goAddress);
addEventListener('popstate', goAddress);
await start();
if (!source.value.embedded) connect();
effect(() => { document.title = current.value ? `${current.value.id} · Agent VCR` : 'Agent VCR'; });
requestAnimationFrame(() => requestAnimationFrame(() => performance.mark('vcr-ready')));
