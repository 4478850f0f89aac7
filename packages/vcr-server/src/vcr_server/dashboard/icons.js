// The few drawings of the page.

import { html } from './vendor/preact.js';

export const Reels = () => html`<svg class="reels" viewBox="0 0 32 32" aria-hidden="true"><g fill="none" stroke="currentColor" stroke-width="2.4">
  <rect x="2" y="7" width="28" height="18" rx="5"/><circle cx="10.5" cy="15.5" r="3.6"/><circle cx="21.5" cy="15.5" r="3.6"/><path d="M10.5 19.1h11"/></g></svg>`;

export const ForkMark = () => html`<svg class="fork-mark" viewBox="0 0 12 12" aria-hidden="true"><path d="M3 1v10M3 7.5c4.6 0 5.5-1 5.5-4" fill="none"
  stroke="currentColor" stroke-width="1.6" stroke-linecap="round"/><circle cx="8.5" cy="2.2" r="1.5" fill="currentColor"/></svg>`;
