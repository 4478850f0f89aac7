// The diff of two strings. As for diff.js, the contract is the text of vcr_core.diff, and the fixtures are the same.

import { alignKeys } from './align.js';

const MAX_WORDS = 20000;
const WORD = /[0-9A-Za-z_\u0080-\u{10FFFF}]+|[ \t\n\r\f\v]+|[^]/gu;
const LINE = /[^\n]*\n|[^\n]+/g;

/** Hunks [kind, text] from one string to another: by lines, and by words inside the lines that changed. */
export function stringHunks(old, fresh) {
  const hunks = [];
  for (const [what, before, after] of stretches(old.match(LINE) || [], fresh.match(LINE) || [])) {
    const words = what === 'change' && before && after ? [before.match(WORD), after.match(WORD)] : null;
    if (!words || words[0].length + words[1].length > MAX_WORDS) putHunk(hunks, what, before, after);
    else for (const [inner, b, a] of stretches(words[0], words[1])) putHunk(hunks, inner, b, a);
  }
  return settle(hunks);
}

function stretches(old, fresh) {
  const found = [];
  let i = 0, j = 0, kept = 0;
  for (const [x, y] of [...alignKeys(old, fresh), [old.length, fresh.length]]) {
    if (x > i || y > j) {
      if (i > kept) found.push(['equal', old.slice(kept, i).join(''), '']);
      found.push(['change', old.slice(i, x).join(''), fresh.slice(j, y).join('')]);
      kept = x;
    }
    i = x + 1;
    j = y + 1;
  }
  if (kept < old.length) found.push(['equal', old.slice(kept).join(''), '']);
  return found;
}

function putHunk(hunks, what, before, after) {
  if (what === 'equal') hunks.push(['equal', before]);
  else hunks.push(['remove', before], ['add', after]);
}

function settle(hunks) {
  const settled = [], pending = { equal: '', remove: '', add: '' };
  const flush = (...kinds) => {
    for (const name of kinds) {
      if (pending[name]) settled.push([name, pending[name]]);
      pending[name] = '';
    }
  };
  for (const [name, text] of hunks) {
    if (!text) continue;
    name === 'equal' ? flush('remove', 'add') : flush('equal');
    pending[name] += text;
  }
  flush('equal', 'remove', 'add');
  return settled;
}
