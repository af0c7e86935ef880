// The page of traces. Only enhances: search, regions, groups and pages work without this file.
const $ = (selector, root = document) => root.querySelector(selector);
const SVG = 'http://www.w3.org/2000/svg';

// Keys: those of links are on them.
document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches('input, textarea, select')) return;
  const target = /^[a-z]$/.test(event.key) && $(`[data-key="${event.key}"]`);
  if (target) { event.preventDefault(); target.click(); }
});

// A region: drag over the scatter. The axis of values is one of logarithms.
let marking = null;
function spot(chart, event) {
  const box = chart.getBoundingClientRect();
  const [start, end, top, bottom] = ['start', 'end', 'top', 'bottom'].map((name) => Number(chart.dataset[name]));
  const [low, high] = chart.dataset.axis.split(',').map(Number);
  const x = Math.max(0, Math.min(1, (event.clientX - box.left) / box.width));
  const y = Math.max(0, Math.min(1, (bottom - (event.clientY - box.top)) / (bottom - top)));
  return { x, y, when: start + x * (end - start), seconds: 10 ** (low + y * (high - low)) };
}
function draw(event) {
  const { chart, from } = marking;
  const to = spot(chart, event);
  if (!marking.rect && Math.hypot(event.clientX - marking.clientX, event.clientY - marking.clientY) < 5) return;
  if (!marking.rect) {
    marking.rect = document.createElementNS(SVG, 'rect');
    marking.rect.setAttribute('class', 'marking');
    chart.append(marking.rect);
  }
  const top = Number(chart.dataset.top), height = Number(chart.dataset.bottom) - top;
  const set = (name, value) => marking.rect.setAttribute(name, value);
  set('x', `${Math.min(from.x, to.x) * 100}%`);
  set('width', `${Math.abs(to.x - from.x) * 100}%`);
  set('y', top + (1 - Math.max(from.y, to.y)) * height);
  set('height', Math.abs(to.y - from.y) * height);
}
function drop() {
  marking?.rect?.remove();
  marking = null;
}
// A duration as a query writes it.
function written(seconds) {
  const [by, unit] = seconds >= 1 ? [1, 's'] : seconds >= 1e-3 ? [1e3, 'ms'] : [1e6, 'us'];
  return `${Number((seconds * by).toPrecision(4))}${unit}`;
}
// What reaches to an edge is not bounded there.
function clause(from, to) {
  const [left, right] = [from, to].sort((a, b) => a.x - b.x);
  const [below, above] = [from, to].sort((a, b) => a.y - b.y);
  const parts = [];
  if (below.y > 0.01 && above.y < 0.99) parts.push(`duration:[${written(below.seconds)} TO ${written(above.seconds)}}`);
  else if (below.y > 0.01) parts.push(`duration:>=${written(below.seconds)}`);
  else if (above.y < 0.99) parts.push(`duration:<${written(above.seconds)}`);
  if (left.x > 0.005 || right.x < 0.995) {
    const time = ({ when }) => new Date(when).toISOString();
    parts.push(`timestamp:[${time(left)} TO ${time(right)}}`);
  }
  return parts.join(' ');
}
let isMarked = false;
function mark(event) {
  const { chart, from, rect } = marking;
  const to = spot(chart, event);
  drop();
  if (!rect || (Math.abs(to.x - from.x) < 0.004 && Math.abs(to.y - from.y) < 0.02)) return;
  isMarked = true;
  const region = clause(from, to);
  const url = new URL(location.href);
  for (const name of ['cursor', 'wait', 'region']) url.searchParams.delete(name);
  // A range that moves would leave the region behind.
  url.searchParams.delete('last');
  url.searchParams.set('start', new Date(Number(chart.dataset.start)).toISOString());
  url.searchParams.set('end', new Date(Number(chart.dataset.end)).toISOString());
  if (region) url.searchParams.set('region', region);
  url.hash = 'scatter';
  location.assign(url);
}
document.addEventListener('pointerdown', (event) => {
  const chart = event.target.closest?.('[data-region] [data-chart]');
  isMarked = false;
  if (!chart || event.button !== 0 || event.pointerType === 'touch') return;
  marking = { chart, from: spot(chart, event), clientX: event.clientX, clientY: event.clientY };
});
document.addEventListener('dragstart', (event) => { if (marking) event.preventDefault(); });
document.addEventListener('pointermove', (event) => { if (marking) { event.preventDefault(); draw(event); } });
document.addEventListener('pointerup', (event) => { if (marking) mark(event); });
document.addEventListener('pointercancel', drop);
document.addEventListener('selectstart', (event) => { if (marking) event.preventDefault(); });
document.addEventListener('keydown', (event) => { if (event.key === 'Escape') drop(); });
document.addEventListener('click', (event) => { if (isMarked) { event.preventDefault(); isMarked = false; } }, true);
function offer() {
  const text = $('.by-hand');
  if (text && matchMedia('(hover:hover)').matches) text.hidden = false;
}
offer();

// What was counted in part is asked for once more, with patience.
const patient = $('[data-patient]');
async function complete(href) {
  const answer = await fetch(href, { headers: { accept: 'text/html' } });
  if (!answer.ok) throw new Error(`${answer.status}`);
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
  const isTyping = document.activeElement?.matches('#group');
  for (const id of ['shortcuts', 'summary', 'scatter', 'compare', 'groups', 'traces']) {
    const [now, then] = [document.getElementById(id), page.getElementById(id)];
    const isInUse = now?.querySelector('details[open]') || marking?.chart && now?.contains(marking.chart) || (isTyping && now?.contains(document.activeElement));
    if (now && then && !isInUse) now.replaceWith(then);
  }
  patient.remove();
  offer();
  document.dispatchEvent(new Event('swapped'));
}
if (patient) complete(patient.dataset.patient).catch(() => {});
