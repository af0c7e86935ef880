// The page of logs. Only enhances: rows, filters, tables and patterns work without this file.
const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
const here = () => new URL(location.href);
function element(name, className, text = '') {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}
async function fetched(url) {
  const answer = await fetch(url, { headers: { accept: 'text/html' } });
  if (!answer.ok) throw new Error(`${answer.status}`);
  return new DOMParser().parseFromString(await answer.text(), 'text/html');
}

// Times: in the zone of the reader, if the URL says so. The server knows UTC only.
const isLocal = here().searchParams.get('tz') === 'local';
const two = (n, width = 2) => String(n).padStart(width, '0');
function localTime(ms, { day, millis }) {
  const at = new Date(ms);
  const clock = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  return `${day ? `${two(at.getMonth() + 1)}-${two(at.getDate())} ` : ''}${clock}${millis ? `.${two(at.getMilliseconds(), 3)}` : ''}`;
}
function localise(root) {
  if (!isLocal) return;
  for (const time of $$('.entry time, .pattern time', root)) {
    const style = { day: /-/.test(time.textContent), millis: /\./.test(time.textContent) };
    time.textContent = localTime(Date.parse(time.dateTime), style);
  }
  for (const tick of $$('.tick[data-at]', root)) {
    const shown = localTime(Number(tick.dataset.at), {});
    if (tick.textContent.includes(':')) tick.textContent = shown.slice(0, tick.textContent.length);
  }
}
const zone = $('[data-zone]');
if (zone) {
  zone.parentElement.hidden = false;
  zone.textContent = isLocal ? `Times: ${Intl.DateTimeFormat().resolvedOptions().timeZone}` : 'Times: UTC';
}
localise(document);

// Rows: unfolded where they stand. The body comes from the server, as it does without scripts.
const bodies = new WeakMap();
async function bodyOf(row) {
  if (bodies.has(row)) return bodies.get(row);
  const url = here();
  url.hash = '';
  url.searchParams.delete('open');
  url.searchParams.set('id', row.dataset.id);
  url.searchParams.set('as', 'row');
  const body = $('.log-body', await fetched(url));
  bodies.set(row, body);
  return body;
}
async function turn(row) {
  const link = $('a.t', row);
  const open = $('.log-body', row);
  if (open) {
    bodies.set(row, open);
    open.remove();
    link.ariaExpanded = 'false';
    return;
  }
  if (row.dataset.busy) return;
  row.dataset.busy = '1';
  try {
    row.append(await bodyOf(row));
    link.ariaExpanded = 'true';
  } catch {
    location.assign(link.href);
  } finally {
    delete row.dataset.busy;
  }
}
async function copy(link) {
  const text = link.matches('[data-copy-json]')
    ? JSON.stringify(await (await fetch(link.href)).json(), null, 2)
    : link.href;
  await navigator.clipboard.writeText(text);
  const label = link.textContent;
  link.textContent = 'Copied';
  setTimeout(() => { link.textContent = label; }, 1200);
}
document.addEventListener('click', (event) => {
  if (event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const link = event.target.closest('a');
  if (link?.matches('[data-copy-json], [data-copy-link]') && navigator.clipboard) {
    event.preventDefault();
    copy(link).catch(() => location.assign(link.href));
    return;
  }
  const line = event.target.closest('.records .log > .entry');
  if (!line || (link && !link.matches('a.t')) || (!link && !getSelection().isCollapsed)) return;
  event.preventDefault();
  turn(line.parentElement);
});
document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === 'Escape') {
    const row = $('.records .log.at') ?? event.target.closest?.('.records .log');
    if (row && $('.log-body', row)) { turn(row); $('a.t', row).focus(); }
    return;
  }
  if (event.target.matches('input, textarea, select')) return;
  const action = { r: '[data-refresh]', u: '[data-zone]', p: '.live-bar button' }[event.key];
  if (action) $(action)?.click();
});

// What stands beside the records and was not counted in time is asked for once more.
async function swap(href, ids) {
  const page = await fetched(href);
  for (const id of ids) {
    const [now, then] = [document.getElementById(id), page.getElementById(id)];
    if (now && then) { now.replaceWith(then); localise(then); }
  }
}
const patient = $('#fields')?.dataset.patient;
if (patient) swap(patient, ['fields']).catch(() => {});

// Live: records as they come, newest first.
const KEPT = 400, HELD = 500;
function marked(text, wanted) {
  const parts = element('bdi', '');
  for (const part of text.split(/([\p{L}\p{N}_]+)/u)) {
    const word = part.toLowerCase();
    const isFound = wanted.some((want) => (want.endsWith('*') ? word.startsWith(want.slice(0, -1)) : word === want));
    parts.append(isFound ? element('mark', '', part) : part);
  }
  return parts;
}
function built(record, columns, wanted) {
  const row = element('li', `log new sev-${record.severity}`);
  Object.assign(row.dataset, { row: '', id: record.id });
  row.id = `r-${record.id}`;
  const line = element('div', 'entry');
  const link = element('a', 't');
  link.href = `/logs?id=${encodeURIComponent(record.id)}`;
  link.ariaExpanded = 'false';
  const time = element('time', '', record.timestamp.slice(11, 19) + (record.timestamp.slice(19, 23).match(/^\.\d+/)?.[0] ?? '.').padEnd(4, '0'));
  time.dateTime = record.timestamp;
  link.append(time);
  line.append(link, element('span', 'sev', record.severity), element('span', 'svc', record['service.name']));
  for (const name of columns) {
    const value = record[name === 'service' ? 'service.name' : name] ?? '';
    const cell = element('span', 'cell', typeof value === 'object' ? JSON.stringify(value) : value);
    cell.dataset.name = name;
    line.append(cell);
  }
  const message = element('span', 'msg');
  message.append(marked(record.message.split('\n', 1)[0].slice(0, 240), wanted));
  if (record['exception.type']) message.append(' ', element('span', 'kind', record['exception.type']));
  line.append(message);
  row.append(line);
  return row;
}
function follow(bar) {
  const list = $('.records'), state = $('.live-state', bar), rate = $('.live-rate', bar), button = $('button', bar);
  const columns = list.dataset.columns.split(',').filter(Boolean);
  const wanted = list.dataset.words.split(' ').filter(Boolean);
  let held = [], skipped = 0, isPaused = false, arrivals = [];
  const tell = () => {
    const since = performance.now() - 10000;
    arrivals = arrivals.filter(([when]) => when > since);
    const count = arrivals.reduce((sum, [, records]) => sum + records, 0);
    const parts = [`${(count / 10).toFixed(1)} records/s`, `${skipped} skipped`];
    if (isPaused) parts.push(`${held.length} waiting`);
    rate.textContent = parts.join(' · ');
  };
  const show = (records) => {
    const known = new Set($$('.log', list).map((row) => row.dataset.id));
    const rows = records.filter((record) => !known.has(record.id)).map((record) => built(record, columns, wanted));
    const head = $('.records-head', list);
    for (const row of rows) if (head) head.after(row); else list.prepend(row);
    rows.forEach(localise);
    $$('.log', list).slice(KEPT).forEach((row) => row.remove());
  };
  const source = new EventSource(bar.dataset.tail);
  source.onopen = () => { if (!isPaused) { bar.classList.add('on'); state.textContent = 'Following'; } };
  source.onerror = () => { bar.classList.remove('on'); state.textContent = 'The stream broke; trying again'; };
  source.addEventListener('records', (event) => {
    const { records, skipped: left } = JSON.parse(event.data);
    skipped += left;
    arrivals.push([performance.now(), records.length + left]);
    if (isPaused) {
      held.push(...records);
      skipped += Math.max(0, held.length - HELD);
      held = held.slice(-HELD);
    } else show(records);
    tell();
  });
  button.hidden = false;
  button.addEventListener('click', () => {
    isPaused = !isPaused;
    bar.classList.toggle('held', isPaused);
    button.textContent = isPaused ? 'Go on' : 'Pause';
    state.textContent = isPaused ? 'Paused' : 'Following';
    if (!isPaused) { show(held); held = []; }
    tell();
  });
  setInterval(tell, 1000);
  setInterval(() => {
    if (!isPaused && !document.hidden && !$('.selection')) swap(location.href, ['timeline', 'summary']).catch(() => {});
  }, 10000);
}
const bar = $('.live-bar');
if (bar) follow(bar);
