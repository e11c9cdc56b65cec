"use strict";
for (const shown of document.querySelectorAll("pre[data-copy]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.setAttribute("aria-label", "Copy");
  button.addEventListener("click", async () => {
    shown.textContent = shown.dataset.copy;
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
