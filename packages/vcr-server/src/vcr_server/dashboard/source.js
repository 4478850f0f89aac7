// Where the data comes from: the server, or the page itself when it was exported.

import { jsonText, parseJson } from './format.js';
import { readState } from './state_chain.js';

export class Trouble extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

async function ask(path, options) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Trouble(0, 'The server does not answer. Is it still running?');
  }
  const text = await answer.text();
  if (answer.ok) return parseJson(text);
  let detail = answer.statusText;
  try {
    detail = JSON.parse(text).detail;
  } catch { /* not a problem document: the status text has to do */ }
  throw new Trouble(answer.status, detail);
}

const send = (path, body, method = 'POST') =>
  ask(path, { method, headers: { 'content-type': 'application/json' }, body: jsonText(body) });

const of = (id) => `/api/sessions/${encodeURIComponent(id)}`;

class Server {
  embedded = false;
  map = () => ask('/api/map');
  columns = (id) => ask(`${of(id)}/columns`);
  rows = (id, from) => ask(`${of(id)}/frames?from=${from}&limit=1000`);
  line = (id, i) => ask(`${of(id)}/frames/${i}`);
  state = (id, i, part) => ask(`${of(id)}/frames/${i}/${part === 'input' ? 'input' : 'state'}`);
  session = (id) => ask(of(id));
  blame = (id, pointer, before) => ask(`${of(id)}/blame?pointer=${encodeURIComponent(pointer)}${before ? `&before=${before}` : ''}`);
  notes = (id) => ask(`${of(id)}/notes`);
  note = (id, note) => send(`${of(id)}/notes`, note);
  agents = () => ask('/api/agents');
  jobs = () => ask('/api/jobs');
  fork = (id, order) => send(`${of(id)}/fork`, order);
  resume = (id, order) => send(`${of(id)}/resume`, order);
  cancel = (job) => ask(`/api/jobs/${job}`, { method: 'DELETE' });
}

/** One session inside the page. */
class Page {
  embedded = true;

  constructor(data) {
    this.data = data;
    this.frames = data.frames;
  }

  map = async () => ({ sessions: [this.data.session] });
  columns = async () => this.data.columns;
  line = async (_, i) => ({ data: this.frames[i] });
  state = async (_, i, part) => readState(this.frames, i, part);
  session = async () => this.data.session;
  notes = async () => ({ notes: this.data.notes });
  agents = async () => ({ agents: [] });
  jobs = async () => ({ jobs: [] });
}

async function unpack(text) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return parseJson(await new Response(stream).text());
}

/** The server, or the data that is embedded in this page. */
export async function openSource() {
  const embedded = document.getElementById('vcr-data');
  return embedded ? new Page(await unpack(embedded.textContent)) : new Server();
}
