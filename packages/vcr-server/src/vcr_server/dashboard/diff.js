// The content-aligned diff of two states. The algorithm's contract is the text of vcr_core.diff; both implementations
// pass the same fixtures. JavaScript cannot tell 1 from 1.0, which the fixtures allow for.

import { alignKeys } from './align.js';
import { escapeToken } from './format.js';

const ALIKE = 500, MAX_ENTRIES = 64, MAX_TEXT = 512, MAX_CELLS = 256, TOTAL_CELLS = 20000;

const kind = (v) => (v === null ? 'null' : Array.isArray(v) ? 'list' : typeof v === 'object' ? 'dict' : typeof v);
const isContainer = (v) => v !== null && typeof v === 'object';
const has = (object, key) => Object.prototype.hasOwnProperty.call(object, key);

/** Gives equal values equal strings, and different values different ones; every container is read once. */
class Tokens {
  numbers = new Map();
  seen = new Map();

  of(value) {
    switch (typeof value) {
      case 'string': return `s${value}`;
      case 'number': return Object.is(value, -0) ? 'n-0' : `n${value}`;
      case 'bigint': return `n${value}`;
      case 'boolean': return `b${value}`;
      default: return value === null ? 'z' : this.seen.get(value) ?? this.container(value);
    }
  }

  container(root) {
    const stack = [root];
    while (stack.length) {
      const node = stack[stack.length - 1];
      const depth = stack.length;
      if (!this.seen.has(node)) {
        const children = Array.isArray(node) ? node : Object.values(node);
        for (const child of children) if (isContainer(child) && !this.seen.has(child)) stack.push(child);
      }
      if (stack.length > depth) continue;
      stack.pop();
      if (!this.seen.has(node)) this.seen.set(node, this.number(this.shape(node)));
    }
    return this.seen.get(root);
  }

  shape(node) {
    if (Array.isArray(node)) return 'l' + node.map((v) => part(this.of(v))).join('');
    return 'd' + Object.keys(node).sort().map((k) => part(k) + part(this.of(node[k]))).join('');
  }

  number(shape) {
    if (!this.numbers.has(shape)) this.numbers.set(shape, `#${this.numbers.size}`);
    return this.numbers.get(shape);
  }
}

const part = (text) => `${text.length}:${text}`;

/** The operations from one value to another, in document order: {op, path, from?, old?, new?}. */
export function diff(old, fresh) {
  const aligner = new ListAligner(new Tokens());
  const ops = [];
  const stack = [{ kind: 'look', old, fresh, from: '', to: '' }];
  while (stack.length) {
    const task = stack.pop();
    if (task.kind !== 'look') ops.push(toOp(task));
    else if (kind(task.old) === 'dict' && kind(task.fresh) === 'dict') stack.push(...lookIntoDicts(task).reverse());
    else if (kind(task.old) === 'list' && kind(task.fresh) === 'list') {
      const tasks = aligner.steps(task.old, task.fresh).map((step) => listTask(task, step));
      for (let n = tasks.length - 1; n >= 0; n--) stack.push(tasks[n]);
    } else if (!aligner.same(task.old, task.fresh)) ops.push(toOp({ ...task, kind: 'replace' }));
  }
  return ops;
}

function toOp(task) {
  if (task.kind === 'remove') return { op: 'remove', path: task.from, old: task.old };
  if (task.kind === 'add') return { op: 'add', path: task.to, new: task.fresh };
  const op = { op: task.kind, path: task.to };
  if (task.from !== task.to) op.from = task.from;
  if (task.kind === 'replace') op.old = task.old;
  op.new = task.fresh;
  return op;
}

function lookIntoDicts({ old, fresh, from, to }) {
  const tasks = [];
  for (const key of Object.keys(old)) {
    const step = '/' + escapeToken(key);
    if (!has(fresh, key)) tasks.push({ kind: 'remove', old: old[key], from: from + step, to: to + step });
    else if (old[key] !== fresh[key] || Object.is(old[key], -0) !== Object.is(fresh[key], -0))
      tasks.push({ kind: 'look', old: old[key], fresh: fresh[key], from: from + step, to: to + step });
  }
  for (const key of Object.keys(fresh))
    if (!has(old, key)) tasks.push({ kind: 'add', fresh: fresh[key], to: `${to}/${escapeToken(key)}` });
  return tasks;
}

const listTask = (task, [step, i, j]) => ({
  kind: step === 'change' ? 'look' : step,
  old: i >= 0 ? task.old[i] : null,
  fresh: j >= 0 ? task.fresh[j] : null,
  from: `${task.from}/${i}`,
  to: `${task.to}/${j}`,
});

class ListAligner {
  cellsLeft = TOTAL_CELLS;

  constructor(tokens) { this.tokens = tokens; }

  same(x, y) { return x === y && !Object.is(x, -0) && !Object.is(y, -0) || this.tokens.of(x) === this.tokens.of(y); }

  /** Steps [kind, i, j] in display order. */
  steps(old, fresh) {
    let start = 0, endOld = old.length, endNew = fresh.length;
    while (start < endOld && start < endNew && this.same(old[start], fresh[start])) start++;
    while (endOld > start && endNew > start && this.same(old[endOld - 1], fresh[endNew - 1])) { endOld--; endNew--; }
    if (start === endOld && start === endNew) return [];
    const keysOld = old.slice(start, endOld).map((v) => this.tokens.of(v));
    const keysNew = fresh.slice(start, endNew).map((v) => this.tokens.of(v));
    const anchors = alignKeys(keysOld, keysNew);
    const moved = movesBetween(keysOld, keysNew, anchors);
    const sources = new Set(moved.values());
    const steps = [];
    let i = 0, j = 0;
    for (const [x, y] of [...anchors, [keysOld.length, keysNew.length]]) {
      const left = [], right = [], moves = [];
      for (; i < x; i++) if (!sources.has(i)) left.push(start + i);
      for (; j < y; j++) moved.has(j) ? moves.push(['move', start + moved.get(j), start + j]) : right.push(start + j);
      for (const step of mergeMoves(this.pairGap(old, fresh, left, right), moves)) steps.push(step);
      i = x + 1;
      j = y + 1;
    }
    return steps;
  }

  pairGap(old, fresh, left, right) {
    if (!left.length || !right.length) return [...left.map((i) => ['remove', i, -1]), ...right.map((j) => ['add', -1, j])];
    const steps = [];
    for (const [outerL, outerR, sameId] of this.split(old, fresh, left, right, (v, alone) => this.idKey(v, alone))) {
      for (const [innerL, innerR, sameRest] of this.split(old, fresh, outerL, outerR, (v, alone) => this.restKey(v, alone))) {
        steps.push(...this.pairAlike(old, fresh, innerL, innerR));
        if (sameRest) steps.push(['change', ...sameRest]);
      }
      if (sameId) steps.push(['change', ...sameId]);
    }
    return steps;
  }

  split(old, fresh, left, right, key) {
    const pairs = left.length > 1 || right.length > 1
      ? alignKeys(left.map((i, at) => key(old[i], `L${at}`)), right.map((j, at) => key(fresh[j], `R${at}`)))
      : [];
    const parts = [];
    let x = 0, y = 0;
    for (const [px, py] of pairs) {
      parts.push([left.slice(x, px), right.slice(y, py), [left[px], right[py]]]);
      x = px + 1;
      y = py + 1;
    }
    parts.push([left.slice(x), right.slice(y), null]);
    return parts;
  }

  idKey(value, alone) {
    return kind(value) === 'dict' && has(value, 'id') && isId(value.id) ? `id:${this.tokens.of(value.id)}` : alone;
  }

  restKey(value, alone) {
    if (kind(value) !== 'dict' || !has(value, 'id') || Object.keys(value).length < 2) return alone;
    const names = Object.keys(value).filter((name) => name !== 'id').sort();
    return 'rest:' + names.map((name) => part(name) + part(this.tokens.of(value[name]))).join('');
  }

  pairAlike(old, fresh, left, right) {
    const rows = left.length, columns = right.length;
    let pairs = [];
    if (rows * columns <= Math.min(MAX_CELLS, this.cellsLeft)) {
      this.cellsLeft -= rows * columns;
      pairs = bestPairs(left.map((i) => right.map((j) => likeness(this.tokens, old[i], fresh[j]))), rows, columns);
    } else {
      for (let at = 0; at < Math.min(rows, columns); at++)
        if (likeness(this.tokens, old[left[at]], fresh[right[at]]) >= ALIKE) pairs.push([at, at]);
    }
    const steps = [];
    let x = 0, y = 0;
    for (const [px, py] of pairs) {
      steps.push(...unlike(old, fresh, left.slice(x, px), right.slice(y, py)), ['change', left[px], right[py]]);
      x = px + 1;
      y = py + 1;
    }
    return [...steps, ...unlike(old, fresh, left.slice(x), right.slice(y))];
  }
}

const isId = (v) => typeof v === 'string' || typeof v === 'bigint' || (typeof v === 'number' && Number.isInteger(v));

function unlike(old, fresh, left, right) {
  if (left.length !== right.length) return [...left.map((i) => ['remove', i, -1]), ...right.map((j) => ['add', -1, j])];
  return left.map((i, at) => [sameKeys(old[i], fresh[right[at]]) ? 'change' : 'replace', i, right[at]]);
}

function sameKeys(x, y) {
  if (kind(x) !== 'dict' || kind(y) !== 'dict') return false;
  const keys = Object.keys(x);
  return keys.length === Object.keys(y).length && keys.every((key) => has(y, key));
}

function movesBetween(old, fresh, anchors) {
  const keptOld = new Set(anchors.map((p) => p[0])), keptNew = new Set(anchors.map((p) => p[1]));
  const waiting = new Map();
  for (let i = old.length - 1; i >= 0; i--)
    if (!keptOld.has(i)) waiting.has(old[i]) ? waiting.get(old[i]).push(i) : waiting.set(old[i], [i]);
  const moved = new Map();
  fresh.forEach((key, j) => {
    if (!keptNew.has(j) && waiting.get(key)?.length) moved.set(j, waiting.get(key).pop());
  });
  return moved;
}

function bestPairs(scores, rows, columns) {
  const best = Array.from({ length: rows + 1 }, () => new Array(columns + 1).fill(0));
  for (let x = rows - 1; x >= 0; x--)
    for (let y = columns - 1; y >= 0; y--) {
      const paired = scores[x][y] >= ALIKE ? scores[x][y] + best[x + 1][y + 1] : 0;
      best[x][y] = Math.max(paired, best[x + 1][y], best[x][y + 1]);
    }
  const pairs = [];
  let x = 0, y = 0;
  while (x < rows && y < columns) {
    if (scores[x][y] >= ALIKE && best[x][y] === scores[x][y] + best[x + 1][y + 1]) pairs.push([x++, y++]);
    else if (best[x][y] === best[x + 1][y]) x++;
    else y++;
  }
  return pairs;
}

function mergeMoves(steps, moves) {
  const merged = [];
  let next = 0;
  for (const step of steps) {
    while (next < moves.length && step[2] > moves[next][2]) merged.push(moves[next++]);
    merged.push(step);
  }
  return [...merged, ...moves.slice(next)];
}

// -- how alike two values are, 0 to 1000, in whole numbers ------------------------------------------------------------

const half = (n) => Math.floor(n / 2);

function likeness(tokens, x, y) {
  const kx = kind(x), ky = kind(y);
  if (kx === 'dict' && ky === 'dict') return dictLikeness(tokens, x, y);
  if (kx === 'list' && ky === 'list') return listLikeness(tokens, x, y);
  if (isContainer(x) || isContainer(y)) return 0;
  return kx === 'string' && ky === 'string' ? ALIKE + half(textLikeness(x, y)) : ALIKE;
}

function textLikeness(a, b) {
  const x = Array.from(a), y = Array.from(b);
  const shorter = Math.min(x.length, y.length);
  let head = 0, tail = 0;
  while (head < Math.min(shorter, MAX_TEXT) && x[head] === y[head]) head++;
  const room = Math.min(shorter - head, MAX_TEXT);
  while (tail < room && x[x.length - 1 - tail] === y[y.length - 1 - tail]) tail++;
  const total = Math.min(x.length, 2 * MAX_TEXT) + Math.min(y.length, 2 * MAX_TEXT);
  return total ? Math.floor((2000 * (head + tail)) / total) : 1000;
}

function dictLikeness(tokens, x, y) {
  if (has(x, 'id') && has(y, 'id') && isId(x.id) && isId(y.id) && tokens.of(x.id) === tokens.of(y.id)) return 1000;
  const keys = Object.keys(x);
  const total = Math.min(keys.length, MAX_ENTRIES) + Math.min(Object.keys(y).length, MAX_ENTRIES);
  let points = 0;
  for (const key of keys.slice(0, MAX_ENTRIES)) if (has(y, key)) points += entryPoints(tokens, x[key], y[key]);
  const score = total ? Math.min(1000, Math.floor((2 * points) / total)) : 0;
  for (const name of ['role', 'name'])
    if (has(x, name) && typeof x[name] === 'string' && has(y, name) && x[name] === y[name]) return ALIKE + half(score);
  return score;
}

function entryPoints(tokens, x, y) {
  if (tokens.of(x) === tokens.of(y)) return 1000;
  if (typeof x === 'string' && typeof y === 'string') return textLikeness(x, y);
  return isContainer(x) && kind(x) === kind(y) ? 500 : 0;
}

function listLikeness(tokens, x, y) {
  const headX = x.slice(0, MAX_ENTRIES), headY = y.slice(0, MAX_ENTRIES);
  const inX = countTokens(tokens, headX), inY = countTokens(tokens, headY);
  let common = 0;
  for (const [token, n] of inX) common += Math.min(n, inY.get(token) || 0);
  const inner = (items, other) => items.filter((v) => isContainer(v) && !other.has(tokens.of(v))).length;
  const total = headX.length + headY.length;
  return total ? Math.floor((2 * (1000 * common + 500 * Math.min(inner(headX, inY), inner(headY, inX)))) / total) : 0;
}

function countTokens(tokens, items) {
  const counts = new Map();
  for (const item of items) counts.set(tokens.of(item), (counts.get(tokens.of(item)) || 0) + 1);
  return counts;
}
