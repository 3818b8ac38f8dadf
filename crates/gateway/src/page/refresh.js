// Fetches the page anew while nobody objects, and keeps open what was open.
async function refresh() {
  if (document.getElementById("live").checked && !document.hidden) {
    try {
      const answer = await fetch("/", { headers: { accept: "text/html" } });
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      const open = new Set();
      document.querySelectorAll("details[open]").forEach((d) => open.add(d.dataset.name));
      fresh.querySelectorAll("details").forEach((d) => { d.open = open.has(d.dataset.name); });
      document.querySelector("main").replaceWith(fresh.querySelector("main"));
    } catch (gone) {
      document.body.style.opacity = 0.5;
      return;
    }
  }
  setTimeout(refresh, 2000);
}
setTimeout(refresh, 2000);
