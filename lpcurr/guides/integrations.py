"""An environment takes a task at every reset and reports the score at the end of the episode, by itself.

- `lpcurr.CurriculumEnv` for Gymnasium, alone and in vector environments;
- `lpcurr.integrations.puffer.CurriculumEnv` for PufferLib, and so for MettaGrid;
- `lpcurr.integrations.metta` in place of metta's own curriculum: `lpcurr help migrating`.

The first two in their own words:
"""

ALSO = ("lpcurr.integrations.gymnasium", "lpcurr.integrations.puffer")
