// Puts states together from the lines of a recording: whole states, and RFC 6902 patches against a state before.
// The exported page has no server to do it. The rules are those of vcr_core.state_reader.

import { parsePointer } from './format.js';

/** A text that grew: its last `cut` characters (code points) make way for `value`, which begins with them. */
function append(text, cut, value) {
  let end = text.length;
  for (; cut > 0; cut--) end -= /[\uDC00-\uDFFF]/.test(text[end - 1]) ? 2 : 1;
  return text.slice(0, end) + value;
}

const member = (at, token) => at[Array.isArray(at) ? Number(token) : token];

/** Apply a patch of add, remove, replace and append, and of moves to the root; the document is changed in place. */
export function applyPatch(document, ops) {
  for (const { op, path, value, from, cut } of ops) {
    if (path === '') {
      if (op === 'move') document = parsePointer(from).reduce(member, document);
      else if (op === 'append') document = append(document, cut, value);
      else document = structuredClone(value);
      continue;
    }
    const tokens = parsePointer(path);
    const key = tokens.pop();
    const holder = tokens.reduce(member, document);
    if (Array.isArray(holder)) {
      const at = key === '-' ? holder.length : Number(key);
      if (op === 'add') holder.splice(at, 0, structuredClone(value));
      else if (op === 'remove') holder.splice(at, 1);
      else if (op === 'append') holder[at] = append(holder[at], cut, value);
      else holder[at] = structuredClone(value);
    } else if (op === 'remove') delete holder[key];
    else if (op === 'append') holder[key] = append(holder[key], cut, value);
    else holder[key] = structuredClone(value);
  }
  return document;
}

/** The state before ('input') or after ('output') a frame. `frames[i]` is the data of its line. */
export function readState(frames, index, part) {
  const patches = [];
  let at = index, whole;
  for (;;) {
    const data = frames[at];
    whole = data[`${part}_state`];
    if (whole !== undefined) break;
    patches.push(data[`${part}_patch`] || []);
    if (part === 'output' && data.output_base !== undefined) {
      if (!(data.output_base < at)) throw new Error(`frame ${index} leans on a state that is not here`);
      at = data.output_base;
    } else if (part === 'output') part = 'input';
    else {
      if (!(data.base >= 0 && data.base < at)) throw new Error(`frame ${index} leans on a state that is not here`);
      part = data.base_part === 'input' ? 'input' : 'output';
      at = data.base;
    }
  }
  let state = structuredClone(whole);
  for (const ops of patches.reverse()) state = applyPatch(state, ops);
  return state;
}
