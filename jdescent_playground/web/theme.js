// Before anything is painted: light or dark, and where the last visit ended.
{
  const kept = localStorage.getItem(`kept ${location.pathname}`);
  if (kept && !location.search) location.replace(`?${kept}`);
  document.documentElement.dataset.theme = localStorage.getItem("theme")
    ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
}
