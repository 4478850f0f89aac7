// A state as typed rows: a lazy tree. Only what is open is visited. Pure: no DOM.

import { escapeToken, jsonText, plural } from './format.js';

const LONG = 110;
const WRAP = 108;
const PAGE = 1000;

const isContainer = (v) => v !== null && typeof v === 'object';

/** The tagged form of a typed value: {"$vcr": kind, "v": content}. */
const tagOf = (v) => (isContainer(v) && !Array.isArray(v) && typeof v.$vcr === 'string' ? v.$vcr : null);

export const isLongText = (v) => typeof v === 'string' && (v.length > LONG || v.includes('\n'));

export function embeddedJson(text) {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // it only looked like JSON
  }
}

/**
 * Rows {path, depth, key, cls, text, open, real}; `open` is undefined for what cannot be opened. `folds` maps a path to
 * true or false; without an entry small containers near the root are open.
 */
export function jsonRows(value, folds) {
  const rows = [];
  const stack = [{ value, path: '', depth: 0, key: null, real: true }];
  while (stack.length) {
    const item = stack.pop();
    if (item.row) { rows.push(item.row); continue; }
    const { value: v, path, depth, key, real } = item;
    const row = { path, depth, key, real, value: v };
    rows.push(row);
    if (isContainer(v)) openContainer(row, folds, stack);
    else if (isLongText(v)) openText(row, folds, stack);
    else Object.assign(row, leaf(v));
  }
  return rows;
}

function leaf(v) {
  if (typeof v === 'string') return { cls: 's', text: jsonText(v) };
  return { cls: v === null ? 'z' : typeof v === 'boolean' ? 'b' : 'n', text: String(v) };
}

function openContainer(row, folds, stack) {
  const { value: v, path, depth } = row;
  const tag = tagOf(v);
  const keys = Array.isArray(v) ? null : Object.keys(v);
  const size = keys ? keys.length : v.length;
  row.cls = tag ? 'tag' : 'sum';
  row.text = tag ? `${tag} ${briefly(v.v ?? v.repr ?? v.type)}` : keys ? `{${plural(size, 'key')}}` : `[${plural(size, 'item')}]`;
  if (!size) { row.text = keys ? '{}' : '[]'; return; }
  row.open = folds.get(path) ?? (depth === 0 || (depth < 2 && size <= 30 && !tag));
  if (!row.open) {
    if (!tag) row.hint = hintOf(v);
    return;
  }
  const shown = Math.min(size, folds.get(`${path} more`) || PAGE);
  if (shown < size) stack.push({ row: { path: `${path} more`, depth: depth + 1, key: null, cls: 'sum', text: `… ${plural(size - shown, 'more item')}`, open: false, more: shown + PAGE } });
  for (let n = shown - 1; n >= 0; n--) {
    const key = keys ? keys[n] : n;
    stack.push({ value: v[key], path: `${path}/${escapeToken(key)}`, depth: depth + 1, key, real: row.real });
  }
}

const briefly = (v) => (typeof v === 'string' ? v.slice(0, 80) : Array.isArray(v) ? `[${v.length}]` : isContainer(v) ? `{${Object.keys(v).length}}` : v == null ? '' : String(v));

/** What tells closed objects of a list apart at a glance. */
function hintOf(v) {
  if (Array.isArray(v)) return '';
  const known = ['role', 'name', 'type', 'id', 'title', 'content', 'text'].filter((k) => typeof v[k] === 'string' || typeof v[k] === 'number');
  return known.slice(0, 3).map((k) => String(v[k]).replace(/\s+/g, ' ').slice(0, 70)).join(' · ');
}

function openText(row, folds, stack) {
  const { value: v, path, depth } = row;
  row.open = folds.get(path) ?? false;
  row.cls = 's';
  if (!row.open) {
    row.text = jsonText(v.slice(0, LONG)).slice(0, -1) + '…';
    row.hint = plural(v.length, 'character');
    return;
  }
  row.text = plural(v.length, 'character');
  row.cls = 'sum';
  const inner = embeddedJson(v);
  if (inner !== undefined) {
    row.text += ', read as JSON';
    stack.push({ value: inner, path: `${path} json`, depth: depth + 1, key: 'JSON', real: false });
    return;
  }
  const lines = v.split('\n').flatMap((line) => line.match(new RegExp(`.{1,${WRAP}}`, 'gsu')) || ['']);
  const shown = Math.min(lines.length, folds.get(`${path} more`) || PAGE);
  if (shown < lines.length) stack.push({ row: { path: `${path} more`, depth: depth + 1, key: null, cls: 'sum', text: `… ${plural(lines.length - shown, 'more line')}`, open: false, more: shown + PAGE } });
  for (let n = shown - 1; n >= 0; n--)
    stack.push({ row: { path: `${path} line ${n}`, depth: depth + 1, key: null, cls: 's line', text: lines[n], real: false } });
}
