"use strict";
// Before anything is drawn, so that no page flashes in the wrong colours.
{
  const theme = localStorage.getItem("packshot.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
}
