// Copy buttons: any element with data-copy puts that text on the clipboard.
// Browsers offer navigator.clipboard on TLS and localhost only; elsewhere a hidden field is selected and copied.
(() => {
  const SHOWN_MS = 1600;

  async function copy(text) {
    if (window.isSecureContext && navigator.clipboard) {
      try {
        await navigator.clipboard.writeText(text);
        return true;
      } catch {
        // No permission: the old way may still work.
      }
    }
    const field = document.createElement("textarea");
    field.value = text;
    field.setAttribute("readonly", "");
    field.className = "tracker-offscreen";
    document.body.append(field);
    field.select();
    const copied = document.execCommand("copy");
    field.remove();
    return copied;
  }

  document.addEventListener("click", async (event) => {
    const button = event.target instanceof Element ? event.target.closest("[data-copy]") : null;
    if (!button) return;
    event.preventDefault();
    const label = button.querySelector("[data-copy-label]") || button;
    const before = label.dataset.copyBefore || label.textContent;
    label.dataset.copyBefore = before;
    label.textContent = (await copy(button.dataset.copy)) ? "Copied" : "Press Ctrl+C";
    setTimeout(() => { label.textContent = before; }, SHOWN_MS);
  });
})();
