"""Write the golden prompts again: `python -m tests.golden.prompts.make`. Read the difference before you commit it."""

from __future__ import annotations

import yaml

from tests.golden.prompts import FOLDER, SPEECH, written

if __name__ == "__main__":
    for speech in SPEECH:
        text = yaml.safe_dump(written(speech), sort_keys=False, allow_unicode=True, width=128)
        (FOLDER / f"{speech}.yaml").write_text(text, encoding="utf-8")
