"""Virtual door phones, access terminals and indoor monitors.

Faithful to what is published about the devices (docs/simulator.md names the sources).
Runs without Django; of Portico it uses the kernel and the protocols only.
"""

from __future__ import annotations
