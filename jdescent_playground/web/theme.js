// Before anything is painted: light or dark, larger or not, and where the last visit ended.
{
  const kept = localStorage.getItem(`kept ${location.pathname}`);
  if (kept && !location.search) location.replace(`?${kept}`);
  if (sessionStorage.getItem("presents")) document.documentElement.dataset.presents = "";
  document.documentElement.dataset.theme = localStorage.getItem("theme")
    ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
}
