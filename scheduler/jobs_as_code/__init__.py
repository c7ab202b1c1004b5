"""Jobs as code: what a file and the handlers say against what a running service has."""

from __future__ import annotations
