// The small fields of all frames of one session, unpacked for the tape and the totals; they grow with a live run.

const sparse = (column, n, usual) => {
  const values = new Array(n).fill(usual);
  let at = 0;
  (column?.at || []).forEach((step, k) => { values[(at += step)] = column.of[k]; });
  return values;
};

/** Unpack what the server sends. */
export function unpackColumns(packed) {
  const n = packed.frames;
  const lane = [];
  for (const [which, count] of packed.lane || []) for (let k = 0; k < count; k++) lane.push(which);
  return {
    n,
    steps: packed.steps.map(([name, kind]) => ({ name, kind })),
    step: packed.step,
    latency: packed.latency,
    status: sparse(packed.status, n, 'ok'),
    origin: sparse(packed.origin, n, 'live'),
    tokens: sparse(packed.tokens, n, 0),
    cost: sparse(packed.cost, n, null),
    inside: sparse(packed.inside, n, 0),
    lanes: packed.lanes || [],
    lane,
  };
}

/** Add rows that continue the columns; return how many were new. Rows that are known already are passed over. */
export function extendColumns(columns, rows) {
  let added = 0;
  for (const row of rows) {
    if (row.index !== columns.n) continue;
    const kind = row.kind || 'node';
    let step = columns.steps.findIndex((s) => s.name === row.node_name && s.kind === kind);
    if (step < 0) step = columns.steps.push({ name: row.node_name, kind }) - 1;
    columns.step.push(step);
    columns.latency.push(row.latency_ms || 0);
    columns.status.push(row.status || 'ok');
    columns.origin.push(row.origin || 'live');
    columns.tokens.push(row.tokens || 0);
    columns.cost.push(row.cost_usd ?? null);
    columns.inside.push(row.parent ? 1 : 0);
    columns.n++;
    added++;
  }
  return added;
}

/** What a range of frames adds up to. */
export function sumRange(columns, from, to) {
  const sum = { frames: to - from + 1, errors: 0, ms: 0, tokens: 0, cost: null };
  for (let i = from; i <= to; i++) {
    if (columns.status[i] === 'error') sum.errors++;
    if (!columns.inside[i]) sum.ms += columns.latency[i];
    sum.tokens += columns.tokens[i];
    if (columns.cost[i] !== null) sum.cost = (sum.cost || 0) + columns.cost[i];
  }
  return sum;
}

export const stepAt = (columns, i) => columns.steps[columns.step[i]] || { name: '', kind: 'node' };
