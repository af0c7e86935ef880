// The page of one trace. Only enhances: without it links turn rows, open spans and lead to other rows.
const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
const KEPT = 60; // windows of rows that are remembered
const NEAR = 300; // pixels above and below the view that have their rows

async function fetched(url) {
  const answer = await fetch(url, { headers: { accept: 'text/html' } });
  if (!answer.ok) throw new Error(`${answer.status}`);
  return new DOMParser().parseFromString(await answer.text(), 'text/html');
}

// Scrolling: all rows have their room, those in view are there. A window is a group of rows.
let size = 0, total = 0, height = 26, source = '', known = new Map(), groups = new Map(), asking = new Set(), epoch = 0;
const body = () => $('.tr-body');
function spread() {
  const first = $('.tr-rows');
  groups = new Map();
  known = new Map();
  asking = new Set();
  epoch += 1;
  if (!first) return;
  total = Number(first.dataset.total);
  source = first.dataset.source;
  size = Number(first.dataset.size);
  const row = $('.rw', first);
  if (row) height = row.getBoundingClientRect().height;
  groups.set(Number(first.dataset.from), first);
  known.set(Number(first.dataset.from), first);
  $$('.tr-list .paging').forEach((paging) => { paging.hidden = total > first.children.length; });
  if (total > first.children.length) {
    body().style.height = `${total * height}px`;
    place(first);
  }
}
function place(group) {
  group.style.position = 'absolute';
  group.style.insetInline = '0';
  group.style.top = `${Number(group.dataset.from) * height}px`;
}
function wanted() {
  const top = body().getBoundingClientRect().top;
  const first = Math.max(0, Math.floor((-top - NEAR) / height));
  const last = Math.min(total - 1, Math.ceil((innerHeight - top + NEAR) / height));
  const windows = [];
  for (let from = Math.floor(first / size) * size; from <= last; from += size) windows.push(from);
  return windows;
}
async function load(from) {
  if (asking.has(from)) return;
  asking.add(from);
  const of = epoch;
  try {
    const url = new URL(source, location.href);
    url.searchParams.set('from', from);
    url.searchParams.set('as', 'rows');
    const group = $('.tr-rows', await fetched(url));
    if (of !== epoch || !group) return;
    known.set(from, group);
    for (const old of known.keys()) if (known.size > KEPT && !groups.has(old)) known.delete(old);
    fill();
  } catch { /* The next scroll asks again. */ } finally { if (of === epoch) asking.delete(from); }
}
function fill() {
  if (!body() || !size || total <= size) return;
  const now = wanted();
  for (const [from, group] of groups) if (!now.includes(from) && !group.contains(document.activeElement)) { group.remove(); groups.delete(from); }
  for (const from of now) {
    if (groups.has(from)) continue;
    const group = known.get(from);
    if (!group) { load(from); continue; }
    place(group);
    const after = [...groups.keys()].filter((other) => other > from).sort((a, b) => a - b)[0];
    if (after === undefined) body().append(group); else groups.get(after).before(group);
    groups.set(from, group);
    mark();
  }
}
let isDue = false;
function soon() {
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(() => { isDue = false; fill(); });
}
addEventListener('scroll', soon, { passive: true });
let wide = innerWidth;
addEventListener('resize', () => {
  if (innerWidth === wide) return;
  wide = innerWidth;
  const row = $('.tr-rows .rw');
  if (!row || total <= size) return;
  height = row.getBoundingClientRect().height;
  body().style.height = `${total * height}px`;
  groups.forEach(place);
  fill();
});

// In place: what leads to this trace in another state changes the page where it stands.
let turn = 0;
async function go(href, { keep, scroll } = {}) {
  const mine = ++turn;
  const url = new URL(href, location.href);
  const before = keep?.getBoundingClientRect().top;
  const page = await fetched(url.pathname + url.search);
  if (mine !== turn) return;
  const fresh = $('#tr', page);
  if (!fresh) throw new Error('not a trace');
  const y = scrollY;
  const focused = document.activeElement?.closest?.('.rw')?.id;
  $('#tr').replaceWith(fresh);
  document.title = page.title;
  history.replaceState(null, '', url);
  spread();
  const id = url.hash.slice(1);
  const row = id && document.getElementById(id);
  if (keep && document.getElementById(keep.id)) scrollTo(0, scrollY + document.getElementById(keep.id).getBoundingClientRect().top - before);
  else if (!scroll) scrollTo(0, y);
  if (row && scroll) {
    const box = row.getBoundingClientRect();
    if (box.top < 40 || box.bottom > innerHeight * 0.6) scrollTo(0, scrollY + box.top - innerHeight / 3);
  }
  at = (row || document.getElementById(focused ?? ''))?.id ?? at;
  mark(true);
  fill();
}
const follow = (link, options) => go(link.href, options).catch(() => location.assign(link.href));
document.addEventListener('click', (event) => {
  if (event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const link = event.target.closest?.('#tr a');
  if (!link || dragged) return;
  if (link.matches('[data-copy-json]') && navigator.clipboard) {
    event.preventDefault();
    copy(link).catch(() => location.assign(link.href));
    return;
  }
  const url = new URL(link.href?.baseVal ?? link.href, location.href);
  if (url.pathname !== location.pathname || url.searchParams.has('as')) return;
  event.preventDefault();
  const row = link.closest('.rw');
  go(url.href, row ? { keep: row } : { scroll: link.matches('[data-key], svg a') || link.closest('.panel') }).then(() => {
    if (link.closest('svg')) rowAt(Number(url.searchParams.get('from')));
  }).catch(() => location.assign(url.href));
});
function rowAt(index) {
  const top = body().getBoundingClientRect().top + scrollY;
  scrollTo(0, top + index * height - 60);
}
async function copy(link) {
  await navigator.clipboard.writeText(await (await fetch(link.href)).text());
  const label = link.textContent;
  link.textContent = 'Copied';
  setTimeout(() => { link.textContent = label; }, 1200);
}
document.addEventListener('submit', (event) => {
  const form = event.target.closest('.find');
  if (!form) return;
  event.preventDefault();
  const url = new URL(form.action);
  for (const [name, value] of new FormData(form)) if (value) url.searchParams.set(name, value);
  go(url.href).then(() => {
    const next = $('[data-key="n"]');
    if (next) return follow(next, { scroll: true });
    $('#find').focus();
  }).catch(() => form.submit());
});

// Keyboard. The row one is at is known by its id, for rows come and go.
let at = location.hash.slice(1) || null;
const here = () => (at ? document.getElementById(at) : null);
function mark(withFocus) {
  for (const row of $$('.rw.here')) row.classList.remove('here');
  const row = here();
  if (!row?.matches('.rw')) return;
  row.classList.add('here');
  if (withFocus) $('.o', row)?.focus({ preventScroll: true });
}
const index = (row) => Number(row.ariaRowIndex ?? row.getAttribute('aria-rowindex')) - 2;
const rowOf = (index) => $(`.tr-rows .rw[aria-rowindex="${index + 2}"]`);
function inView() {
  const top = $('.tr-head')?.getBoundingClientRect().bottom ?? 0;
  return $$('.tr-rows .rw').find((row) => row.getBoundingClientRect().top >= top - 1);
}
async function walk(by) {
  const now = here();
  const next = now ? Math.max(0, Math.min(total - 1, index(now) + by)) : index(inView() ?? rowOf(0));
  for (let tries = 0; !rowOf(next) && tries < 100; tries += 1) {
    if (!tries) rowAt(next);
    fill();
    await new Promise((done) => setTimeout(done, 50));
  }
  const row = rowOf(next);
  if (!row) return;
  at = row.id;
  mark(true);
  const box = row.getBoundingClientRect();
  if (box.top < 34) scrollBy(0, box.top - 34);
  else if (box.bottom > innerHeight - 4) scrollBy(0, box.bottom - innerHeight + 4);
}
function fold(open) {
  const row = here();
  const toggle = row && $('a.t', row);
  if (toggle && (toggle.getAttribute('aria-expanded') === 'true') !== open) follow(toggle, { keep: row });
}
document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches('input, textarea, select')) return;
  const { key } = event;
  if ($('dialog[open]')) return;
  if (key === 'Escape') {
    const close = $('[data-close]');
    if (close) follow(close, { keep: here() });
  } else if (key === 'j' || key === 'k') walk(key === 'j' ? 1 : -1);
  else if (key === '[' || key === ']') fold(key === ']');
  else if ('fbeEnN'.includes(key)) {
    const link = $(`[data-key="${key}"]`) ?? (key === 'f' ? $('.rw.sp .o') : null);
    if (link) follow(link, { scroll: true });
  }
}, true);
document.addEventListener('focusin', (event) => {
  const row = event.target.closest('.tr-rows .rw');
  if (row && row.id !== at) { at = row.id; mark(); }
});

// Drag over the map: that time only.
let drag = null, dragged = false;
const share = (event) => {
  const box = $('.minimap').getBoundingClientRect();
  return Math.max(0, Math.min(1, (event.clientX - box.left) / box.width));
};
document.addEventListener('dragstart', (event) => { if (event.target.closest?.('.map')) event.preventDefault(); });
document.addEventListener('pointerdown', (event) => {
  dragged = false;
  if (!event.button && event.target.closest?.('.map')) drag = share(event);
});
document.addEventListener('pointermove', (event) => {
  if (drag === null) return;
  const to = share(event);
  const rect = $('.minimap .window');
  if (Math.abs(to - drag) < 0.01) return;
  dragged = true;
  const { width } = $('.minimap').viewBox.baseVal;
  rect.setAttribute('x', Math.min(drag, to) * width);
  rect.setAttribute('width', Math.abs(to - drag) * width);
});
document.addEventListener('pointerup', (event) => {
  if (drag === null) return;
  const [from, to] = [drag, share(event)].sort((a, b) => a - b);
  drag = null;
  if (!dragged) return;
  const micros = Number($('.minimap').dataset.length) / 1000;
  const url = new URL(location.href);
  url.hash = '';
  url.searchParams.set('zoom', `${Math.floor(from * micros)},${Math.ceil(to * micros) + 1}`);
  go(url.href).catch(() => location.assign(url.href));
});
document.addEventListener('click', (event) => { if (dragged && event.target.closest?.('.map')) event.preventDefault(); }, true);

spread();
const chosen = here() ?? $('.rw.at');
if (chosen?.matches('.rw')) {
  at = chosen.id;
  const box = chosen.getBoundingClientRect();
  if (box.top < 40 || box.bottom > innerHeight) scrollTo(0, scrollY + box.top - innerHeight / 3);
} else if (Number($('.tr-rows')?.dataset.from) > 0) rowAt(Number($('.tr-rows').dataset.from));
mark();
fill();
