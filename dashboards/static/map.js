// Only enhances: under the pointer a box shows its own calls, the others step back.
const graph = document.querySelector('.graph');
const boxes = graph ? [...graph.querySelectorAll('.node')] : [];
const calls = graph ? [...graph.querySelectorAll('[data-ends]')] : [];
function show(box) {
  const at = String(boxes.indexOf(box));
  for (const call of calls) call.classList.toggle('near', call.dataset.ends.split(' ').includes(at));
  graph.classList.toggle('faint', Boolean(box));
}
for (const box of boxes) {
  box.addEventListener('pointerenter', () => show(box));
  box.addEventListener('focus', () => show(box));
  box.addEventListener('pointerleave', () => show(null));
  box.addEventListener('blur', () => show(null));
}
// A map opens where its trouble is.
const scroll = graph?.closest('.scroll');
const worst = graph?.querySelector('.node.focus, .node.failing');
if (scroll && worst) {
  const box = worst.getBoundingClientRect(), view = scroll.getBoundingClientRect();
  scroll.scrollLeft += Math.max(0, box.right - view.right + 60);
  scroll.scrollTop += box.top - view.top - view.height / 2;
}
