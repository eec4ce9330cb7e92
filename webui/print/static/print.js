// The page's only script: it opens the browser's dialog to print, once by itself
// and then with a button.
const button = document.getElementById("print");
button.hidden = false;
button.addEventListener("click", () => print());
addEventListener("load", () => print());
