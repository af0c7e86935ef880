// The box of a query: completion, and the menus beside it. Only enhances: a query is sent without
// this file as well. An input says in data-complete who knows the fields, in data-values who their
// values if that is another; with data-names it takes names alone.
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
function element(name, className, text = '') {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

// Menus: a click beside one or Escape closes it.
function closeMenus(but) {
  for (const menu of $$('details.menu[open]')) if (!but || !menu.contains(but)) menu.open = false;
}
document.addEventListener('click', (event) => closeMenus(event.target));
document.addEventListener('keydown', (event) => { if (event.key === 'Escape') closeMenus(); });

// Completion: names of fields, then values of the field, within the range of the page.
const known = new Map();
async function answers(source, parameters) {
  const url = new URL(source, location.origin);
  const said = new URL(location.href).searchParams;
  for (const name of ['last', 'start', 'end']) if (said.get(name)) url.searchParams.set(name, said.get(name));
  if (!said.has('last') && !said.has('start')) url.searchParams.set('last', '1h');
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  if (!known.has(url.href)) known.set(url.href, fetch(url).then((answer) => (answer.ok ? answer.json() : {})));
  return known.get(url.href);
}
const plain = /^(?!-)[\w./-]+$/;
let lists = 0;
function attach(input) {
  const { complete: source, values = source, names: onlyNames } = input.dataset;
  const options = element('ul', 'options');
  let chosen = -1, asked = 0;
  // What is being written: (where it begins, a field if it is a value, its beginning).
  function written() {
    const head = input.value.slice(0, input.selectionStart);
    if (onlyNames !== undefined) {
      const [start] = head.match(/[\w.]*$/);
      return { from: head.length - start.length, start };
    }
    const value = head.match(/([\w.-]+):("?)([^\s"()]*)$/);
    if (value) return { from: head.length - value[3].length - value[2].length, field: value[1], start: value[3] };
    const name = head.match(/(?:^|[\s(|])-?@?([\w.]*)$/);
    return name?.[1] ? { from: head.length - name[1].length, start: name[1] } : null;
  }
  async function propose() {
    const turn = ++asked;
    const now = written();
    if (!now) return close();
    const after = onlyNames === undefined ? ':' : '';
    const found = now.field
      ? ((await answers(values, { field: now.field, limit: 50 })).values ?? []).map(({ value, count }) => [plain.test(value) ? value : JSON.stringify(value), count, value])
      : ((await answers(source, {})).fields ?? []).map(({ name, kind }) => [`${name}${after}`, kind, name]);
    if (turn !== asked) return;
    const start = now.start.toLowerCase();
    const fitting = found.filter(([, , text]) => text.toLowerCase().includes(start) && text !== now.start);
    fitting.sort((a, b) => b[2].toLowerCase().startsWith(start) - a[2].toLowerCase().startsWith(start));
    chosen = -1;
    options.replaceChildren(...fitting.slice(0, 12).map(([text, note], at) => {
      const option = element('li', '', text);
      Object.assign(option, { role: 'option', id: `${options.id}-${at}` });
      option.append(element('span', '', note));
      option.take = () => take(now, text);
      option.addEventListener('pointerdown', (event) => { event.preventDefault(); option.take(); });
      return option;
    }));
    options.hidden = !options.children.length;
    input.ariaExpanded = String(!options.hidden);
  }
  function take(now, text) {
    const rest = input.value.slice(input.selectionStart);
    const isName = text.endsWith(':') || onlyNames !== undefined;
    input.value = `${input.value.slice(0, now.from)}${text}${isName ? '' : ' '}${rest.trimStart()}`;
    input.selectionStart = input.selectionEnd = now.from + text.length + (isName ? 0 : 1);
    if (text.endsWith(':')) propose().catch(close); else close();
  }
  function close() {
    asked += 1;
    options.hidden = true;
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
  Object.assign(options, { hidden: true, id: `options-${lists += 1}`, role: 'listbox', ariaLabel: 'Completions' });
  input.after(options);
  Object.assign(input, { role: 'combobox', ariaExpanded: 'false', ariaAutoComplete: 'list' });
  input.setAttribute('aria-controls', options.id);
  input.addEventListener('input', () => propose().catch(close));
  input.addEventListener('blur', close);
  input.addEventListener('keydown', (event) => {
    if (options.hidden) return;
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') choose(event.key === 'ArrowDown' ? 1 : -1);
    else if (event.key === 'Escape') { close(); event.stopPropagation(); }
    else if ((event.key === 'Enter' && chosen >= 0) || event.key === 'Tab') options.children[Math.max(chosen, 0)].take();
    else return;
    event.preventDefault();
  });
}
const attachAll = () => $$('[data-complete]:not([role])').forEach(attach);
attachAll();
// A part of the page was put in anew.
document.addEventListener('swapped', attachAll);
