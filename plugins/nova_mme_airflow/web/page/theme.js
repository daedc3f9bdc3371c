// Light or dark, as Airflow is: its UI keeps the choice in localStorage ("theme": light, dark or system). A classic
// script in the head, so that nothing is painted in the wrong colours first.
"use strict";
(() => {
  const follow = () => {
    let chosen = null;
    try {
      chosen = localStorage.getItem("theme");
    } catch {
      chosen = null; // storage is blocked: the system's choice counts
    }
    const known = chosen === "light" || chosen === "dark" ? chosen : "";
    document.documentElement.dataset.theme = known;
  };
  follow();
  addEventListener("storage", follow); // Airflow's own switch, in the frame around
})();
