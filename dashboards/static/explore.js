// The page for expressions. Only enhances: queries, views and switches work without this file.
const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
function element(name, className, text = '') {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

// Keys: those of links and switches are on them.
document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === 'Escape') return closeMenus();
  if (event.target.matches('input, textarea, select')) return;
  const target = /^[a-z0-9]$/.test(event.key) && $(`[data-key="${event.key}"]`);
  if (target) { event.preventDefault(); target.click(); }
});
function closeMenus(but) {
  for (const menu of $$('details.menu[open]')) if (!but || !menu.contains(but)) menu.open = false;
}
document.addEventListener('click', (event) => closeMenus(event.target));

// Copies: links and what stands in boxes.
async function copied(label, text) {
  await navigator.clipboard.writeText(text);
  const before = label.textContent;
  label.textContent = 'Copied';
  setTimeout(() => { label.textContent = before; }, 1200);
}
document.addEventListener('click', (event) => {
  const link = event.target.closest('[data-copy-link]');
  if (!link || !navigator.clipboard || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  copied(link, link.href).catch(() => location.assign(link.href));
});
document.addEventListener('toggle', (event) => {
  for (const box of event.target.open ? $$('[data-copy]', event.target) : []) {
    if (!navigator.clipboard || box.nextElementSibling?.matches('.copy')) continue;
    const button = element('button', 'copy', 'Copy');
    button.type = 'button';
    button.addEventListener('click', () => copied(button, box.textContent));
    box.after(button);
  }
}, true);

// Lines: a click shows one alone, with Ctrl it goes and comes. The URL says what is shown.
const keys = (name) => new URL(location.href).searchParams.get(name)?.split(',').filter(Boolean) ?? [];
function shown() {
  const all = $$('.lines-table [data-k]').map((row) => row.dataset.k);
  const only = keys('only').filter((key) => all.includes(key));
  const hidden = keys('hide');
  return { all, on: only.length ? only : all.filter((key) => !hidden.includes(key)) };
}
function say(all, on) {
  const url = new URL(location.href);
  for (const name of ['only', 'hide']) url.searchParams.delete(name);
  const off = all.filter((key) => !on.includes(key));
  if (on.length && off.length) {
    const [name, value] = on.length <= off.length ? ['only', on] : ['hide', off];
    url.searchParams.set(name, value.join(','));
  }
  history.replaceState(null, '', url);
}
// Stacks and axes come from the server; meanwhile what is drawn already is hidden or not.
let turn = 0;
async function redraw() {
  const mine = ++turn;
  const answer = await fetch(location.href, { headers: { accept: 'text/html' } });
  if (!answer.ok || mine !== turn) return;
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
  for (const selector of ['.plot-box', '#summary', '.under-plot', '.tools']) {
    const [now, then] = [$(selector), $(selector, page)];
    if (mine === turn && now && then) now.replaceWith(then);
  }
}
document.addEventListener('click', (event) => {
  const button = event.target.closest('.lines-table button');
  if (!button) return;
  event.preventDefault();
  const { all, on } = shown();
  const key = button.value;
  let next = [key];
  if (event.ctrlKey || event.metaKey) next = on.includes(key) ? on.filter((other) => other !== key) : [...on, key];
  else if (on.length === 1 && on[0] === key) next = all;
  if (!next.length) next = all;
  say(all, next);
  for (const row of $$('.lines-table [data-k]')) row.classList.toggle('off', !next.includes(row.dataset.k));
  for (const path of $$('.lane[data-k]')) path.toggleAttribute('hidden', !next.includes(path.dataset.k));
  redraw().catch(() => {});
});
// The line under the pointer stands out, in the table and in the chart.
document.addEventListener('pointerover', (event) => {
  const row = event.target.closest?.('.lines-table [data-k]');
  for (const path of $$('.plot-box .lane[data-k]')) {
    path.classList.toggle('faint', Boolean(row) && path.dataset.k !== row.dataset.k);
    if (row) path.classList.toggle('near', path.dataset.k === row.dataset.k);
  }
});

// Completion: functions, metrics, names of labels and their values.
const form = $('#explore');
const options = element('ul', 'options');
Object.assign(options, { hidden: true, id: 'options', role: 'listbox', ariaLabel: 'Completions' });
let input = null, chosen = -1, asked = 0;
const known = new Map();
async function json(url) {
  if (!known.has(url)) known.set(url, fetch(url).then((answer) => (answer.ok ? answer.json() : {})).catch(() => ({})));
  return known.get(url);
}
const WINDOWS = ['1m', '5m', '15m', '1h', '1d'];
// What is being written at the caret: its kind, where it begins, its beginning, and the selector
// around it.
function written() {
  const head = input.value.slice(0, input.selectionStart);
  const inQuotes = (head.replace(/\\./g, '').match(/"/g) ?? []).length % 2 === 1;
  const open = head.lastIndexOf('{'), isIn = open > head.lastIndexOf('}');
  const metric = isIn ? head.slice(0, open).match(/[\w:]*$/)[0] : '';
  if (isIn && inQuotes) {
    const value = head.match(/(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)$/);
    return value && { kind: 'value', label: value[1], metric, from: head.length - value[2].length, start: value[2] };
  }
  if (inQuotes) return null;
  const range = head.match(/\[(\w*)$/);
  if (range) return { kind: 'window', from: head.length - range[1].length, start: range[1] };
  const [start] = head.match(/[\w:]*$/);
  const from = head.length - start.length;
  if (isIn) return /[{,]\s*$/.test(head.slice(0, from)) ? { kind: 'label', metric, from, start } : null;
  const list = head.match(/\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^()]*)$/i);
  if (list) {
    const names = input.value.match(/[a-zA-Z_:][\w:]*(?=\s*[{[])/g) ?? [];
    return { kind: 'label', metric: names[0] ?? '', from, start, isList: true };
  }
  return start && !/^\d/.test(start) ? { kind: 'word', from, start } : null;
}
function matching(metric) {
  return metric ? `match[]=${encodeURIComponent(metric)}&start=${Math.floor(Date.now() / 1000) - 3600}` : '';
}
// [what is put in, what stands beside it, more, how far back the caret goes]
async function proposals(now) {
  if (now.kind === 'window') return WINDOWS.map((text) => [`${text}]`, '', '']);
  if (now.kind === 'label') {
    const names = (await json(`/prometheus/api/v1/labels?limit=1000&${matching(now.metric)}`)).data ?? [];
    return names.filter((name) => name !== '__name__').map((name) => [now.isList ? name : `${name}="`, '', '']);
  }
  if (now.kind === 'value') {
    const values = (await json(`/prometheus/api/v1/label/${now.label}/values?limit=2000&${matching(now.metric)}`)).data ?? [];
    return values.map((text) => [`${text.replace(/[\\"]/g, '\\$&')}"`, '', '']);
  }
  const [{ functions = [] }, { metrics = [] }] = await Promise.all([
    json('/api/v1/metrics/functions'), json(`/api/v1/metrics?limit=40&find=${encodeURIComponent(now.start)}`),
  ]);
  const names = metrics.flatMap(({ name, kind, help, series, classic }) => {
    const parts = kind === 'histogram' && classic ? ['_bucket', '_count', '_sum'] : [''];
    return parts.map((part) => [name + part, help, `${kind}, ${series} series`]);
  });
  const words = functions.filter(({ name }) => name.startsWith(now.start.toLowerCase()));
  return [...words.map(({ name, signature, about }) => [`${name}${signature.startsWith('(') ? '(' : ' '}`, `${signature}  ${about}`, 'function']), ...names];
}
async function propose() {
  const turn = ++asked;
  const now = written();
  if (!now) return close();
  const found = await proposals(now);
  if (turn !== asked) return;
  const start = now.start.toLowerCase();
  const fitting = found.filter(([text]) => now.kind === 'word' || text.toLowerCase().includes(start)).filter(([text]) => text !== now.start);
  fitting.sort((a, b) => b[0].toLowerCase().startsWith(start) - a[0].toLowerCase().startsWith(start));
  chosen = -1;
  options.replaceChildren(...fitting.slice(0, 14).map(([text, about, note], at) => {
    const option = element('li', '', text.replace(/[("=\]]+$/, ''));
    Object.assign(option, { role: 'option', id: `option-${at}` });
    option.append(element('span', '', about), element('span', '', note));
    option.take = () => take(now, text);
    option.addEventListener('pointerdown', (event) => { event.preventDefault(); option.take(); });
    return option;
  }));
  options.hidden = !options.children.length;
  input.ariaExpanded = String(!options.hidden);
}
function take(now, text) {
  const rest = input.value.slice(input.selectionStart);
  // What would stand there twice is left out.
  const last = text.at(-1);
  const tail = /["\]]/.test(last) && rest.startsWith(last) ? rest.slice(1) : rest;
  input.value = input.value.slice(0, now.from) + text + tail;
  input.selectionStart = input.selectionEnd = now.from + text.length;
  if (/["(]$/.test(text) && now.kind !== 'value') propose().catch(close); else close();
}
function close() {
  asked += 1;
  options.hidden = true;
  if (!input) return;
  input.ariaExpanded = 'false';
  input.removeAttribute('aria-activedescendant');
}
function choose(by) {
  const all = [...options.children];
  chosen = (chosen + by + all.length + (chosen < 0 && by < 0 ? 1 : 0)) % all.length;
  all.forEach((option, at) => { option.ariaSelected = String(at === chosen); });
  all[chosen].scrollIntoView({ block: 'nearest' });
  input.setAttribute('aria-activedescendant', all[chosen].id);
}
document.addEventListener('focusin', (event) => {
  if (!event.target.matches('.query-row textarea') || input === event.target) return;
  if (input) close();
  input = event.target;
  input.after(options);
  Object.assign(input, { role: 'combobox', ariaExpanded: 'false', ariaAutoComplete: 'list' });
  input.setAttribute('aria-controls', 'options');
});
document.addEventListener('focusout', (event) => { if (event.target === input) close(); });
document.addEventListener('input', (event) => { if (event.target === input) propose().catch(close); });
document.addEventListener('keydown', (event) => {
  if (event.target !== input || event.isComposing) return;
  if (!options.hidden) {
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') choose(event.key === 'ArrowDown' ? 1 : -1);
    else if (event.key === 'Escape') { close(); event.stopPropagation(); }
    else if ((event.key === 'Enter' && chosen >= 0) || event.key === 'Tab') options.children[Math.max(chosen, 0)].take();
    else if (event.key === 'Enter' && !event.shiftKey) form.requestSubmit($('.run', form));
    else return;
    event.preventDefault();
    return;
  }
  if (event.key === 'Enter' && !event.shiftKey) { event.preventDefault(); form.requestSubmit($('.run', form)); }
  else if (event.key === ' ' && event.ctrlKey) { event.preventDefault(); propose().catch(close); }
}, true);
