(function () {
  "use strict";
  var form = document.getElementById("calculator");
  if (!form) { return; }
  var images = Number(form.dataset.images), atMost = form.dataset.atMost === "true";
  var shown = document.getElementById("net");
  function amount(name) { return Number(form.elements[name].value) || 0; }
  function money(value) {
    return (value < 0 ? "−" : "") + Math.abs(value).toLocaleString("en", { maximumFractionDigits: 0 });
  }
  function update() {
    var saved = images * amount("image");
    var spent = amount("compute_hours") * amount("compute_hour") + amount("labour_hours") * amount("labour_hour");
    shown.textContent = (atMost ? "at most " : "") + money(saved - spent) + " = " + money(saved) + " saved − " +
      money(spent) + " spent";
  }
  form.addEventListener("input", update);
  update();
})();
