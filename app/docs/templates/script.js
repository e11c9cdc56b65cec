"use strict";
for (const shown of document.querySelectorAll("pre[data-copy]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.setAttribute("aria-label", "Copy");
  button.addEventListener("click", async () => {
    if (!shown.textContent) shown.textContent = shown.dataset.copy;
    try {
      await navigator.clipboard.writeText(shown.dataset.copy);
    } catch {
      // Without TLS a browser gives scripts no clipboard but that of the selection.
      getSelection().selectAllChildren(shown);
      document.execCommand("copy");
    }
    button.setAttribute("aria-label", "Copied");
    setTimeout(() => button.setAttribute("aria-label", "Copy"), 2000);
  });
  shown.before(button);
}
// Colours are ranges over the text: the page's text stays that of the legacy page.
const grammars = {
  json: /(?<name>"[^"]*"(?=:))|(?<text>"(?:[^"\\]|\\.)*")|(?<value>\b(?:true|false|null)\b|-?\b\d[\d.]*)/g,
  xml: /(?<name><\/?[^\s>]+|\/?>)|(?<text>"[^"]*")/g,
};
for (const [format, grammar] of Object.entries(window.CSS?.highlights ? grammars : {})) {
  for (const shown of document.querySelectorAll(`pre.${format}`)) {
    if (shown.firstChild) colour(shown.firstChild, grammar);
  }
}
function colour(node, grammar) {
  for (const found of node.data.matchAll(grammar)) {
    const kind = Object.keys(found.groups).find(name => found.groups[name] !== undefined);
    const range = new StaticRange({
      startContainer: node, startOffset: found.index,
      endContainer: node, endOffset: found.index + found[0].length,
    });
    if (!CSS.highlights.has(kind)) CSS.highlights.set(kind, new Highlight());
    CSS.highlights.get(kind).add(range);
  }
}
