// How numbers, times and values are written. No state, no DOM.

const whole = new Intl.NumberFormat('en');

export const count = (n) => whole.format(n);

/** Milliseconds as a person reads them. */
export function duration(ms) {
  if (ms == null) return '–';
  if (ms < 1) return `${(ms * 1000).toFixed(0)} µs`;
  if (ms < 1000) return `${ms < 10 ? ms.toFixed(1) : ms.toFixed(0)} ms`;
  if (ms < 60000) return `${(ms / 1000).toFixed(ms < 10000 ? 2 : 1)} s`;
  return `${Math.floor(ms / 60000)} m ${Math.round((ms % 60000) / 1000)} s`;
}

/** US dollars; an unknown cost is unknown, not zero. */
export const money = (usd) => (usd == null ? 'unknown' : `$${usd < 1 ? usd.toFixed(4) : usd.toFixed(2)}`);

export const compact = (n) => (n < 10000 ? count(n) : n < 1e6 ? `${(n / 1000).toFixed(n < 1e5 ? 1 : 0)}k` : `${(n / 1e6).toFixed(1)}M`);

export const clock = (iso) => (iso ? new Date(iso).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'medium' }) : '');

export const plural = (n, word) => `${count(n)} ${word}${n === 1 ? '' : 's'}`;

/** A shape and a word for every way a step can end. */
export const STATUS = {
  ok: ['✓', 'ok'],
  error: ['◆', 'error'],
  cancelled: ['⊘', 'cancelled'],
  interrupt: ['‖', 'interrupt'],
  command: ['⇢', 'command'],
  cached: ['≡', 'cached'],
};

export const status = (name) => STATUS[name] || ['?', name];

/** JSON text of any value, whole numbers beyond 2^53 included. */
export function jsonText(value, indent) {
  const raw = [];
  const text = JSON.stringify(value, (_, v) => {
    if (typeof v !== 'bigint') return v;
    raw.push(String(v));
    return `\u0000${raw.length - 1}\u0000`;
  }, indent);
  return raw.length ? text.replace(/"\\u0000(\d+)\\u0000"/g, (_, n) => raw[n]) : text;
}

/** Parse JSON and keep whole numbers that a double cannot hold exactly. */
export function parseJson(text) {
  if (!/[:[,\s]-?\d{16,}/.test(text) && !/^-?\d{16,}/.test(text)) return JSON.parse(text);
  return JSON.parse(text, (_, v, context) => {
    const exact = context?.source;
    return typeof v === 'number' && exact && /^-?\d{16,}$/.test(exact) && !Number.isSafeInteger(v) ? BigInt(exact) : v;
  });
}

/** RFC 6901. */
export const escapeToken = (token) => String(token).replace(/~/g, '~0').replace(/\//g, '~1');
export const parsePointer = (pointer) => pointer.split('/').slice(1).map((t) => t.replace(/~1/g, '/').replace(/~0/g, '~'));
