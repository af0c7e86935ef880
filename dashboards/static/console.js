// Only enhances: every page works without this file.
const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
const SVG = 'http://www.w3.org/2000/svg';

// Relative times, kept fresh.
function span(seconds) {
  const s = Math.floor(seconds);
  if (s < 60) return `${s} s`;
  const two = (n) => String(n).padStart(2, '0');
  if (s < 3600) return `${Math.floor(s / 60)} m ${two(s % 60)} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${two(Math.floor(s / 60) % 60)} m`;
  return `${Math.floor(s / 86400)} d ${Math.floor(s / 3600) % 24} h`;
}
function freshen() {
  for (const time of $$('time[data-ago]')) {
    const passed = (Date.now() - Date.parse(time.dateTime)) / 1000;
    if (passed >= 0) time.textContent = passed < 1 ? 'now' : `${span(passed)} ago`;
  }
}
setInterval(freshen, 1000);

// Keyboard: rows are walked, searched and opened without the mouse.
let at = $$('[data-row]').findIndex((row) => row.matches(':target'));
function walk(by) {
  const rows = $$('[data-row]');
  if (!rows.length) return;
  rows[at]?.classList.remove('at');
  at = Math.max(0, Math.min(rows.length - 1, at + by));
  rows[at].classList.add('at');
  const target = $('summary, a', rows[at]);
  target?.focus({ preventScroll: true });
  rows[at].scrollIntoView({ block: 'nearest' });
}
document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const isTyping = event.target.matches('input, textarea, select');
  if (event.key === 'Escape') {
    if (isTyping) event.target.blur();
    $('dialog[open]')?.close();
    for (const open of $$('details[data-row][open].at')) open.open = false;
    return;
  }
  if (isTyping) return;
  if (event.key === '/') {
    const search = $('[data-search]');
    if (search) { event.preventDefault(); search.focus(); search.select(); }
  } else if (event.key === 'j') walk(1);
  else if (event.key === 'k') walk(-1);
  else if (event.key === '?') $('dialog.keys')?.showModal();
});

// Hover: the values under the pointer, from what the drawing carries.
const readout = document.createElement('div');
readout.className = 'readout';
readout.hidden = true;
document.body.append(readout);
const dated = (ms) => new Date(ms).toISOString().slice(11, 19);
function nearest(values, when) {
  let low = 0, high = values.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle][0] < when) low = middle + 1; else high = middle;
  }
  const before = values[low - 1], after = values[low];
  return before && when - before[0] < after[0] - when ? before : after;
}
function place(chart, event) {
  const box = chart.getBoundingClientRect();
  const share = Math.max(0, Math.min(1, (event.clientX - box.left) / box.width));
  const start = Number(chart.dataset.start), end = Number(chart.dataset.end);
  return { share, when: start + share * (end - start) };
}
// A number in the unit of its chart.
const few = (value) => String(Number(value.toPrecision(4)));
function short(value) {
  const [by, unit] = [[1e9, 'G'], [1e6, 'M'], [1e4, 'k']].find(([least]) => Math.abs(value) >= least) ?? [1, ''];
  return few(value / (by === 1e4 ? 1e3 : by)) + unit;
}
function told(value, unit) {
  if (value === null || value === undefined) return '–';
  if (unit.startsWith('=')) return short(value) + unit.slice(1);
  const size = Math.abs(value);
  if (unit.startsWith('bytes')) {
    const power = Math.min(4, Math.max(0, Math.floor(Math.log2(size || 1) / 10)));
    return `${few(value / 1024 ** power)} ${['B', 'KiB', 'MiB', 'GiB', 'TiB'][power]}${unit.slice(5)}`;
  }
  if (unit === 'ratio') return `${few(value * 100)} %`;
  if (unit !== 'seconds') return short(value);
  if (size >= 60) return `${value < 0 ? '−' : ''}${span(size)}`;
  if (size >= 1 || !size) return `${few(value)} s`;
  return size >= 1e-3 ? `${few(value * 1e3)} ms` : `${few(value * 1e6)} µs`;
}
// The lines of a chart at a time: [name, class, value, key].
function values(chart, when) {
  const { lanes } = chart;
  if (lanes) {
    const at = Math.max(0, Math.round((when - lanes.f) / lanes.d));
    return lanes.s.map((s) => [s.n, s.c, s.v[at] ?? null, s.k]).filter((s) => s[2] !== null);
  }
  const series = chart.readings ??= JSON.parse(chart.dataset.series || '[]').filter((s) => s.v.length);
  return series.map((s) => [s.n, '', nearest(s.v, when)[1], '']);
}
// All values are in the drawing, or asked for when somebody wants to see them.
function load(chart, event) {
  if (chart.lanes || chart.isAsked) return;
  if (chart.dataset.lanes) chart.lanes = JSON.parse(chart.dataset.lanes);
  if (!chart.dataset.readings) return;
  chart.isAsked = true;
  fetch(chart.dataset.readings).then((answer) => answer.json()).then((lanes) => {
    chart.lanes = lanes;
    if (!readout.hidden && chart.isConnected) point(chart, event);
  }).catch(() => { chart.isAsked = false; });
}
function cell(chart, event, when) {
  const heat = chart.heat ??= JSON.parse(chart.dataset.heat);
  const box = chart.getBoundingClientRect();
  const [top, bottom] = [Number(chart.dataset.top), Number(chart.dataset.bottom)];
  const height = (bottom - (event.clientY - box.top)) / (bottom - top);
  const row = Math.max(0, Math.min(heat.r.length - 1, Math.floor(height * heat.r.length)));
  const count = heat.r[row][Math.floor((when - heat.f) / heat.d)] ?? 0;
  return { low: heat.b[row], high: heat.b[row + 1], count };
}
const MOST_TOLD = 14;
function lines(chart, event, when) {
  const all = values(chart, when).sort((a, b) => b[2] - a[2]);
  const [low, high, isLog] = (chart.dataset.axis ?? '').split(',').map(Number);
  const box = chart.getBoundingClientRect();
  const foot = Number(chart.dataset.bottom);
  const height = (foot - (event.clientY - box.top)) / (foot - Number(chart.dataset.top));
  const there = low + height * (high - low);
  const distance = (line) => Math.abs((isLog ? Math.log10(line[2]) : line[2]) - there);
  const near = chart.lanes && all.reduce((best, line) => (!best || distance(line) < distance(best) ? line : best), null);
  for (const path of $$('.lane[data-k]', chart)) path.classList.toggle('near', Boolean(near?.[3]) && path.dataset.k === near[3] && all.length > 1);
  const from = all.length > MOST_TOLD && near ? Math.max(0, Math.min(all.length - MOST_TOLD, all.indexOf(near) - 6)) : 0;
  const shown = all.slice(from, from + MOST_TOLD).map((line) => {
    const row = document.createElement(line === near && all.length > 1 ? 'b' : 'span');
    if (line[1]) {
      const swatch = document.createElement('i');
      swatch.className = `swatch ${line[1]}`;
      row.append(swatch);
    }
    row.append(`${line[0].slice(0, 90)}  ${told(line[2], chart.dataset.unit)}\n`);
    return row;
  });
  if (all.length > MOST_TOLD) shown.push(`${all.length - MOST_TOLD} more`);
  return shown;
}
function cursorAt(chart, share) {
  let cursor = $('.cursor', chart);
  if (!cursor) {
    cursor = document.createElementNS(SVG, 'line');
    cursor.setAttribute('class', 'cursor');
    cursor.setAttribute('y1', chart.dataset.top);
    cursor.setAttribute('y2', chart.dataset.bottom);
    chart.append(cursor);
  }
  cursor.setAttribute('x1', `${share * 100}%`);
  cursor.setAttribute('x2', `${share * 100}%`);
}
function point(chart, event) {
  load(chart, event);
  const { share, when } = place(chart, event);
  const together = chart.closest('[data-sync]');
  for (const one of together ? $$('[data-chart]', together) : [chart]) cursorAt(one, share);
  // A bar's own words, in place of the slow ones of the browser.
  const holder = event.target.closest?.('a, g');
  const title = holder && $(':scope > title', holder);
  if (title) {
    holder.dataset.told = title.textContent;
    holder.setAttribute('aria-label', title.textContent);
    title.remove();
  }
  const time = `${dated(when)} UTC\n`;
  if (holder?.dataset.told) readout.replaceChildren(holder.dataset.told);
  else if (chart.dataset.heat) {
    const { low, high, count } = cell(chart, event, when);
    const bound = (value) => (value === null ? '∞' : told(value, chart.dataset.unit));
    readout.replaceChildren(`${time}${bound(low)} to ${bound(high)}: ${few(count)}`);
  } else readout.replaceChildren(time, ...lines(chart, event, when));
  readout.hidden = false;
  const left = event.pageX + 14 + readout.offsetWidth > document.documentElement.clientWidth - 8
    ? event.pageX - 14 - readout.offsetWidth : event.pageX + 14;
  // Through the object model: the content policy forbids inline style in markup, not this.
  readout.style.left = `${Math.max(4, left)}px`;
  readout.style.top = `${event.pageY + 14}px`;
}
function leave(chart) {
  $('.cursor', chart)?.remove();
  for (const path of $$('.lane.near', chart)) path.classList.remove('near');
  readout.hidden = true;
}
// A cell of a heat map leads to what was observed there: the link itself knows the time only.
document.addEventListener('pointerdown', (event) => {
  const link = event.target.closest?.('[data-heat] a:has(.hit)');
  const chart = link?.closest('[data-heat]');
  if (!chart || chart.dataset.unit !== 'seconds') return;
  const { low, high } = cell(chart, event, place(chart, event).when);
  const url = new URL(link.dataset.all ??= link.href.baseVal, location.href);
  const bounds = [['>', low], ['<=', high]].filter(([, value]) => value);
  const clauses = bounds.map(([sign, value]) => `duration:${sign}${Number((value * 1e3).toPrecision(6))}ms`);
  url.searchParams.set('q', [url.searchParams.get('q') ?? '', ...clauses].join(' ').trim());
  link.setAttribute('href', url);
});

// Brush: drag over a chart to see that time only.
let brush = null;
function select(event) {
  const { chart, from } = brush;
  const to = place(chart, event).share;
  if (!brush.rect) {
    brush.rect = document.createElementNS(SVG, 'rect');
    brush.rect.setAttribute('class', 'selection');
    brush.rect.setAttribute('y', chart.dataset.top);
    brush.rect.setAttribute('height', chart.dataset.bottom - chart.dataset.top);
    chart.append(brush.rect);
  }
  brush.rect.setAttribute('x', `${Math.min(from.share, to) * 100}%`);
  brush.rect.setAttribute('width', `${Math.abs(to - from.share) * 100}%`);
}
function zoom(event) {
  const { chart, from, rect } = brush;
  brush = null;
  rect?.remove();
  const to = place(chart, event);
  if (Math.abs(to.share - from.share) < 0.01) return false;
  const [start, end] = [from.when, to.when].sort((a, b) => a - b);
  const url = new URL(location.href);
  for (const name of ['last', 'cursor', 'open']) url.searchParams.delete(name);
  url.searchParams.set('start', new Date(start).toISOString());
  url.searchParams.set('end', new Date(end).toISOString());
  location.assign(url);
  return true;
}
document.addEventListener('pointermove', (event) => {
  const chart = event.target.closest?.('[data-chart]');
  if (brush) select(event);
  if (!chart && readout.hidden) return;
  for (const other of $$('[data-chart]:has(.cursor)')) if (other !== chart && !(chart && other.closest('[data-sync]')?.contains(chart))) leave(other);
  if (chart) point(chart, event);
});
document.addEventListener('pointerdown', (event) => {
  const chart = event.target.closest?.('[data-brush] [data-chart]');
  if (chart && event.button === 0) brush = { chart, from: place(chart, event) };
});
document.addEventListener('dragstart', (event) => { if (brush) event.preventDefault(); });
let zoomed = false;
document.addEventListener('pointerup', (event) => { if (brush) zoomed = zoom(event); });
document.addEventListener('click', (event) => { if (zoomed) { event.preventDefault(); zoomed = false; } }, true);

// Live: a page that changes by itself is fetched again and swapped, unless somebody is in it.
function isBusy(main) {
  const active = document.activeElement;
  const isWriting = active?.matches('input, textarea') && main.contains(active);
  const isFilled = $$('input:not([type=hidden]), textarea', main).some((field) => field.value !== field.defaultValue);
  return document.hidden || isWriting || isFilled || brush || $('details[open]', main) || !getSelection().isCollapsed;
}
async function refresh() {
  const main = $('main[data-live]');
  if (!main) return;
  if (!isBusy(main)) {
    try {
      const answer = await fetch(location.href, { headers: { accept: 'text/html' } });
      if (answer.ok) {
        const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
        if (!isBusy(main)) {
          const focused = $$('a, button, summary', main).indexOf(document.activeElement);
          main.replaceChildren(...$('main', page).childNodes);
          main.dataset.live = $('main', page).dataset.live ?? '';
          $$('a, button, summary', main)[focused]?.focus({ preventScroll: true });
          $('.side nav').replaceWith($('.side nav', page));
          $('.side-foot').replaceWith($('.side-foot', page));
          at = -1;
        }
      }
    } catch { /* The server is away; the next turn tries again. */ }
  }
  const seconds = Number(main.dataset.live);
  if (seconds > 0) setTimeout(refresh, seconds * 1000);
}
const live = Number($('main')?.dataset.live);
if (live > 0) setTimeout(refresh, live * 1000);
