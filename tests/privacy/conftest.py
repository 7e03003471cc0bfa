"""The images in drawn_patients.py are at hand for every test beside it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
