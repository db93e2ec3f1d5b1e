// Runs before the first paint: the remembered theme, else what the system prefers.
(() => {
  const root = document.documentElement;
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const remembered = () => {
    try {
      return window.localStorage.getItem("portico-theme");
    } catch {
      return null;
    }
  };
  const show = () => {
    root.dataset.bsTheme = remembered() ?? (system.matches ? "dark" : "light");
  };
  show();
  system.addEventListener("change", show);
  window.addEventListener("storage", show);
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-theme-switch]")) return;
    const next = root.dataset.bsTheme === "dark" ? "light" : "dark";
    try {
      window.localStorage.setItem("portico-theme", next);
    } catch {
      // Private windows may refuse to remember; the choice then holds for this page.
    }
    root.dataset.bsTheme = next;
  });
})();
