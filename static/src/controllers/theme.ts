const YEAR_SECONDS = 365 * 24 * 3600;

/** `<button data-controller="theme">`: dark or light; a cookie, so that the server draws the right one at once. */
export function connect(root: HTMLElement, signal: AbortSignal): void {
  root.addEventListener(
    "click",
    () => {
      const page = document.documentElement;
      const theme = page.dataset.theme === "light" ? "dark" : "light";
      if (theme === "light") page.dataset.theme = "light";
      else delete page.dataset.theme;
      // biome-ignore lint/suspicious/noDocumentCookie: cookieStore is missing over plain http
      document.cookie = `theme=${theme}; path=/; max-age=${YEAR_SECONDS}; samesite=lax`;
      document.dispatchEvent(new CustomEvent("theme:change", { detail: { theme } }));
    },
    { signal },
  );
}
