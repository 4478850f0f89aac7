// Line up two sequences of keys (strings): a long common subsequence in bounded time.
// The steps are those of vcr_core.diff: patience on unique keys, then Myers' greedy path, then n-th with n-th.

const MAX_ROUNDS = 32;
const MAX_EDITS = 100;

/** Index pairs [i, j] with a[i] === b[j], increasing in both. */
export function alignKeys(a, b) {
  const pairs = [];
  const gaps = [[0, a.length, 0, b.length, 0]];
  while (gaps.length) {
    let [i, iEnd, j, jEnd, rounds] = gaps.pop();
    while (i < iEnd && j < jEnd && a[i] === b[j]) pairs.push([i++, j++]);
    while (i < iEnd && j < jEnd && a[iEnd - 1] === b[jEnd - 1]) pairs.push([--iEnd, --jEnd]);
    if (i === iEnd || j === jEnd) continue;
    const anchors = rounds < MAX_ROUNDS ? uniqueAnchors(a, b, i, iEnd, j, jEnd) : [];
    if (!anchors.length) {
      for (const pair of alignRepeated(a, b, i, iEnd, j, jEnd)) pairs.push(pair);
      continue;
    }
    for (const pair of anchors) pairs.push(pair);
    for (const [x, y] of [...anchors, [iEnd, jEnd]]) {
      if (i < x && j < y) gaps.push([i, x, j, y, rounds + 1]);
      i = x + 1;
      j = y + 1;
    }
  }
  return pairs.sort((p, q) => p[0] - q[0]);
}

/** A longest run of pairs whose second numbers increase, by patience sorting. */
export function increasingPairs(pairs) {
  const tails = [], owner = [], before = [];
  pairs.forEach(([, j], position) => {
    let low = 0, high = tails.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (tails[middle] < j) low = middle + 1;
      else high = middle;
    }
    tails[low] = j;
    owner[low] = position;
    before.push(low ? owner[low - 1] : -1);
  });
  const run = [];
  for (let p = owner.length ? owner[owner.length - 1] : -1; p >= 0; p = before[p]) run.push(pairs[p]);
  return run.reverse();
}

function uniquePlaces(keys, start, end) {
  const places = new Map();
  for (let p = start; p < end; p++) places.set(keys[p], places.has(keys[p]) ? -1 : p);
  return places;
}

function uniqueAnchors(a, b, i, iEnd, j, jEnd) {
  const inB = uniquePlaces(b, j, jEnd);
  const common = [];
  for (const [key, place] of uniquePlaces(a, i, iEnd)) {
    const other = inB.get(key) ?? -1;
    if (place >= 0 && other >= 0) common.push([place, other]);
  }
  return increasingPairs(common);
}

function alignRepeated(a, b, i, iEnd, j, jEnd) {
  const inA = new Set(a.slice(i, iEnd)), inB = new Set(b.slice(j, jEnd));
  const keptA = [], keptB = [];
  for (let p = i; p < iEnd; p++) if (inB.has(a[p])) keptA.push(p);
  for (let p = j; p < jEnd; p++) if (inA.has(b[p])) keptB.push(p);
  if (!keptA.length) return [];
  const keysA = keptA.map((p) => a[p]), keysB = keptB.map((p) => b[p]);
  return (myers(keysA, keysB) || matchOccurrences(keysA, keysB)).map(([x, y]) => [keptA[x], keptB[y]]);
}

function matchOccurrences(a, b) {
  const waiting = new Map();
  for (let y = b.length - 1; y >= 0; y--) waiting.has(b[y]) ? waiting.get(b[y]).push(y) : waiting.set(b[y], [y]);
  const pairs = [];
  a.forEach((key, x) => {
    const places = waiting.get(key);
    if (places?.length) pairs.push([x, places.pop()]);
  });
  return increasingPairs(pairs);
}

const goesDown = (v, k, edits) => k === -edits || (k !== edits && v.get(k - 1) < v.get(k + 1));

function myers(a, b) {
  const n = a.length, m = b.length, furthest = new Map([[1, 0]]), trace = [];
  for (let edits = 0; edits <= Math.min(MAX_EDITS, n + m); edits++) {
    trace.push(new Map(furthest));
    for (let k = -edits; k <= edits; k += 2) {
      let x = goesDown(furthest, k, edits) ? furthest.get(k + 1) : furthest.get(k - 1) + 1;
      let y = x - k;
      while (y >= 0 && x < n && y < m && a[x] === b[y]) { x++; y++; }
      furthest.set(k, x);
      if (x >= n && y >= m) return walkBack(trace, n, m);
    }
  }
  return null;
}

function walkBack(trace, n, m) {
  const pairs = [];
  let x = n, y = m;
  for (let edits = trace.length - 1; edits >= 0; edits--) {
    const v = trace[edits], k = x - y, from = goesDown(v, k, edits) ? k + 1 : k - 1;
    const fromX = edits ? v.get(from) : 0, fromY = edits ? fromX - from : 0;
    while (x > fromX && y > fromY) pairs.push([--x, --y]);
    x = fromX;
    y = fromY;
  }
  return pairs.reverse();
}
