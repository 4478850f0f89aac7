// Draws the visible part of the map. Only drawing: what is where comes from layout.js.

import { STATUS } from './format.js';
import { LANE, SUBLANE, endX, frameX, lanesOf, segmentWidth } from './layout.js';

const LOOK_BEYOND = 400;
const TAU = Math.PI * 2;

/** Draw rows `first` to `last`; `scene` holds left, top, width, label (px), zoom (px a unit), at, pin, colours, live. */
export function drawMap(g, map, first, last, scene) {
  const pen = new Pen(g, scene);
  g.clearRect(0, 0, scene.width, scene.height);
  g.save();
  g.beginPath();
  g.rect(scene.label, 0, scene.width - scene.label, scene.height);
  g.clip();
  if (map.rows.length) pen.ruler();
  for (let n = first; n < Math.min(map.rows.length, last + LOOK_BEYOND); n++) {
    const row = map.rows[n];
    if (row.parent && (n < last || row.parent.row < last)) pen.fork(row);
  }
  for (let n = first; n < last; n++) pen.row(map.rows[n]);
  g.restore();
}

class Pen {
  constructor(g, scene) {
    Object.assign(this, { g, scene, c: scene.colours, z: scene.zoom });
    this.x = (units) => scene.label + 16 + units * this.z - scene.left;
    this.y = (row, lane = 0) => row.y - scene.top + LANE / 2 + lane * SUBLANE;
  }

  line(x1, y1, x2, y2) {
    this.g.beginPath();
    this.g.moveTo(x1, y1);
    this.g.lineTo(x2, y2);
    this.g.stroke();
  }

  ruler() {
    const step = this.z > 8 ? 10 : this.z > 2 ? 50 : this.z > 0.5 ? 200 : 1000;
    this.g.fillStyle = this.c.line;
    for (let u = Math.floor(this.scene.left / this.z / step) * step; this.x(u) < this.scene.width; u += step)
      this.g.fillRect(Math.round(this.x(u)), 0, 1, this.scene.height);
  }

  fork(row) {
    const { g } = this;
    const on = row.id === this.scene.at.id || row.parent.id === this.scene.at.id;
    const x0 = this.x(row.x0 - 1), y0 = this.y(row.parent), x1 = this.x(row.x0), y1 = this.y(row);
    const bend = Math.min(11, (y1 - y0) / 2);
    g.strokeStyle = on ? this.c.amber : this.c.violet;
    g.globalAlpha = on ? 1 : 0.6;
    g.lineWidth = on ? 2.2 : 1.8;
    g.beginPath();
    g.moveTo(x0, y0 + 5);
    g.lineTo(x0, y1 - bend);
    g.quadraticCurveTo(x0, y1, x0 + Math.min(bend, this.z), y1);
    g.lineTo(x1, y1);
    g.stroke();
    g.globalAlpha = 1;
  }

  row(row) {
    const { g, c, scene } = this;
    const on = row.id === scene.at.id, s = row.s;
    const y = this.y(row);
    if (s.problem) {
      g.fillStyle = c.red;
      g.font = '12px system-ui, sans-serif';
      g.fillText('◆ cannot be read', this.x(0) - 6, y + 4);
      return;
    }
    if (!row.segments.length) return;
    g.strokeStyle = on ? c.amber : c.line2;
    g.lineWidth = on ? 2.4 : 2;
    this.line(this.x(row.x0), y, this.x(endX(row) - 1), y);
    row.lane ??= row.lanes > 1 ? lanesOf(row) : null;
    if (row.lane) this.lanes(row, on);
    const marks = { errors: new Set(s.errors), odd: new Set(s.odd), points: new Set(s.checkpoints) };
    for (const segment of row.segments) {
      if (this.x(segment.x + segmentWidth(segment)) < scene.label || this.x(segment.x) > scene.width) continue;
      if (segment.pill) this.pill(row, segment, on);
      else this.frames(row, segment, marks, on);
    }
    if (!s.status && scene.live(s.id)) this.running(row);
    if (on) this.playhead(row);
    if (scene.pin?.id === row.id) this.pinned(row);
  }

  /** Brackets below the main line, one inside the other: where branches leave it and come back. */
  lanes(row, on) {
    const { g, c, scene } = this;
    g.strokeStyle = on ? c.amber : c.line2;
    g.lineWidth = 1.6;
    const y0 = this.y(row);
    for (const { x1, x2, open, lanes } of row.lane.groups) {
      const left = this.x(x1), right = this.x(x2);
      if (right < scene.label || left > scene.width) continue;
      const bend = Math.min(this.z * 0.9, 12, (right - left) / 2);
      g.beginPath();
      for (const lane of lanes) {
        const y1 = this.y(row, lane);
        g.moveTo(left, y0);
        g.bezierCurveTo(left + bend * 0.4, y0, left, y1, left + bend, y1);
        g.lineTo(open ? right : right - bend, y1);
        if (!open) g.bezierCurveTo(right, y1, right - bend * 0.4, y0, right, y0);
      }
      g.stroke();
    }
  }

  laneOf = (row, i) => (row.lane ? row.lane.of[i] || 0 : 0);

  frames(row, segment, marks, on) {
    const { g, c, scene } = this;
    if (this.z < 5) return this.strip(row, segment, marks, on);
    const from = Math.max(0, Math.floor((scene.left - 20) / this.z - segment.x));
    const to = Math.min(segment.n, Math.ceil((scene.left + scene.width) / this.z - segment.x));
    const small = this.z < 11;
    for (let k = from; k < to; k++) {
      const i = segment.from + k, x = this.x(segment.x + k), y = this.y(row, this.laneOf(row, i));
      g.beginPath();
      if (marks.errors.has(i)) this.diamond(x, y, small ? 5 : 6.5, c.red);
      else if (marks.points.has(i)) this.flag(x, y, small ? 3.6 : 4.6, on ? c.amber : c.violet);
      else {
        g.arc(x, y, small ? 2.6 : 3.9, 0, TAU);
        g.fillStyle = c.bg;
        g.fill();
        g.lineWidth = 1.8;
        g.strokeStyle = on ? c.amber : c.teal;
        g.stroke();
        if (marks.odd.has(i)) { g.fillStyle = g.strokeStyle; g.fillRect(x - 1, y - 6, 2, 12); }
      }
    }
  }

  strip(row, segment, marks, on) {
    const { g, c } = this;
    const y = this.y(row);
    g.fillStyle = on ? c.amber : c.teal;
    g.globalAlpha = 0.6;
    g.fillRect(this.x(segment.x) - 1, y - 2, Math.max(2, segment.n * this.z), 4);
    g.globalAlpha = 1;
    g.fillStyle = c.red;
    for (const i of marks.errors) if (i >= segment.from && i < segment.from + segment.n) g.fillRect(this.x(segment.x + i - segment.from) - 1, y - 7, 2.5, 14);
  }

  diamond(x, y, r, colour) {
    const { g } = this;
    g.moveTo(x, y - r);
    g.lineTo(x + r, y);
    g.lineTo(x, y + r);
    g.lineTo(x - r, y);
    g.closePath();
    g.fillStyle = colour;
    g.fill();
  }

  flag(x, y, r, colour) {
    this.g.fillStyle = colour;
    this.g.fillRect(x - r, y - r, r * 2, r * 2);
  }

  pill(row, segment, on) {
    const { g, c } = this;
    const x = this.x(segment.x) - this.z * 0.42, width = segmentWidth(segment) * this.z - this.z * 0.16, y = this.y(row), half = this.z < 5 ? 4 : 9;
    const text = `${segment.n.toLocaleString('en')} ${STATUS.ok[1]}`;
    g.beginPath();
    g.roundRect(x, y - half, width, 2 * half, half);
    g.fillStyle = c.raise;
    g.fill();
    g.lineWidth = 1.2;
    g.strokeStyle = on ? c.amber : c.line2;
    g.stroke();
    g.font = '11px ui-monospace, monospace';
    const room = g.measureText(text).width;
    if (room > width - 8) return;
    g.fillStyle = c.ink2;
    g.fillText(text, x + (width - room) / 2, y + 4);
  }

  running(row) {
    const { g, c } = this;
    const x = this.x(endX(row)), y = this.y(row);
    g.beginPath();
    g.moveTo(x - 3, y - 5);
    g.lineTo(x + 5, y);
    g.lineTo(x - 3, y + 5);
    g.closePath();
    g.fillStyle = c.teal;
    g.fill();
  }

  playhead(row) {
    const { g, c, scene } = this;
    const i = scene.at.i, x = this.x(frameX(row, i));
    const y = this.y(i < row.cut && row.parent ? row.parent : row, this.laneOf(row, i));
    g.lineWidth = 2.4;
    g.strokeStyle = c.amber;
    g.beginPath();
    g.arc(x, y, 8.5, 0, TAU);
    g.stroke();
    if (row.s.errors?.includes(i)) return;
    g.beginPath();
    g.arc(x, y, 3.8, 0, TAU);
    g.fillStyle = c.amber;
    g.fill();
  }

  pinned(row) {
    const { g, c, scene } = this;
    const x = this.x(frameX(row, scene.pin.i)), y = this.y(row);
    g.strokeStyle = c.blue;
    g.lineWidth = 2;
    g.strokeRect(x - 8, y - 8, 16, 16);
  }
}
