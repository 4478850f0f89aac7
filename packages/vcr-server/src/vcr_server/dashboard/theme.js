// Dark and light: the person's choice, else the system's.

import { signal } from './vendor/preact.js';

const system = matchMedia('(prefers-color-scheme: dark)');
const KEY = 'vcr-theme';

const stored = () => {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null; // a page that was opened from a file may have no storage
  }
};

const apply = (choice) => {
  if (choice) document.documentElement.dataset.theme = choice;
  palette = null;
  theme.value = choice || (system.matches ? 'dark' : 'light');
};

export const theme = signal('dark');
let palette = null;

export function startTheme() {
  apply(stored());
  system.addEventListener('change', () => apply(stored()));
}

export function toggleTheme() {
  const next = theme.value === 'dark' ? 'light' : 'dark';
  try {
    localStorage.setItem(KEY, next);
  } catch { /* not remembered, then */ }
  apply(next);
}

const NAMES = ['bg', 'panel', 'ink', 'ink2', 'line', 'line2', 'teal', 'red', 'violet', 'amber', 'blue', 'raise'];

/** The colours as a canvas takes them. */
export function colours() {
  if (palette) return palette;
  const probe = document.createElement('i');
  document.body.append(probe);
  palette = {};
  for (const name of NAMES) {
    probe.style.color = `var(--${name})`;
    palette[name] = getComputedStyle(probe).color;
  }
  probe.remove();
  return palette;
}
