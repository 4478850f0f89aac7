// The WebSocket: follows the session that is shown and comes back by itself, catching up over HTTP.

import { at, columnsOf, connection, dropSession, fail, jobs, onFollow, putFrames, putJob, putNotes, putSession, sessions, source } from './store.js';

let socket = null;
let wait = 500;
let followed = null;
let catching = false;

const post = (message) => { if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message)); };

function follow(id, from) {
  if (followed && followed !== id) post({ unfollow: followed });
  followed = id;
  post({ follow: id, from });
}

/** Read what is missing of the session that is shown. */
async function catchUp() {
  const { id } = at.value;
  let n = columnsOf(id)?.n;
  if (catching || n === undefined) return;
  catching = true;
  try {
    for (;;) {
      const answer = await source.value.rows(id, n);
      n = putFrames(id, answer.rows);
      if (n === null || !answer.rows.length || n >= answer.frames) break;
    }
  } catch (error) {
    fail(error);
  } finally {
    catching = false;
  }
}

async function readAgain() {
  try {
    const answer = await source.value.map();
    const there = new Set(answer.sessions.map((s) => s.id));
    for (const id of sessions.value.keys()) if (!there.has(id)) dropSession(id);
    answer.sessions.forEach(putSession);
    jobs.value = (await source.value.jobs()).jobs;
    await catchUp();
  } catch (error) {
    fail(error);
  }
}

const take = {
  hello: () => {},
  session: (event) => putSession(event.session),
  gone: (event) => dropSession(event.session),
  gap: (event) => (event.session ? catchUp() : readAgain()),
  frames: (event) => {
    const c = columnsOf(event.session);
    if (!c || event.session !== at.value.id) return;
    if (event.from > c.n) catchUp();
    else putFrames(event.session, event.rows);
  },
  job: (event) => putJob(event.job),
  notes: async (event) => {
    if (event.session === at.value.id) putNotes(event.session, (await source.value.notes(event.session)).notes);
  },
  problem: (event) => console.warn(event.detail),
};

/** Connect, and again whenever the connection is lost. */
export function connect() {
  onFollow(follow);
  open(false);
}

function open(again) {
  socket = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/api/live`);
  socket.onopen = () => {
    wait = 500;
    connection.value = 'live';
    const { id } = at.value, c = columnsOf(id);
    if (c) follow(id, c.n);
    if (again) readAgain();
  };
  socket.onmessage = (message) => { for (const event of JSON.parse(message.data)) take[event.type]?.(event); };
  socket.onclose = () => {
    connection.value = 'lost';
    setTimeout(() => open(true), wait);
    wait = Math.min(wait * 2, 15000);
  };
}
