// Where sessions and frames stand on the map. Pure: no DOM, no state.

export const LANE = 34;
export const SUBLANE = 13;
const MAX_LANES = 5;
const COLLAPSE_FROM = 40;
const QUIET_RUN = 8;
const PILL_UNITS = 6;

/**
 * Sessions form a forest by parent: depth first, later forks first, so that curves do not cross. O(n log n).
 * Each row gets its place, and a scale on which runs of quiet frames are one pill.
 */
export function layout(sessions, opened = new Set()) {
  const by = new Map(sessions.map((s) => [s.id, { s, id: s.id, cut: s.parent ? s.cut || 0 : 0, kids: [] }]));
  const roots = [];
  for (const node of by.values()) {
    const parent = by.get(node.s.parent);
    if (parent && parent !== node) parent.kids.push(node);
    else roots.push(node);
  }
  roots.sort((a, b) => (a.s.created < b.s.created ? 1 : a.s.created > b.s.created ? -1 : a.id < b.id ? 1 : -1));
  const rows = [];
  let y = 0, width = 1;
  const place = (node, depth, parent) => {
    node.row = rows.length;
    node.depth = depth;
    node.lanes = lanesNeeded(node);
    node.y = y;
    node.h = LANE + (node.lanes - 1) * SUBLANE;
    node.parent = parent;
    y += node.h;
    node.x0 = parent ? frameX(parent, node.cut - 1) + 1 : 0;
    node.segments = segmentsOf(node, opened.has(node.id));
    width = Math.max(width, endX(node));
    rows.push(node);
  };
  const walk = (start) => {
    const stack = [[start, 0, null]];
    while (stack.length) {
      const [node, depth, parent] = stack.pop();
      if (node.row !== undefined) continue;
      place(node, depth, parent);
      node.kids.sort((a, b) => a.cut - b.cut || (a.s.created < b.s.created ? 1 : -1));
      for (const kid of node.kids) stack.push([kid, depth + 1, node]);
    }
  };
  roots.forEach(walk);
  for (const node of by.values()) if (node.row === undefined) walk(node); // a circle of parents has no root
  return { rows, by, width, height: y };
}

/** Runs of frames, each drawn one by one or, where nothing happens for long, as a pill. */
function segmentsOf(node, opened) {
  const first = node.cut, last = node.s.frames - 1;
  if (last - first < COLLAPSE_FROM || opened) return first <= last ? [{ x: node.x0, from: first, n: last - first + 1, pill: false }] : [];
  const keep = new Set([first, first + 1, first + 2, last - 2, last - 1, last]);
  for (const marks of [node.s.errors, node.s.odd, node.s.checkpoints]) for (const i of marks || []) keep.add(i);
  for (const kid of node.kids) keep.add(kid.cut - 1);
  const kept = [...keep].filter((i) => i >= first && i <= last).sort((a, b) => a - b);
  const segments = [];
  let x = node.x0;
  const add = (from, n, pill) => {
    const before = segments[segments.length - 1];
    if (!pill && before && !before.pill) before.n += n;
    else segments.push({ x, from, n, pill });
    x += pill ? PILL_UNITS : n;
  };
  let at = first;
  for (const i of kept) {
    if (i - at >= QUIET_RUN) add(at, i - at, true);
    else if (i > at) add(at, i - at, false);
    add(i, 1, false);
    at = i + 1;
  }
  return segments;
}

export const segmentWidth = (segment) => (segment.pill ? PILL_UNITS : segment.n);

export function endX(node) {
  const last = node.segments[node.segments.length - 1];
  return last ? last.x + segmentWidth(last) : node.x0;
}

function findSegment(segments, key, value) {
  let low = 0, high = segments.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (segments[middle][key] <= value) low = middle;
    else high = middle - 1;
  }
  return segments[low];
}

/** Units from the left to a frame; frames before the cut stand on the parent's row. */
export function frameX(node, i) {
  if (i < node.cut && node.parent) return frameX(node.parent, i);
  const segment = findSegment(node.segments, 'from', i);
  if (!segment) return node.x0;
  const inside = Math.min(Math.max(0, i - segment.from), segment.n - 1);
  return segment.pill ? segment.x + (PILL_UNITS * (inside + 0.5)) / segment.n - 0.5 : segment.x + inside;
}

/** The frame at some units from the left. */
export function frameAt(node, x) {
  const segment = findSegment(node.segments, 'x', x + 0.5);
  if (!segment) return 0;
  const share = segment.pill ? ((x + 0.5 - segment.x) / PILL_UNITS) * segment.n : x - segment.x;
  const inside = segment.pill ? Math.floor(share) : Math.round(share);
  return segment.from + Math.min(Math.max(0, inside), segment.n - 1);
}

const shownLane = (lane) => Math.min(lane, MAX_LANES - 1);

/** How many lanes the frames of the row take; those shared with the parent stand on the parent's row. */
function lanesNeeded(node) {
  let end = 0, most = 0;
  for (const [lane, n] of node.s.lanes || []) {
    end += n;
    if (end > node.cut) most = Math.max(most, shownLane(lane));
  }
  return most + 1;
}

/**
 * The lane of each frame, and the groups of frames that ran beside the main lane: from where they leave it (`x1`, in
 * units) to where they come back (`x2`), or to their last frame where the recording ends before (`open`); `lanes` are
 * those that take part. Groups inside a pill are left out.
 */
export function lanesOf(node) {
  const { s, cut } = node, of = new Uint8Array(s.frames), groups = [];
  let at = 0, group = null;
  for (const [lane, n] of s.lanes || []) {
    const first = Math.max(at, cut), shown = shownLane(lane);
    of.fill(shown, at, (at += n));
    if (at <= first) continue;
    if (shown) {
      if (!group) groups.push((group = { x1: first ? frameX(node, first - 1) : node.x0 - 1, open: true, lanes: new Set() }));
      group.lanes.add(shown);
      group.x2 = frameX(node, at - 1);
    } else if (group) {
      group.x2 = frameX(node, first);
      group.open = false;
      group = null;
    }
  }
  return { of, groups: groups.filter((each) => each.x2 - each.x1 >= 0.5) };
}

/** Index of the row at some height. */
export function rowAt(rows, y) {
  let low = 0, high = rows.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (rows[middle].y <= y) low = middle;
    else high = middle - 1;
  }
  return low;
}
