"""What synthetic images save in money: labelled images that need not be made, less what the study and the work cost."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Prices:
    """Costs in one currency."""

    image: float
    """Of one labelled image more: acquisition, reading, annotation."""
    compute_hour: float = 0.0
    compute_hours: float = 0.0
    labour_hour: float = 0.0
    labour_hours: float = 0.0

    @property
    def spent(self) -> float:
        """Compute and labour."""
        return self.compute_hour * self.compute_hours + self.labour_hour * self.labour_hours


def value(equivalents: Mapping[str, Any], prices: Prices) -> dict[str, Any]:
    """Savings from the lower bound of the real-image equivalents; negative savings are shown as such.

    Parameters
    ----------
    equivalents: of one arm, from `equivalents`.

    Returns
    -------
    ``images`` (the lower bound), ``saved`` = images x price of an image, ``spent``, ``net`` = saved - spent, and
    ``bound``: "at most" where the lower bound itself lies at the lower end of the learning curve. Where there are no
    equivalents, images, saved and net are None and ``why`` says so.
    """
    images = equivalents.get("low")
    if images is None:
        why = equivalents.get("why", "there are no real-image equivalents")
        return {"images": None, "saved": None, "spent": prices.spent, "net": None, "why": why}
    saved = images * prices.image
    bound = "at most" if equivalents["low_bound"] == "at most" else ""
    return {"images": images, "saved": saved, "spent": prices.spent, "net": saved - prices.spent, "bound": bound}


def text(gains: Mapping[str, Any], prices: Prices, currency: str = "") -> str:
    """The candidate's savings in a few lines; ``gains`` is the content of ``gains.json``."""
    candidate = gains["headline"]["candidate"]
    curve = gains["learning_curve"]
    record = curve["equivalents"].get(candidate) or {"low": None, "why": curve.get("why", f"{candidate} has none")}
    found = value(record, prices)
    if found["net"] is None:
        return f"{candidate}: no sum can be given: {found['why']}"
    bound, money = (f"{found['bound']} " if found["bound"] else ""), f" {currency}".rstrip()
    limits = " ".join(filter(None, ["lower limit; estimate", record["value_bound"], f"{record['value']:+,}"]))
    return "\n".join([
        f"{candidate}: worth {bound}{found['images']:+,} labelled real images ({limits})",
        f"saved  {bound}{found['saved']:,.0f}{money}",
        f"spent  {found['spent']:,.0f}{money}",
        f"net    {bound}{found['net']:,.0f}{money}",
    ])  # fmt: skip
