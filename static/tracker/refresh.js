// Pages that show work going on: an element with data-refresh-seconds loads its page anew, while somebody looks at it.
(() => {
  document.addEventListener("DOMContentLoaded", () => {
    const element = document.querySelector("[data-refresh-seconds]");
    if (!element) return;
    const seconds = Number(element.dataset.refreshSeconds);
    setInterval(() => { if (!document.hidden) window.location.reload(); }, seconds * 1000);
  });
})();
