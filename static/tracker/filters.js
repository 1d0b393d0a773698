// Says under a filter's values what may stand in them, as its field wants it.
(() => {
  const HINTS = "input[data-tracker-hints]";

  function explain(input) {
    const row = input.closest("tr, .form-row, .inline-related") || input.parentElement;
    const field = row && row.querySelector("select[name$='-field']");
    if (!field) return;
    const hints = JSON.parse(input.dataset.trackerHints);
    let hint = input.parentElement.querySelector("[data-tracker-hint]");
    if (!hint) {
      hint = document.createElement("p");
      hint.className = "tracker-hint";
      hint.dataset.trackerHint = "";
      hint.id = `${input.id}-hint`;
      input.setAttribute("aria-describedby", hint.id);
      input.after(hint);
    }
    hint.textContent = hints[field.value] || "";
  }

  const explainAll = (root) => root.querySelectorAll(HINTS).forEach(explain);

  document.addEventListener("change", (event) => {
    const field = event.target instanceof Element ? event.target.closest("select[name$='-field']") : null;
    const row = field && field.closest("tr, .form-row, .inline-related");
    if (row) explainAll(row);
  });
  document.addEventListener("formset:added", (event) => explainAll(event.target));
  document.addEventListener("DOMContentLoaded", () => explainAll(document));
})();
