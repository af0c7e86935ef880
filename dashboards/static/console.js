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
function point(chart, event) {
  const series = chart.readings ??= JSON.parse(chart.dataset.series || '[]').filter((s) => s.v.length);
  const { share, when } = place(chart, event);
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
  // A bar's own words, in place of the slow ones of the browser.
  const holder = event.target.closest?.('a, g');
  const title = holder && $(':scope > title', holder);
  if (title) {
    holder.dataset.told = title.textContent;
    holder.setAttribute('aria-label', title.textContent);
    title.remove();
  }
  const lines = series.map((s) => `${s.n}  ${nearest(s.v, when)[1]}${chart.dataset.unit}`);
  readout.textContent = holder?.dataset.told ?? [`${dated(when)} UTC`, ...lines].join('\n');
  readout.hidden = false;
  const left = Math.min(event.pageX + 14, document.documentElement.clientWidth - readout.offsetWidth - 8);
  // Through the object model: the content policy forbids inline style in markup, not this.
  readout.style.left = `${Math.max(4, left)}px`;
  readout.style.top = `${event.pageY + 14}px`;
}
function leave(chart) {
  $('.cursor', chart)?.remove();
  readout.hidden = true;
}

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
  if (chart) point(chart, event); else if (!readout.hidden) $$('[data-chart]').forEach(leave);
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
