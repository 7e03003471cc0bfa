"""Control: fresh samples of the truth, where the source is a simulator. No generator can be better than this one."""

import numpy as np
import torch
from torch import Tensor

from synthgain.config import component
from synthgain.dataset import to_float
from synthgain.errors import SynthgainError
from synthgain.generators.contract import Facts, Generator


class Oracle(Generator):
    """Asks the source's ``draw`` for new patients."""

    control = True

    def __init__(self, facts: Facts) -> None:
        super().__init__()
        self.facts = facts
        self.source = component("sources", facts.source.kind)
        if not hasattr(self.source, "draw"):
            raise SynthgainError(
                f"generators: 'oracle' needs a source that can draw new true images; '{facts.source.kind}' cannot. "
                "Leave the control out: control=[copies]"
            )

    def sample(self, labels: Tensor, *, seed: int) -> Tensor:
        order = np.array([self.source.CLASSES.index(name) for name in self.facts.classes])
        drawn = self.source.draw(self.facts.source, order[labels.cpu().numpy()], seed=seed, size=self.facts.size)
        return to_float(torch.from_numpy(drawn).expand(-1, self.facts.channels, -1, -1))
