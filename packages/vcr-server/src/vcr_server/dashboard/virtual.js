// A list of which only the visible rows are in the page.

import { html, useLayoutEffect, useRef, useState } from './vendor/preact.js';

export const ROW = 22;

/** `rows` are drawn by `draw(row, top, index)`; `cursor` is kept in sight. Other properties go to the element. */
export function Virtual({ rows, draw, cursor = -1, name, ...rest }) {
  const box = useRef(), [top, setTop] = useState(0), [height, setHeight] = useState(600);
  useLayoutEffect(() => {
    const watch = new ResizeObserver(() => box.current && setHeight(box.current.clientHeight));
    watch.observe(box.current);
    return () => watch.disconnect();
  }, []);
  useLayoutEffect(() => { box.current.scrollTop = 0; setTop(0); }, [name]);
  useLayoutEffect(() => {
    const y = cursor * ROW, e = box.current;
    if (cursor < 0) return;
    if (y < e.scrollTop) e.scrollTop = y;
    else if (y + ROW * 2 > e.scrollTop + e.clientHeight) e.scrollTop = y + ROW * 2 - e.clientHeight;
  }, [cursor]);
  const first = Math.max(0, Math.floor(top / ROW) - 4), last = Math.min(rows.length, Math.ceil((top + height) / ROW) + 4);
  return html`<div class="rows" ref=${box} tabindex="0" onScroll=${(e) => setTop(e.target.scrollTop)} ...${rest}>
    <div class="rows-all" role="presentation" style=${{ height: `${rows.length * ROW + 16}px` }}>
      ${rows.slice(first, last).map((row, n) => draw(row, (first + n) * ROW + 8, first + n))}
    </div></div>`;
}
